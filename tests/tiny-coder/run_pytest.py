"""Real pytest on a project that exists only as texts, fast: in a forked child that has pytest imported already."""

import contextlib
import gc
import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
sys.dont_write_bytecode = True

import pytest  # noqa: E402

# A file system in memory where there is one.
SCRATCH = "/dev/shm" if Path("/dev/shm").is_dir() else None
SECONDS = re.compile(r" in \d+\.\d\ds")
ADDRESS = re.compile(r"\b0x[0-9a-f]{8,16}\b")


WARM_UP = "def test_it():\n    def inner(x):\n        return x\n\n    assert inner(3) == 4\n"
_warm = False


def _import_everything():
    """Has pytest import what it only imports when it runs, so that the children need not."""
    global _warm
    if not _warm:
        _warm = True
        run({"test_it.py": WARM_UP}, None, fork=False)
        gc.freeze()


def run(files, rng, variables=None, fork=True):
    """What `python3 -m pytest` prints for these files, and its exit code. Times and addresses in it are drawn, so that
    it depends on nothing but `rng`."""
    if fork:
        _import_everything()
    folder = Path(tempfile.mkdtemp(dir=SCRATCH))
    try:
        for path, text in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        if not fork:
            with contextlib.redirect_stdout(io.StringIO()):
                pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)])
            return "", 0
        output = folder / ".output"
        child = os.fork()
        if child == 0:
            _child(folder, output, variables or {})
        _, status = os.waitpid(child, 0)
        text = output.read_text(errors="replace")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = SECONDS.sub(f" in {rng.randint(1, 24) / 100:.2f}s", text)
    return ADDRESS.sub(f"0x7{rng.getrandbits(44):011x}", text), os.waitstatus_to_exitcode(status)


def _child(folder, output, variables):
    """Runs the tests and never returns."""
    code = 70
    try:
        file = os.open(output, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.stdout = open(1, "w", closefd=False)
        sys.stderr = open(2, "w", closefd=False)
        for name in ("CI", "BUILD_NUMBER", "COLUMNS", "PYTEST_CURRENT_TEST"):
            os.environ.pop(name, None)
        os.environ.update(variables)
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        # The cache's files change nothing that is printed.
        code = int(pytest.main(["-q", "-p", "no:cacheprovider"]))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
