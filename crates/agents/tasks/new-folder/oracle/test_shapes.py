import math

import pytest
from main import describe
from shapes import circle


def test_the_module_is_in_the_package():
    assert circle.__name__ == "shapes.circle"


def test_area_and_diameter_are_right():
    assert circle.area(1) == pytest.approx(math.pi)
    assert circle.area(0) == 0
    assert circle.diameter(2.5) == 5


def test_the_program_uses_it():
    assert describe(2) == "4 wide, area 12.57"
