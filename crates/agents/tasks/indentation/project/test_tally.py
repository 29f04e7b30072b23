from tally import summary


def yak(wool, shorn=False):
    return {"wool": wool, "shorn": shorn}


def test_each_herd_counts_once():
    herds = [("north", [yak(3), yak(4)]), ("south", [yak(5), yak(9, shorn=True)])]
    assert summary(herds) == ([("north", 7), ("south", 5)], 12)
