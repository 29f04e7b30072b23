#!/usr/bin/env python3
"""Sets our chat-template rendering beside transformers' (Jinja2), template by template.

  compare_templates.py TEMPLATES_DIR [--render target/debug/examples/render]

Needs `transformers` and `jinja2`; build the other side with `cargo build -p shorn-chat --example render`.
Prints one line per template: how many conversations are equal, and the first difference of each that is not.
"""
import argparse
import copy
import itertools
import json
import subprocess
import tempfile
from pathlib import Path

from transformers.utils.chat_template_utils import render_jinja_template

SPECIAL = {"bos_token": "<BOS>", "eos_token": "<EOS>", "pad_token": "<PAD>", "unk_token": "<UNK>"}


def tool(name, description, properties, **extra):
    parameters = {"type": "object", "properties": properties, **extra}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


TOOLS = [
    tool("read", "Read a file.\n  Large ones are cut at 2000 lines & <truncated>.",
         {"path": {"type": "string", "description": "Where it is"},
          "offset": {"type": "integer", "description": "First line", "minimum": 1, "default": 1},
          "mode": {"type": ["string", "null"], "enum": ["text", "hex", None], "description": "How"}},
         required=["path"]),
    tool("edit", "Edit a file: \"old\" -> 'new'",
         {"path": {"type": "string", "description": "p"},
          "edits": {"type": "array", "description": "e", "items": {"type": "object", "properties": {
              "oldText": {"type": "string"}, "newText": {"type": "string"}}}},
          "strict": {"type": "boolean", "description": "é 日本 🚀"}},
         required=["path", "edits"], additionalProperties=False),
]


SIMPLE = [tool("list", "List files", {"path": {"type": "string", "description": "Folder"}}, required=["path"])]


def user(text):
    return {"role": "user", "content": text}


def system(text):
    return {"role": "system", "content": text}


