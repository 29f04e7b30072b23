"""Tasks about calling: a tool with arguments of every type, and a long way from file to file."""

import json

import words
from configs import config_value
from repairs import ask


def trail(session, names):
    """Notes that each name the next one; what they say to take is written down at the end."""
    rng = session.rng
    folder = rng.choice(["", f"{names.key()}/", f"{names.key()}/"])
    ending = rng.choice([".txt", ".md", ".note"])
    places = [f"{folder}{names.key()}{ending}" for _ in range(rng.choice([3, 4, 5, 6, 8, 10, 12]))]
    take, after, last = rng.choice(
        [
            ("Take: {what}", "Next stop: {next}", "This is the last stop."),
            ("Collect {what}.", "Then go to {next}.", "Nothing comes after this."),
            ("Item: {what}", "Next: {next}", "Next: none"),
            ("What: {what}", "Where next: {next}", "The end."),
        ]
    )
    items = [f"{rng.randint(1, 99)} {words.noun(rng)}" for _ in places]
    for index, place in enumerate(places):
        title = rng.choice(["", f"The {words.noun(rng)}.\n"])
        following = after.format(next=places[index + 1]) if index + 1 < len(places) else last
        session.files[place] = f"{title}{take.format(what=items[index])}\n{following}\n"
    start = places[0]
    if rng.random() < 0.5:
        start = f"{names.key()}.txt"
        session.files[start] = rng.choice(["First stop: {}\n", "Begin at {}\n", "{}\n", "Start: {}\n"]).format(
            places[0]
        )
    out = f"{names.key()}.txt"
    session.user(
        ask(
            rng,
            [
                "{start} leads from note to note: each says what to take and which is next. Follow them to the last one. Then write {out} with what you took, one line for each stop in order.",
                "Read {start} and go on from file to file as they say. At the end write {out} with what is to be taken, one line each, in the order of the way.",
                "{start} names the first stop. Read one stop after the other until the last, then write {out} with the things to take, one on a line.",
            ],
            start=start,
            out=out,
        )
    )
    session.see(start)
    for place in places:
        session.see(place)
    session.write(out, "".join(f"{item}\n" for item in items))
    session.say(f"Wrote {out} with {len(items)} lines.")


def _argument(rng, names, depth=0):
    """(JSON schema, value)"""
    kind = rng.choice(
        ["string", "boolean", "boolean", "integer", "number", "array", "object", "object"][: 8 if depth < 2 else 5]
    )
    if kind == "string":
        return {"type": kind}, rng.choice(
            [words.noun(rng), f"{words.noun(rng)}-{rng.randint(1, 9)}", f"{words.noun(rng)} {words.noun(rng)}"]
        )
    if kind == "boolean":
        return {"type": kind}, rng.random() < 0.5
    if kind == "integer":
        return {"type": kind}, rng.randint(0, 999)
    if kind == "number":
        return {"type": kind}, round(rng.uniform(0, 100), 1)
    if kind == "array":
        return {"type": kind, "items": {"type": "string"}}, words.nouns(rng, rng.randint(1, 3))
    parts = {names.key(): _argument(rng, names, depth + 1) for _ in range(rng.randint(1, 3))}
    schema = {"type": kind, "properties": {key: part[0] for key, part in parts.items()}}
    if rng.random() < 0.5:
        schema["required"] = list(parts)
    return schema, {key: part[1] for key, part in parts.items()}


def draw_tool(rng, names):
    """A tool beside the agent's own: (name, schema as it is offered, what it is to be called with)"""
    name = names.function()
    parts = {names.key(): _argument(rng, names) for _ in range(rng.randint(2, 4))}
    properties = {}
    for key, (schema, _) in parts.items():
        if rng.random() < 0.7:
            schema = schema | {"description": f"{rng.choice(['The', 'Which', 'What', 'For'])} {words.noun(rng)}."}
        if rng.random() < 0.3:
            # The order of keys differs from one program to the next.
            schema = dict(sorted(schema.items()))
        properties[key] = schema
    parameters = {"type": "object", "required": list(parts), "properties": properties}
    function = {
        "name": name,
        "description": f"{rng.choice(['Set', 'Change', 'Store', 'Send'])} a {words.noun(rng)}.",
        "parameters": parameters,
    }
    return name, {"type": "function", "function": function}, {key: value for key, (_, value) in parts.items()}


def tool_call(session, names):
    rng = session.rng
    name, _, arguments = session.extra_tool
    phrases, read = [], None
    for key, value in arguments.items():
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, str) and read is None and rng.random() < 0.4:
            read = f"{names.key()}.txt"
            session.files[read] = f"{value}\n"
            text = f"as in {read}"
        elif isinstance(value, bool):
            text = rng.choice([text, "yes" if value else "no", "on" if value else "off"])
        phrases.append(rng.choice(["{} = {}", "{}: {}", "{} {}"]).format(key, text))
    session.user(
        ask(
            rng,
            [
                "Call the tool {name} once with {what}. Then say that it is done.",
                "Use {name}: {what}.",
                "Please call {name} with {what}.",
            ],
            name=name,
            what=", ".join(phrases),
        )
    )
    if read:
        session.see(read)
    file = f"{words.noun(rng)}.json"
    session.call(name, arguments, f"Wrote {file}.")
    session.files[file] = json.dumps(arguments)
    session.say(f"Called `{name}`.")


def entry(session, names):
    """A text file that is written anew."""
    rng = session.rng
    path = rng.choice(["", f"{names.key()}/"]) + f"{names.key()}.{rng.choice(['txt', 'cfg', 'env'])}"
    pairs = {names.key(): config_value(rng) for _ in range(rng.randint(1, 4))}
    lines = [f"{key}={value}" for key, value in pairs.items()]
    session.user(
        ask(
            rng,
            [
                "Create {path} with these lines:\n```\n{lines}\n```\n",
                "Write a file {path}:\n```\n{lines}\n```\n",
            ],
            path=path,
            lines="\n".join(lines),
        ).rstrip(" ")
    )
    session.write(path, "\n".join(lines) + "\n")
    session.say(f"Created {path}.")


FAMILIES = {"trail": trail, "tool": tool_call, "entry": entry}
