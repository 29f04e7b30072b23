from main import describe


def test_a_circle_in_words():
    assert describe(2) == "4 wide, area 12.57"
