import numerals


def test_what_stays_works():
    assert numerals.to_base(255, 16) == "ff"
    assert numerals.to_words("42") == "four two"


def test_what_was_unused_is_gone():
    assert not hasattr(numerals, "to_roman")
    assert not hasattr(numerals, "ROMAN")
