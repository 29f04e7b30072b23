#!/usr/bin/env python3
"""Compares what `tools.Pi` says that Pi's tools answer with what the pinned Pi's tools really answer."""

import json
import random

import record_pi
import session
import tools

FILES = {
    "a.py": "def f(x):\n    return x\n\n\ndef g(x):\n    return x\n",
    "test_a.py": "from a import f\n\n\ndef test_f():\n    assert f(2) == 2\n",
}
EDITS = [
    ("a.py", [("def f(x):\n    return x\n", "def f(x):\n    return 2 * x\n")]),
    ("a.py", [("    return x", "    return 3 * x")]),
    ("a.py", [("    return 2 * x", "    return x * 2 // 2"), ("def g(x):", "def k(x):")]),
    ("a.py", [("    return x", "    return y")]),
    ("a.py", [("nowhere", "there")]),
    ("a.py", [("return", "give"), ("nowhere", "there")]),
    ("a.py", [("def k(x):", "def k(x):")]),
    ("b.py", [("x", "y")]),
]


def ours():
    """The calls and the answers as the generator makes them."""
    made = session.Session(tools.Pi, random.Random(0), "CWD", dict(FILES))
    made.run_tests()
    made.read("a.py")
    made.read("missing/c.py")
    made.write("new/d.txt", "one\ntwo\n")
    for path, edits in EDITS:
        made.edit(path, edits, learn=False)
    made.run_tests()
    name, arguments, answer = tools.Pi.list(made.files)
    calls = [(turn.name, turn.arguments) for turn in made.turns if turn.role == "assistant"]
    answers = [turn.text for turn in made.turns if turn.role == "tool"]
    return [*calls, (name, arguments)], [*answers, answer]


def main():
    calls, answers = ours()
    deltas = [
        {
            "tool_calls": [
                {
                    "index": 0,
                    "id": f"call{number}",
                    "type": "function",
                    "function": {"name": name, "arguments": json.dumps(arguments)},
                }
            ]
        }
        for number, (name, arguments) in enumerate(calls)
    ]
    bodies, project = record_pi.run(deltas, FILES)
    theirs = [message["content"] for message in bodies[-1]["messages"] if message["role"] == "tool"]
    assert len(theirs) == len(answers)
    different = 0
    for call, mine, real in zip(calls, answers, theirs):
        mine, real = (run_times(text) for text in (mine.replace("CWD", project), real))
        # pytest leaves folders that the generator does not make.
        real = (
            "".join(line + "\n" for line in real.split("\n") if line and not line.startswith("__"))
            if call[1] == {"command": "ls"}
            else real
        )
        if mine != real:
            different += 1
            print(f"{call}\n--- ours\n{mine}\n--- Pi\n{real}")
    print(f"{len(calls)} answers, {different} differ")
    raise SystemExit(different > 0)


def run_times(text):
    return session.run_pytest.SECONDS.sub(" in 0s", text)


if __name__ == "__main__":
    main()
