import os
from pathlib import Path

import numerals

SOURCE = Path(os.environ["SHORN_PROJECT"], "numerals.py").read_text()

TO_BASE = '''\
def to_base(number, base):
    """Return a number in another base, from 2 to 16."""
    text = ""
    while number:
        number, digit = divmod(number, base)
        text = DIGITS[digit] + text
    return text or "0"
'''

TO_WORDS = '''\
def to_words(digits):
    """Return digits as words, one after the other."""
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    text = ""
    for digit in digits:
        text += words[int(digit)] + " "
    return text.strip()
'''


def test_the_function_and_its_table_are_gone():
    assert not hasattr(numerals, "to_roman")
    assert not hasattr(numerals, "ROMAN")
    assert "roman" not in SOURCE.lower()


def test_the_neighbours_are_as_they_were():
    assert TO_BASE in SOURCE and TO_WORDS in SOURCE
    assert 'DIGITS = "0123456789abcdef"\n' in SOURCE
    assert SOURCE.startswith('"""Numbers as text."""\n')
    assert numerals.to_base(10, 2) == "1010"
    assert numerals.to_words("907") == "nine zero seven"


def test_nothing_was_added():
    names = [name for name in vars(numerals) if not name.startswith("__")]
    assert names == ["DIGITS", "to_base", "to_words"]
