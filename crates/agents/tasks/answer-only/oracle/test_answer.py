import os
import re
from pathlib import Path

from client import connect

ANSWER = Path(os.environ["SHORN_ANSWER"]).read_text(encoding="utf-8")


def test_the_answer_is_the_number():
    numbers = re.findall(r"\d+", ANSWER)
    assert numbers, "no number in the answer"
    assert "45" in (numbers[0], numbers[-1])


def test_it_is_the_right_one():
    assert connect("barn")[1] == 45
