from config import load_config
from storage import days, load_notes


def show(day):
    """Return a day's note with the mark from the configuration."""
    return load_config()["mark"] + " " + load_notes(day)


def show_all():
    """Return all notes."""
    return [show(day) for day in days()]
