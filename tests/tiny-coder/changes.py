"""Tasks that say what to change: constants, names, functions to delete, to replace, to add."""

import re

import functions
import words
from configs import SET_TOP, config_value, other_value
from project import Layout, Module, Style, distractors, test_source
from repairs import ENDINGS, OPENINGS, ask, statement_call


def draw_module(session, names, count=None, style=None):
    """A module of right functions, and a test of one of them, in the project. (module, functions, style)"""
    rng = session.rng
    style, layout = style or Style.draw(rng), Layout.draw(rng, names)
    module = Module(rng, style, names, layout.module(names))
    drawn = [functions.draw(rng, names.function()) for _ in range(count or rng.randint(2, 4))]
    for function in drawn:
        module.add(function, function.body)
    session.files |= layout.extra()
    return module, drawn, style, layout


def add_test(session, module, function, style, layout):
    statement, _ = module.call(function, "")
    asserts = [
        (statement_call(module, function, statement, arguments), expected) for arguments, expected in function.cases
    ]
    path = layout.test(module.path)
    session.files[path] = test_source([statement], [(function.name, asserts)], style)
    return path


def _finish(session, sentence):
    """After a change to Python files the tests run."""
    assert session.run_tests(), "a change broke the tests"
    session.say(f"{sentence} All tests pass.")


def delete_function(session, names):
    rng = session.rng
    module, drawn, style, layout = draw_module(session, names, rng.randint(3, 5))
    keep = drawn[0]
    add_test(session, module, keep, style, layout)
    gone = rng.choice(drawn[1:])
    block = "\n".join(gone.lines(style, gone.body, bool(module.class_name)))
    separator = "\n\n" if module.class_name else "\n\n\n"
    session.files[module.path] = module.source()
    session.user(
        ask(
            rng,
            [
                "Delete the function {name} from {path}; nothing uses it.",
                "Remove {name} from {path}. Leave everything else as it is.",
                "{name} in {path} is dead code, delete it.",
                "Please drop {name} from {path} without touching its neighbours.",
            ],
            name=gone.name,
            path=module.path,
        )
    )
    session.see(module.path)
    # The first function of a module has something before it or, always, something after it.
    session.edit(module.path, [(separator + block, "")])
    _finish(session, f"Deleted `{gone.name}` from {module.path}.")


TRICKY = [
    '"{w}"',
    "'{w}'",
    "\\n",
    "\\t",
    "\\\\",
    "C:\\\\{w}\\\\{v}",
    "é",
    "ü",
    "ß",
    "日本",
    "語",
    "🎉",
    "🚀",
    "→",
    "—",
    "…",
    "<b>{w}</b>",
    "$HOME",
    "%s",
    "{{w}}",
    "a\\tb",
    "&amp;",
    "`{w}`",
    "#",
    "@",
    "\\x41",
    "½",
    "€",
    "ñ",
    "Ω",
    "[{w}]",
    "{w}: {v}",
    "\t",
    "~/{w}",
    "{w}|{v}",
    "100%",
]


def tricky_text(rng):
    """Words and characters that quoting gets wrong, as they stand in a Python source between double quotes."""
    parts = []
    for _ in range(rng.randint(2, 5)):
        part = rng.choice(TRICKY) if rng.random() < 0.6 else words.noun(rng)
        part = part.replace("{w}", words.noun(rng)).replace("{v}", words.noun(rng))
        parts.append(part.replace('"', '\\"'))
    return " ".join(parts)


def replace_function(session, names):
    """A function is given whole, with quotes, backslashes, tabs and other alphabets."""
    rng = session.rng
    module, drawn, style, layout = draw_module(session, names, rng.randint(1, 3))
    name, argument = names.function(), words.arguments(rng, 1)[0]
    first = [f"def {name}({argument}):", f'    return "{tricky_text(rng)}" + {argument}']
    style.methods = False
    module.class_name = None
    module.blocks = ["\n".join(function.lines(style, function.body)) for function in drawn]
    module.blocks.insert(rng.randint(0, len(drawn)), "\n".join(first))
    session.files[module.path] = module.source()
    tab = rng.random() < 0.3
    indent = "\t" if tab else "    "
    lines = [f"def {name}({argument}):"]
    if rng.random() < 0.5:
        lines.append(f'{indent}"""Say {tricky_text(rng)}."""'.replace('\\"', "'"))
    variable = rng.choice(["text", "line", "result"])
    lines.append(f'{indent}{variable} = "{tricky_text(rng)}"')
    if rng.random() < 0.5:
        lines += [f"{indent}if {argument}:", f'{indent * 2}{variable} += "{tricky_text(rng)}"']
    lines.append(f"{indent}return {variable}")
    new = "\n".join(lines)
    scope = {}
    exec(new, scope)  # our own text
    expected = ascii(scope[name]("x"))
    test = layout.test(module.path)
    session.files[test] = (
        f"from {module.dotted} import {name}\n\n\ndef test_{name}():\n    assert {name}('x') == {expected}\n"
    )
    session.user(
        ask(
            rng,
            [
                "Replace the function {name} in {path} with exactly this:\n```python\n{new}\n```\n",
                "In {path}, {name} must read like this:\n```python\n{new}\n```\n",
                "Change {name} in {path} to:\n```python\n{new}\n```\n",
            ],
            name=name,
            path=module.path,
            new=new,
        ).rstrip(" ")
    )
    session.see(module.path)
    session.edit(module.path, [("\n".join(first), new)])
    _finish(session, f"Replaced `{name}` in {module.path}.")


