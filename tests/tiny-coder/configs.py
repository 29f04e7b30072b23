"""Tasks that change a value or add an entry in a JSON or TOML file."""

import json

import words
from repairs import ask


def config_value(rng):
    return rng.choice(
        [
            lambda: rng.randint(0, 9999),
            lambda: words.noun(rng),
            lambda: rng.random() < 0.5,
            lambda: f"{words.noun(rng)}-{rng.randint(1, 99)}",
            lambda: round(rng.random() * 10, 1),
            lambda: f"/{words.noun(rng)}/{words.noun(rng)}",
        ]
    )()


def other_value(rng, value):
    """A new value of the same type."""
    if isinstance(value, bool):
        return not value
    while True:
        new = config_value(rng)
        if type(new) is type(value) and new != value:
            return new


def _tables(rng, names):
    """Sections with entries, no key twice."""
    return {
        names.key(): {names.key(): config_value(rng) for _ in range(rng.randint(1, 4))}
        for _ in range(rng.randint(1, 4))
    }


SET = [
    "Set {key} in section {section} of {path} to {value}.",
    "In {path}, change {section}.{key} to {value}.",
    "Please change {key} (under {section}) to {value} in {path}.",
    "{path}: {section}.{key} should be {value}.",
]
SET_TOP = ["Set {key} in {path} to {value}.", "In {path}, change {key} to {value}.", "{path}: {key} should be {value}."]


def json_change(session, names):
    rng = session.rng
    data = {names.key(): config_value(rng) for _ in range(rng.randint(1, 3))}
    nested = _tables(rng, names)
    data |= nested
    if rng.random() < 0.5:
        # One level deeper.
        inner = rng.choice(list(nested))
        data[inner][names.key()] = {names.key(): config_value(rng) for _ in range(rng.randint(1, 3))}
    items = list(data.items())
    rng.shuffle(items)
    data = dict(items)
    path = rng.choice(["", "", f"{names.key()}/"]) + f"{names.key()}.json"
    session.files[path] = json.dumps(data, indent=rng.choice([2, 4])) + "\n"
    section = rng.choice(list(nested))
    text = session.files[path]
    kind = rng.choice(["set", "set", "set", "object", "top"])
    if kind == "object":
        # A nested object, as the first entry of its section.
        key, first, second = names.key(), names.key(), names.key()
        value = {first: config_value(rng), second: config_value(rng)}
        line = next(line for line in text.split("\n") if f'"{section}": {{' in line)
        indent = line[: len(line) - len(line.lstrip())]
        step = indent
        old = f'"{section}": {{'
        body = f'{indent}{step}"{key}": {{\n{indent}{step * 2}"{first}": {json.dumps(value[first])},\n{indent}{step * 2}"{second}": {json.dumps(value[second])}\n{indent}{step}}},'
        new = f"{old}\n{body}"
        session.user(
            ask(
                rng,
                [
                    "Add an object {key} with {first} = {one} and {second} = {two} as the first entry of {section} in {path}.",
                    "In {path}, insert {key} = {{{first}: {one}, {second}: {two}}} at the beginning of {section}.",
                ],
                key=key,
                first=first,
                second=second,
                one=json.dumps(value[first]),
                two=json.dumps(value[second]),
                section=section,
                path=path,
            )
        )
        done = f"Added {key} to {section} in {path}."
    else:
        if kind == "top":
            section, scope = None, {key: value for key, value in data.items() if not isinstance(value, dict)}
        else:
            scope = {key: value for key, value in data[section].items() if not isinstance(value, dict)}
        key = rng.choice(list(scope))
        new_value = json.dumps(other_value(rng, scope[key]))
        old, new = f'"{key}": {json.dumps(scope[key])}', f'"{key}": {new_value}'
        session.user(
            ask(rng, SET_TOP if section is None else SET, key=key, section=section, path=path, value=new_value)
        )
        done = f"Set {key} to {new_value} in {path}."
    session.see(path)
    session.edit(path, [(old, new)])
    json.loads(session.files[path])
    session.say(done)


def toml_text(value):
    return json.dumps(value)


def toml_change(session, names):
    rng = session.rng
    tables = _tables(rng, names)
    path = rng.choice(["", "", f"{names.key()}/"]) + f"{names.key()}.toml"
    comment = rng.choice(["", f"# {names.key()}\n\n"])
    blocks = [
        f"[{name}]\n" + "".join(f"{key} = {toml_text(value)}\n" for key, value in table.items())
        for name, table in tables.items()
    ]
    session.files[path] = comment + "\n".join(blocks)
    section = rng.choice(list(tables))
    if rng.random() < 0.25:
        key, value = names.key(), toml_text(config_value(rng))
        session.user(
            ask(
                rng,
                [
                    "Add {key} = {value} as the first entry of [{section}] in {path}.",
                    "In {path}, insert the line {key} = {value} right below [{section}].",
                ],
                key=key,
                value=value,
                section=section,
                path=path,
            )
        )
        old, new, done = f"[{section}]", f"[{section}]\n{key} = {value}", f"Added {key} to {section} in {path}."
    else:
        # Not one whose name is the end of another one's.
        section, key = rng.choice(
            [
                (name, key)
                for name, table in tables.items()
                for key in table
                if session.files[path].count(f"{key} = ") == 1
            ]
        )
        value = toml_text(other_value(rng, tables[section][key]))
        session.user(ask(rng, SET, key=key, section=section, path=path, value=value))
        old, new = f"{key} = {toml_text(tables[section][key])}", f"{key} = {value}"
        done = f"Set {key} to {value} in {path}."
    session.see(path)
    session.edit(path, [(old, new)])
    session.say(done)


FAMILIES = {"json": json_change, "toml": toml_change}
