"""Numbers as text."""

DIGITS = "0123456789abcdef"

ROMAN = [
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
]


def to_base(number, base):
    """Return a number in another base, from 2 to 16."""
    text = ""
    while number:
        number, digit = divmod(number, base)
        text = DIGITS[digit] + text
    return text or "0"


def to_roman(number):
    """Return a number in Roman numerals."""
    text = ""
    for value, letters in ROMAN:
        while number >= value:
            text += letters
            number -= value
    return text


def to_words(digits):
    """Return digits as words, one after the other."""
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    text = ""
    for digit in digits:
        text += words[int(digit)] + " "
    return text.strip()
