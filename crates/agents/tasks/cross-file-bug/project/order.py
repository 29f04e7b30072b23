from shipping import is_heavy, parcel_weight


def order_weight(items):
    """Return the weight of items in a box of 2."""
    return parcel_weight(items, 2)


def order_price(items):
    """Return 9 when the order is heavy, else 5."""
    if is_heavy(order_weight(items), 20):
        return 9
    return 5
