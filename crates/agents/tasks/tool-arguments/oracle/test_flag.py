import json
import os
from pathlib import Path

FLAG = json.loads(Path(os.environ["SHORN_PROJECT"], "flag.json").read_text(encoding="utf-8"))


def test_booleans_are_booleans():
    assert FLAG["enabled"] is True
    assert FLAG["hidden"] is False


def test_the_nested_object_is_one():
    rollout = FLAG["rollout"]
    assert rollout["percent"] == 12.5
    assert sorted(rollout["groups"]) == ["beta", "staff"]
    assert rollout["owner"] == {"name": 'Zoë "Zed" Müller', "floor": 3}


def test_the_flag_is_the_one_in_the_file():
    assert FLAG["name"] == "new-checkout"
