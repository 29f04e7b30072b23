def first_row(rows):
    """Return the first element of rows."""
    return rows[0]


def count_rows(rows, word):
    """Return how many elements of rows equal word."""
    raise NotImplementedError


def is_wide(row, limit):
    """Return True when row has more than limit elements."""
    return len(row) > limit
