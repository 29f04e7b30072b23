import os
import re
from pathlib import Path

import config
import notes
import report
import storage

PROJECT = Path(os.environ["SHORN_PROJECT"])


def test_the_new_name_works_everywhere():
    assert storage.load_notes("tue") == "shear two yaks"
    assert storage.load_notes("sun") == ""
    assert storage.days() == ["mon", "tue"]
    assert notes.show("mon") == "* buy hay"
    assert report.length("tue") == 3


def test_the_old_name_is_gone():
    assert not hasattr(storage, "load") and not hasattr(notes, "load")
    for name in ["storage.py", "notes.py", "report.py"]:
        assert not re.search(r"\bload\(", (PROJECT / name).read_text())


def test_what_only_looks_like_it_is_as_it_was():
    assert config.load_config() == {"mark": "*"}
    assert report.workload() == 5
    assert "the load is not a name here" in (PROJECT / "report.py").read_text()
