from limits import patience
from timing import TIMEOUT


def connect(address):
    """Return the address and how long to wait for a reply."""
    return address, patience(TIMEOUT)
