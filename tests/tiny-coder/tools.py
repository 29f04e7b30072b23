"""What the tools of the two agents answer. `check_pi.py` compares Pi's with the real Pi; the built-in agent's are
written down in crates/agents/src/eval/agent/RESULTS.md."""

import os


class Pi:
    """The Pi coding agent, in the version that tests/agents.json pins."""

    name = "pi"
    LINES = 2000

    @staticmethod
    def tests(output, code):
        """The call that runs the tests, and its answer."""
        return "bash", {"command": "python3 -m pytest -q"}, Pi.bash(output, code)

    @staticmethod
    def bash(output, code=0):
        text = output or "(no output)"
        return f"{text}\n\nCommand exited with code {code}" if code else text

    @staticmethod
    def list(files):
        """The call that lists the files at the top, and its answer."""
        top = sorted({path.split("/")[0] for path in files})
        return "bash", {"command": "ls"}, "".join(f"{name}\n" for name in top)

    @staticmethod
    def read(session, path, offset=None):
        text = session.files.get(path)
        if text is None:
            return f"ENOENT: no such file or directory, access '{os.path.join(session.cwd, path)}'"
        return text

    @staticmethod
    def written(path):
        return f"Successfully wrote to {path}"

    @staticmethod
    def edited(path, text, edits):
        """The file afterwards (`None` when nothing changed), and the answer."""
        if text is None:
            return None, f"Could not edit file: {path}. Error code: ENOENT."
        one = len(edits) == 1
        for index, (old, _) in enumerate(edits):
            found = text.count(old)
            if found == 0:
                which, noun = ("the exact text", "old text") if one else (f"edits[{index}]", "oldText")
                return None, (
                    f"Could not find {which} in {path}. The {noun} must match exactly including all whitespace and newlines."
                )
            if found > 1:
                which, noun = ("the text", "The text") if one else (f"edits[{index}]", "Each oldText")
                return None, (
                    f"Found {found} occurrences of {which} in {path}. {noun} must be unique. Please provide more context to make it unique."
                )
        changed = replaced(text, edits)
        if changed == text:
            return None, (
                f"No changes made to {path}. The replacement produced identical content. This might indicate an issue with"
                " special characters or the text not existing as expected."
            )
        return changed, f"Successfully replaced {len(edits)} block(s) in {path}."


class Shorn:
    """The eval's built-in agent."""

    name = "shorn"
    LINES = 400

    @staticmethod
    def tests(output, code):
        return "run_tests", {}, f"{output.rstrip()}\n[exit code {code}]"

    @staticmethod
    def list(files):
        return "read", {"path": "."}, "\n".join(sorted(files))

    @staticmethod
    def read(session, path, offset=None):
        text = session.files.get(path)
        if text is None:
            return f"Error: there is no {path}."
        if not text:
            return "[empty file]"
        lines = text.splitlines(keepends=True)
        first = (offset or 1) - 1
        shown = lines[first : first + Shorn.LINES]
        answer = "".join(shown)
        if first + len(shown) < len(lines):
            answer += f"[lines {first + 1} to {first + len(shown)} of {len(lines)}]"
        return answer

    @staticmethod
    def written(path):
        return f"Wrote {path}."

    @staticmethod
    def edited(path, text, edits):
        if text is None:
            return None, f"Error: there is no {path}."
        for number, (old, _) in enumerate(edits, 1):
            found = text.count(old)
            if found == 0:
                return None, f"Error: oldText of edit {number} is not in {path}. Read it and copy the text exactly."
            if found > 1:
                return None, (
                    f"Error: oldText of edit {number} is in {path} {found} times. Add lines around it until it is there once."
                )
        changed = replaced(text, edits)
        if changed == text:
            return None, "Error: the edits change nothing."
        many = "" if len(edits) == 1 else "s"
        return changed, f"Edited {path}: {len(edits)} replacement{many}."


def replaced(text, edits):
    """All edits are found in the text as it was."""
    places = sorted((text.index(old), old, new) for old, new in edits)
    parts, at = [], 0
    for start, old, new in places:
        assert start >= at, "edits overlap"
        parts += [text[at:start], new]
        at = start + len(old)
    return "".join([*parts, text[at:]])
