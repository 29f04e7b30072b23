def first_row(rows):
    """Return the first element of rows."""
    return rows[0]


def count_rows(rows, word):
    """Return how many elements of rows equal word."""
    count = 0
    for entry in rows:
        if entry == word:
            count += 1
    return count


def is_wide(row, limit):
    """Return True when row has more than limit elements."""
    return len(row) > limit
