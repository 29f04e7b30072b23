"""Times, in seconds."""

TIMEOUT = 30
RETRY = 12
