import pytest

import units


def test_a_stone_is_fourteen_pounds():
    assert units.stone_to_gram(1) == pytest.approx(14 * units.pound_to_gram(1)), (
        f"see units.py, line {units.stone_to_gram.__code__.co_firstlineno}"
    )
