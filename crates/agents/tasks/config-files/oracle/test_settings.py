import json
import os
from pathlib import Path

PROJECT = Path(os.environ["SHORN_PROJECT"])
JSON = (PROJECT / "settings.json").read_text()
TOML = (PROJECT / "project.toml").read_text()


def test_the_json_has_the_new_values_and_the_old_ones():
    assert json.loads(JSON) == {
        "servers": [
            {"name": "main", "retries": 3, "regions": ["us", "asia"]},
            {"name": "backup", "retries": 5, "regions": ["us", "asia", "eu"]},
        ],
        "timeout": 2.5,
        "greeting": "caf\u00e9",
    }
    assert list(json.loads(JSON)) == ["servers", "timeout", "greeting"]


def test_the_json_was_not_written_anew():
    assert '"timeout": 2.50,' in JSON
    assert '"caf\\u00e9"' in JSON


def test_the_toml_has_the_new_values_and_its_comments():
    lines = [" ".join(line.split()) for line in TOML.splitlines()]
    assert lines == [
        "# The project's own settings.",
        "[project]",
        'name = "yak-shop"',
        'version = "1.5.0" # raised for each release',
        "",
        "[features]",
        "sound = true",
        "colour = true # off until the palette is ready",
        "",
        "[tool.version]",
        'minimum = "1.4.9"',
    ]
