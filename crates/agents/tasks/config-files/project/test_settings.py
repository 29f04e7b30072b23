import json


def test_the_backup_server():
    with open("settings.json") as file:
        settings = json.load(file)
    backup = settings["servers"][1]
    assert backup["retries"] == 5
    assert backup["regions"] == ["us", "asia", "eu"]


def test_the_project():
    with open("project.toml") as file:
        lines = file.read().splitlines()
    assert any(line.startswith('version = "1.5.0"') for line in lines)
    assert any(line.startswith("colour = true") for line in lines)