def assistant(text, calls=(), reasoning=None):
    message = {"role": "assistant", "content": text}
    if reasoning is not None:
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = [
            {"id": f"call{n:05}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for n, (name, arguments) in enumerate(calls)]
    return message


def result(text, n=0, name="read"):
    return {"role": "tool", "tool_call_id": f"call{n:05}", "name": name, "content": text}


NESTED = ('{"path":"a b/ü.py","edits":[{"oldText":"x = \\"1\\"\\n\\t<b>","newText":"日本 🚀 \\\\n & \'q\'"}],'
          '"strict":true,"n":1.50,"big":12345678901234567890123,"none":null,"deep":{"z":[1,[2,{}]],"a":[]}}')

CONVERSATIONS = {
    "plain": dict(messages=[user("Hi there")]),
    "turns": dict(messages=[system("Be brief.\n"), user("Hi"), assistant("Hello."), user("  padded \n")]),
    "unicode": dict(messages=[system("Ünï 日本"), user("<|x|> {{ no }} {% raw %} 🚀 \\n \t'\"")]),
    "tools": dict(messages=[system("sys"), user("read it")], tools=TOOLS),
    "tools without system": dict(messages=[user("read it")], tools=TOOLS),
    "simple tools": dict(messages=[system("s"), user("ls"), assistant(None, [("list", '{"path":"."}')]),
                                   result("a b", name="list")], tools=SIMPLE),
    "call": dict(messages=[user("read it"), assistant(None, [("read", '{"path": "a.py", "offset": 3}')]),
                           result("print(1)\n")], tools=TOOLS),
    "call with text": dict(messages=[system("s"), user("go"), assistant("On it. ", [("edit", NESTED)]),
                                     result("ok", name="edit"), assistant("Done."), user("thanks")], tools=TOOLS),
    "empty arguments": dict(messages=[user("go"), assistant("", [("read", "{}")]), result("")], tools=TOOLS),
    "two calls": dict(messages=[user("go"), assistant(None, [("read", '{"path":"a"}'), ("read", '{"path":"b"}')]),
                                result("A", 0), result("B", 1), assistant("Both.")], tools=TOOLS),
    "one call": dict(messages=[user("go"), assistant("x", [("read", '{"path":"a"}')]), result("A"),
                               assistant("y", [("edit", NESTED)]), result("B", name="edit")], tools=TOOLS),
    "reasoning": dict(messages=[user("go"), assistant("Answer", reasoning="Think\nhard"), user("more"),
                                assistant(None, [("read", '{"path":"a"}')], reasoning="Again"), result("A")],
                      tools=TOOLS),
    "thinking off": dict(messages=[user("go")], kwargs={"enable_thinking": False}),
    "thinking on": dict(messages=[user("go")], kwargs={"enable_thinking": True, "thinking": True}),
    "two users": dict(messages=[user("one"), user("two"), assistant("three"), user("four")]),
    "system in the middle": dict(messages=[system("a"), user("one"), assistant("two"), system("b"), user("three")]),
    "developer": dict(messages=[{"role": "developer", "content": "dev"}, user("one")]),
}


def reference(template, conversation, object_arguments, null_content):
    messages = copy.deepcopy(conversation["messages"])
    for message in messages:
        if message["role"] == "developer" and "developer" not in template:
            message["role"] = "system"
        if message["content"] is None and not null_content:
            message["content"] = ""
        for call in message.get("tool_calls", []):
            if object_arguments:
                call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    try:
        rendered, _ = render_jinja_template(
            [messages], tools=conversation.get("tools"), chat_template=template, add_generation_prompt=True,
            **SPECIAL, **conversation.get("kwargs", {}))
        return {"text": rendered[0]}
    except Exception as error:  # a template may raise anything
        return {"error": f"{type(error).__name__}: {error}"}


def difference(ours, theirs):
    if "error" in ours or "error" in theirs:
        return f"ours {str(ours)[:150]!r} theirs {str(theirs)[:150]!r}"
    ours, theirs = ours["text"], theirs["text"]
    at = next((n for n, (a, b) in enumerate(itertools.zip_longest(ours, theirs)) if a != b), 0)
    return f"at {at}: ours {ours[max(0, at - 20):at + 40]!r} theirs {theirs[max(0, at - 20):at + 40]!r}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("templates", type=Path)
    parser.add_argument("--render", default="target/debug/examples/render")
    parser.add_argument("--verbose", action="store_true", help="also what both sides refuse")
    args = parser.parse_args()
    cases = list(CONVERSATIONS.values())
    for path in sorted(args.templates.glob("*.jinja")):
        template = path.read_text()
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "chat_template.jinja").write_text(template)
            (folder / "tokenizer_config.json").write_text(json.dumps(SPECIAL))
            (folder / "cases.json").write_text(json.dumps(cases))
            run = subprocess.run([args.render, folder, folder / "cases.json"], capture_output=True, text=True)
        if run.returncode:
            print(f"{path.name}: does not load: {run.stderr.strip()}")
            continue
        ours = json.loads(run.stdout)
        best = None
        for form in [(True, True), (True, False), (False, True), (False, False)]:
            theirs = [reference(template, case, *form) for case in cases]
            equal, refused, lines, both = 0, 0, [], []
            for name, left, right in zip(CONVERSATIONS, ours, theirs):
                if left == right:
                    equal += 1
                elif "error" in left and "error" in right:
                    refused += 1
                    if args.verbose:
                        both.append(f"    (both) {name}: {difference(left, right)}")
                else:
                    lines.append(f"    {name}: {difference(left, right)}")
            if best is None or equal + refused > best[0]:
                best = (equal + refused, equal, refused, form, lines, both)
        _, equal, refused, form, lines, both = best
        shape = f"arguments as {'object' if form[0] else 'text'}, no content as {'none' if form[1] else 'empty'}"
        print(f"{path.name}: {equal} equal, {refused} refused by both, {len(lines)} differ ({shape})")
        for line in lines + both:
            print(line)


if __name__ == "__main__":
    main()
