from timing import RETRY


def patience(timeout):
    """Return how long a client waits: its timeout and half as much again."""
    return timeout + timeout // 2


def pause():
    """Return how long to wait before the next try."""
    return RETRY * 2
