NOTES = {"mon": "buy hay", "tue": "shear two yaks"}


def load(day):
    """Return the note of a day, or an empty text."""
    return NOTES.get(day, "")


def days():
    """Return the days that have a note."""
    return [day for day in sorted(NOTES) if load(day)]
