"""A transcript from a seed: the system prompt, one or several tasks, and what to learn of it."""

import functools
import json
import random
from dataclasses import dataclass
from pathlib import Path

import jinja2.sandbox

import changes
import configs
import errands
import repairs
import talk
import tools
import words
from session import Session

HERE = Path(__file__).parent
TEMPLATE = HERE.parents[1] / "crates/hub/embedded/chat_template.jinja"
BUILT_IN = HERE.parents[1] / "crates/agents/src/eval/agent"

FAMILIES = repairs.FAMILIES | configs.FAMILIES | changes.FAMILIES | errands.FAMILIES | talk.FAMILIES
WEIGHTS = {
    "repair": 48,
    "json": 6,
    "toml": 5,
    "delete": 5,
    "replace": 9,
    "rename": 5,
    "constant": 3,
    "parameter": 4,
    "new_file": 6,
    "trail": 3,
    "tool": 3,
    "entry": 2,
    "question": 7,
    "chat": 4,
}


@dataclass(eq=False)
class Prompt:
    """An agent's system prompt and tools, with the places that differ from machine to machine."""

    system: str
    tools: list
    package: str = ""
    cwd: str = ""

    @property
    def head(self):
        """The system turn as it was recorded."""
        return self.with_tool(())

    @functools.lru_cache(maxsize=4)
    def with_tool(self, extra):
        return render([{"role": "system", "content": self.system}], self.tools + [json.loads(tool) for tool in extra])

    def draw(self, rng, cwd, extra=None):
        head = self.with_tool((json.dumps(extra),) if extra else ())
        if self.package:
            head = head.replace(self.package, words.folder(rng) + "/node_modules/pi")
        if self.cwd:
            head = head.replace(self.cwd, cwd)
        return head


@functools.cache
def template():
    """The chat template, in Jinja with the settings that transformers gives it."""
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.from_string(TEMPLATE.read_text())


def render(messages, tools=None, **more):
    return template().render(messages=messages, tools=tools, **more)


def prompts(pi=None):
    """The prompts by agent. `pi` is the file that record_pi.py wrote; without it Pi is left out."""
    system = (BUILT_IN / "system.md").read_text().rstrip("\n")
    found = {"shorn": Prompt(system, json.loads((BUILT_IN / "tools.json").read_text()))}
    if pi:
        recorded = json.loads(Path(pi).read_text())
        found["pi"] = Prompt(recorded["system"], recorded["tools"], recorded["package"], recorded["cwd"])
    return found


@dataclass
class Transcript:
    family: str
    agent: str
    head: str  # the system turn, rendered
    session: Session

    def pieces(self):
        """(text, role, learn) from the beginning to the end; what the template renders, in pieces."""
        yield self.head, "system", False
        turns = self.session.turns
        for index, turn in enumerate(turns):
            if turn.role == "user":
                yield f"<|im_start|>user\n{turn.text}<|im_end|>\n<|im_start|>assistant\n", "user", False
            elif turn.role == "tool":
                text = f"<|im_start|>user\n<tool_response>\n{turn.text}\n</tool_response>\n<|im_end|>\n<|im_start|>assistant\n"
                yield text, "tool", False
            else:
                yield turn.text + "<|im_end|>", "assistant", turn.learn
                if index + 1 < len(turns):
                    yield "\n", "user", False

    def text(self):
        return "".join(text for text, _, _ in self.pieces())


def transcript(seed, prompts, family=None, agent=None, tasks=None):
    """The transcript of a seed, for one of the agents in `prompts`."""
    rng = random.Random(seed)
    names = words.Names(rng)
    drawn = rng.choice(sorted(prompts))
    agent = agent or drawn
    weights = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    family = family or weights
    cwd = words.folder(rng)
    if family == "chat":
        agent = agent if rng.random() < 0.3 else ""
    session = Session({"pi": tools.Pi, "shorn": tools.Shorn, "": None}[agent], rng, cwd)
    if agent:
        if family == "tool":
            session.extra_tool = errands.draw_tool(rng, names)
        head = prompts[agent].draw(rng, cwd, session.extra_tool and session.extra_tool[1])
    elif rng.random() < 0.3:
        text = rng.choice(talk.SYSTEMS).format(w=words.noun(rng), v=words.noun(rng))
        head = f"<|im_start|>system\n{text}<|im_end|>\n"
    else:
        head = ""
    FAMILIES[family](session, names)
    # Some sessions go on with more tasks in the same project.
    more = rng.choices([0, 1, 2, 4, 6], [80, 10, 5, 3, 2])[0] if tasks is None else tasks - 1
    for _ in range(more if agent else 0):
        following = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if following == "tool":
            continue
        FAMILIES[following](session, names)
    return Transcript(family, agent, head, session)
