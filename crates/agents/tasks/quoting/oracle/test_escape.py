import os
from pathlib import Path

import escape

SOURCE = Path(os.environ["SHORN_PROJECT"], "escape.py").read_text(encoding="utf-8")


def test_every_character_is_right():
    assert escape.table() == {
        "tab": chr(9),
        "newline": chr(10),
        "backslash": chr(92),
        "quotes": "it" + chr(39) + "s " + chr(34) + "so" + chr(34),
        "path": "C:" + chr(92) + "new" + chr(92) + "table",
        "word": "na\u00efve \u2013 \u65e5\u672c \u2013 \U0001f403",
    }


def test_lines_are_indented_with_tabs_as_they_were_given():
    assert "\t\t'newline': '\\n',\n" in SOURCE
    assert '\t\t"quotes": "it\'s \\"so\\"",\n' in SOURCE
    assert "    " not in SOURCE


def test_the_neighbours_are_as_they_were():
    assert SOURCE.startswith("# Characters that are hard to write: \"\\t\", '\\n', 日本.\n\n\ndef names():\n\treturn [\"tab\", 'newline', \"word\"]\n")
    assert SOURCE.endswith("def has(name):\n\treturn name in table()\n")
    assert escape.has("path") and not escape.has("bell")
