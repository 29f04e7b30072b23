import hashlib
import os
from pathlib import Path

import pytest
import units

SOURCE = Path(os.environ["SHORN_PROJECT"], "units.py").read_text()

# Of the file without the line that is to be changed.
LINES = 1531
DIGEST = "79454449ad862c17ec9669ea015507bdae75fa485c69e62326af3bbfde03ea11"


def test_a_stone_has_its_grams():
    assert units.stone_to_gram(2) == pytest.approx(12700.58636)
    with pytest.raises(ValueError):
        units.stone_to_gram(-1)


def test_the_other_factors_are_as_they_were():
    assert units.gram_to_stone(6350.29318) == pytest.approx(1)
    assert units.mile_to_metre(1) == 1609.344
    assert units.quad_to_joule(1) == 1.055055852e18


def test_no_other_line_was_changed():
    lines = [line for line in SOURCE.splitlines() if "return value * 6350.29318" not in line]
    assert len(lines) + 1 == LINES
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == DIGEST
