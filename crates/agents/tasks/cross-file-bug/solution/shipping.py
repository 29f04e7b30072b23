def is_heavy(weight, limit):
    """Return True when weight is at least limit."""
    return weight >= limit


def parcel_weight(items, box):
    """Return the sum of items plus box."""
    return sum(items) + box
