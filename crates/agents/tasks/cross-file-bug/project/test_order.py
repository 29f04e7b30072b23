from order import order_weight


def test_order_weight():
    assert order_weight([3, 4]) == 9
