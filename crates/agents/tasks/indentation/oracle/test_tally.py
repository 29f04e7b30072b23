from tally import longest, summary


def yak(wool, shorn=False):
    return {"wool": wool, "shorn": shorn}


def test_each_herd_has_one_line_and_its_sum():
    herds = [("north", [yak(3), yak(4)]), ("south", [yak(5)]), ("west", [yak(1), yak(1), yak(1)])]
    assert summary(herds) == ([("north", 7), ("south", 5), ("west", 3)], 15)


def test_shorn_animals_have_no_wool_and_empty_herds_have_a_line():
    assert summary([("north", [yak(3, shorn=True)]), ("south", [])]) == ([("north", 0), ("south", 0)], 0)


def test_no_herds_are_no_lines():
    assert summary([]) == ([], 0)


def test_the_neighbour_is_as_it_was():
    assert longest([("north", [yak(1)]), ("south", [yak(1), yak(2)])]) == "south"
