from table import count_rows, first_row, is_wide


def test_equal_elements_are_counted():
    assert count_rows(['oak', 'elm', 'oak'], 'oak') == 2
    assert count_rows(['oak', 'elm', 'oak'], 'elm') == 1
    assert count_rows([3, 3, 3], 3) == 3


def test_nothing_is_counted_where_nothing_is_equal():
    assert count_rows([], 'oak') == 0
    assert count_rows(['oaks', 'Oak'], 'oak') == 0


def test_the_neighbours_are_as_they_were():
    assert first_row([7, 8]) == 7
    assert is_wide([1, 2, 3], 2) and not is_wide([1, 2], 2)
