from table import count_rows


def test_count_rows():
    assert count_rows(['oak', 'elm', 'oak'], 'oak') == 2
    assert count_rows([], 'oak') == 0
