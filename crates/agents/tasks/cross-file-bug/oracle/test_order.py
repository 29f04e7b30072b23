from order import order_price, order_weight
from shipping import is_heavy, parcel_weight


def test_the_weight_of_an_order_has_the_box():
    assert order_weight([3, 4]) == 9
    assert order_weight([]) == 2


def test_a_parcel_weighs_its_items_and_its_box():
    assert parcel_weight([1, 2, 3], 10) == 16
    assert parcel_weight([5], 0) == 5


def test_the_neighbours_are_as_they_were():
    assert is_heavy(20, 20) and not is_heavy(19, 20)
    assert order_price([18]) == 9
    assert order_price([17]) == 5
