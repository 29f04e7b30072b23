import os
from pathlib import Path

PROJECT = Path(os.environ["SHORN_PROJECT"])


def the_way():
    """Follow the stops from the start and collect what each says."""
    load = []
    place = (PROJECT / "start.txt").read_text().split(": ")[1].strip()
    while True:
        _, take, following = (PROJECT / place).read_text().splitlines()
        load.append(take.removeprefix("Take: "))
        if not following.startswith("Next stop: "):
            return load
        place = following.removeprefix("Next stop: ")


def test_the_load_is_that_of_the_way_in_its_order():
    lines = [line.strip() for line in (PROJECT / "load.txt").read_text().splitlines()]
    assert [line for line in lines if line] == the_way()


def test_the_way_is_long():
    assert len(the_way()) == 12
