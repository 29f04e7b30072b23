"""A conversation between a user, an agent's tools and the model, with what the tools really answer."""

import json
from dataclasses import dataclass, field

import run_pytest


@dataclass
class Turn:
    """A message, whether it is one to learn to write, and what it calls."""

    role: str
    text: str
    learn: bool = False
    name: str = ""
    arguments: dict = None


@dataclass
class Session:
    """What happens in one conversation. The project is in memory; its tests run for real."""

    tools: type  # `tools.Pi`, `tools.Shorn`, or `None` for a chat without tools
    rng: object
    cwd: str = "/work"
    files: dict = field(default_factory=dict)
    turns: list = field(default_factory=list)
    seen: set = field(default_factory=set)
    extra_tool: tuple = None  # what `errands.draw_tool` gave
    given: list = field(default_factory=list)  # for each message of the user: (it, the files as they were then)
    checks: list = field(default_factory=list)  # (import line, call, result): what must hold in the end

    def user(self, text):
        self.given.append((text, dict(self.files)))
        self.turns.append(Turn("user", text))

    def say(self, text):
        self.turns.append(Turn("assistant", text, True))

    def call(self, name, arguments, answer, learn=True):
        self.turns.append(Turn("assistant", call_text(name, arguments), learn, name, arguments))
        self.turns.append(Turn("tool", answer))

    def read(self, path, learn=True, offset=None):
        self.seen.add(path)
        arguments = {"path": path} | ({"offset": offset} if offset else {})
        answer = self.tools.read(self, path, offset)
        self.call("read", arguments, answer, learn)
        return answer

    def see(self, path, text=None):
        """Reads a file unless it was read already: all that one call shows, or on until this text was shown."""
        if path in self.seen:
            return
        shown, offset = self.read(path), 1
        while text and text not in shown:
            offset += self.tools.LINES
            shown += self.read(path, offset=offset)

    def write(self, path, content):
        self.files[path] = content
        self.seen.add(path)
        self.call("write", {"path": path, "content": content}, self.tools.written(path))

    def edit(self, path, edits, learn=True):
        arguments = {"path": path, "edits": [{"oldText": old, "newText": new} for old, new in edits]}
        changed, answer = self.tools.edited(path, self.files.get(path), edits)
        assert (changed is not None) or not learn, f"an edit to learn fails: {answer}"
        if changed is not None:
            self.files[path] = changed
        self.call("edit", arguments, answer, learn)

    def run_tests(self):
        """Runs the tests; whether they pass."""
        # In continuous integration pytest does not cut long lines.
        variables = {"CI": "true"} if sum(self.cwd.encode()) % 5 == 0 else {}
        output, code = run_pytest.run(self.files, self.rng, variables=variables)
        self.call(*self.tools.tests(output, code))
        return code == 0


def call_text(name, arguments):
    """A tool call as Qwen3-Coder writes it."""
    parameters = "".join(
        f"<parameter={key}>\n{value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}\n</parameter>\n"
        for key, value in arguments.items()
    )
    return f"<tool_call>\n<function={name}>\n{parameters}</function>\n</tool_call>"
