def test_the_load_has_a_line_for_each_of_the_twelve_stops():
    with open("load.txt") as file:
        assert len(file.read().splitlines()) == 12
