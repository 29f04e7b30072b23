#!/usr/bin/env python3
"""Writes tasks that the training has not seen, as folders for `shorn eval --tasks`.

    heldout.py OUT --count 100 [--first 0] [--family NAME]

Each seed is one task; the seeds have a range of their own. The format: crates/agents/tasks/README.md.
"""

import argparse
import json
from pathlib import Path

import transcript

# Training counts from 10**8, its own held-out transcripts begin at 2 * 10**9, the tokenizer's at 3 * 10**9.
FIRST_SEED = 5 * 10**9

CHECKS = {
    ".json": "json.loads(text) == json.loads(EXPECTED[path])",
    ".py": "ast.dump(ast.parse(text)) == ast.dump(ast.parse(EXPECTED[path]))",
    "": "[line.rstrip() for line in text.split('\\n')] == [line.rstrip() for line in EXPECTED[path].split('\\n')]",
}
HEAD = "import ast\nimport json\nimport os\nfrom pathlib import Path\n\nPROJECT = Path(os.environ['SHORN_PROJECT'])\n"


def toml(value):
    """A value in TOML, tables inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def oracle(session, changed, answer):
    """Tests that decide: by what the repaired functions return, else by what the changed files hold, else by the answer."""
    if session.checks:
        imports = sorted({statement for statement, _, _ in session.checks})
        asserts = [f"    assert {call} == {expected}" for _, call, expected in session.checks]
        return "\n".join([*imports, "\n\ndef test_results():", *asserts]) + "\n"
    if not changed:
        return f"{HEAD}ANSWER = Path(os.environ['SHORN_ANSWER']).read_text()\n\n\ndef test_answer():\n    assert ANSWER.strip() == {answer!r}\n"
    blocks = [f"{HEAD}EXPECTED = {changed!r}\n"]
    for number, path in enumerate(sorted(changed)):
        check = CHECKS.get(Path(path).suffix, CHECKS[""])
        blocks.append(
            f"\n\ndef test_file_{number}():\n    path = {path!r}\n    text = (PROJECT / path).read_text()\n    assert {check}\n"
        )
    return "".join(blocks)


def write(folder, seed, family=None):
    """One task; its family. `None` where the seed gives none: a chat, or names that collide."""
    try:
        made = transcript.transcript(seed, transcript.prompts(), family=family, agent="shorn", tasks=1)
    except AssertionError:
        return None
    if made.family == "chat":
        return None
    session = made.session
    prompt, before = session.given[0]
    answer = session.turns[-1].text
    changed = {path: text for path, text in session.files.items() if before.get(path) != text}
    task = {
        "title": f"{made.family} {seed}",
        "checks": f"Whether the tiny coder can do a task of the family {made.family}.",
        "prompt": prompt,
        "needs": sorted(changed),
        "keep": sorted(set(before) - set(changed)) if changed else ["."],
        "answer": answer,
        "seconds": 120,
        "turns": 25,
    }
    if any(Path(path).name.startswith("test_") for path in before):
        task["test"] = "python3 -m pytest -q"
    lines = [f"{key} = {toml(value)}" for key, value in task.items()]
    if session.extra_tool:
        function = session.extra_tool[1]["function"]
        lines += [
            "",
            "[tool]",
            f"file = {toml(next(iter(changed)))}",
            *(f"{key} = {toml(value)}" for key, value in function.items()),
        ]
    files = {"task.toml": "\n".join(lines) + "\n", "oracle/test_outcome.py": oracle(session, changed, answer)}
    files |= {f"project/{path}": text for path, text in before.items()} | {
        f"solution/{path}": text for path, text in changed.items()
    }
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    for kind in ("project", "solution"):
        (folder / kind).mkdir(exist_ok=True)
    return made.family


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="how many seeds to leave out")
    parser.add_argument("--family", choices=sorted(transcript.FAMILIES))
    arguments = parser.parse_args()
    seed, written = FIRST_SEED + arguments.first, 0
    while written < arguments.count:
        family = write(arguments.out / f"task-{seed}", seed, arguments.family)
        written += family is not None
        seed += 1


if __name__ == "__main__":
    main()