def _renamed_project(rng, names):
    """A function, its caller and its test: (old name, files by path, the package's other files)"""
    style, layout = Style.draw(rng), Layout.draw(rng, names)
    style.methods = False
    home, caller = (Module(rng, style, names, layout.module(names)) for _ in range(2))
    function = functions.draw(rng, names.function())
    home.add(function, function.body)
    distractors(rng, names, home, rng.choice([0, 1, 2]))
    rng.shuffle(home.blocks)
    statement, old = f"from {home.dotted} import {function.name}", function.name
    caller.imports.append(statement)
    wrapper = functions.Function(
        names.function(),
        rng.choice(["Pass on.", "The same for others.", "Convenience."]),
        function.arguments,
        function.annotations,
        function.returns,
        [f"return {old}({', '.join(function.arguments)})"],
        [],
        function.cases,
    )
    caller.add(wrapper, wrapper.body)
    distractors(rng, names, caller, rng.choice([0, 1]))
    arguments, expected = function.cases[0]
    test = test_source([statement], [(names.key(), [(f"{old}({arguments})", expected)])], style)
    return old, {home.path: home.source(), caller.path: caller.source(), layout.test(home.path): test}, layout.extra()


def rename(session, names):
    """A function, its callers and its test; the prompt names the files in order."""
    rng = session.rng
    while True:
        old, files, extra = _renamed_project(rng, names)
        # No other name may contain the old one.
        if all(text.count(old) == len(re.findall(rf"\b{old}\b", text)) for text in files.values()):
            break
    session.files |= extra | files
    new = names.function()
    session.user(
        ask(
            rng,
            [
                "Rename the function {old} to {new} in {files}.",
                "{old} should be called {new}. It occurs in {files}.",
                "Please rename {old} to {new} everywhere: {files}.",
            ],
            old=old,
            new=new,
            files=", ".join(files),
        )
    )
    for path in files:
        session.see(path)
        lines = [line for line in session.files[path].split("\n") if old in line]
        session.edit(path, [(line, line.replace(old, new)) for line in lines])
    _finish(session, f"Renamed `{old}` to `{new}` in {len(files)} files.")


def constant(session, names):
    rng = session.rng
    module, drawn, style, layout = draw_module(session, names)
    name = names.constant()
    while any(name in line for line in module.constants):
        name = names.constant()
    value = config_value(rng)
    module.constants = [*module.constants, f"{name} = {value!r}"]
    rng.shuffle(module.constants)
    session.files[module.path] = module.source()
    add_test(session, module, drawn[0], style, layout)
    new = repr(other_value(rng, value))
    session.user(ask(rng, SET_TOP, key=name, path=module.path, value=new))
    session.see(module.path)
    session.edit(module.path, [(f"{name} = {value!r}", f"{name} = {new}")])
    _finish(session, f"Set {name} to {new} in {module.path}.")


def parameter(session, names):
    """A new optional parameter of a function."""
    rng = session.rng
    style = Style.draw(rng)
    style.annotated = False
    module, drawn, style, layout = draw_module(session, names, style=style)
    session.files[module.path] = module.source()
    add_test(session, module, drawn[0], style, layout)
    function = rng.choice(drawn)
    default = rng.choice(["False", "True", "None", "0", str(rng.randint(1, 99)), f"'{words.noun(rng)}'"])
    name = words.arguments(rng, 1, function.arguments)[0]
    session.user(
        ask(
            rng,
            [
                "Give {function} in {path} an optional parameter {name} with the default {default}, as the last one.",
                "Add the parameter {name}={default} to {function} in {path}. It need not do anything yet.",
                "{function} in {path} needs another parameter at the end: {name}={default}.",
            ],
            function=function.name,
            path=module.path,
            name=name,
            default=default,
        )
    )
    session.see(module.path)
    header = function.header(style, bool(module.class_name))
    session.edit(module.path, [(header, header.replace("):", f", {name}={default}):"))])
    _finish(session, f"Added `{name}` to `{function.name}` in {module.path}.")


def new_file(session, names):
    """A module in a folder that is not there yet."""
    rng = session.rng
    style = Style(False, '"""', "'", False)
    folder = names.key() if rng.random() < 0.7 else f"{names.key()}/{names.key()}"
    path = f"{folder}/{names.module()}.py"
    function = functions.draw(rng, names.function())
    source = "\n".join(function.lines(style, function.body)) + "\n"
    has_test = rng.random() < 0.6
    if has_test:
        test = rng.choice(["", "tests/"]) + f"test_{path.split('/')[-1]}"
        module = path.removesuffix(".py").replace("/", ".")
        asserts = [(f"{function.name}({arguments})", expected) for arguments, expected in function.cases]
        session.files[test] = test_source([f"from {module} import {function.name}"], [(function.name, asserts)], style)
    else:
        other, drawn, other_style, layout = draw_module(session, names)
        session.files[other.path] = other.source()
        add_test(session, other, drawn[0], other_style, layout)
    signature = f"{function.name}({', '.join(function.arguments)})"
    sentence = function.sentence
    session.user(
        rng.choice(OPENINGS)
        + rng.choice(
            [
                f"Create {path} with a function {signature}: {sentence}",
                f"Add a new file {path}. It has one function, {signature}. {sentence}",
                f"Write {signature} in a new file {path}. What it does: {sentence}",
            ]
        )
        + rng.choice(ENDINGS)
    )
    session.write(path, source)
    _finish(session, f"Created {path} with `{function.name}`.")


FAMILIES = {
    "delete": delete_function,
    "replace": replace_function,
    "rename": rename,
    "constant": constant,
    "parameter": parameter,
    "new_file": new_file,
}
