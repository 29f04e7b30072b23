import storage


def length(day):
    """Return how many words a day's note has."""
    return len(storage.load_notes(day).split())


def workload():
    """Return the words of all notes; the load is not a name here."""
    return sum(length(day) for day in storage.days())
