"""Tasks in which tests fail: a bug, here or in another file, or a function that is missing its body.

The strategy is always the same, so that what was seen determines the next turn: run the tests; read the test file of the
first failure, then the module it imports, then what that one imports if the function under test calls it; replace the function from its `def` line to the line
that is wrong; run the tests again. A file that was read is not read again.
"""

import ast
from dataclasses import replace

import functions
import words
from project import Layout, Module, Style, distractors, test_source

ASKS = [
    "The test in {test} fails. Find the cause and fix it.",
    "{test} fails, please fix the bug.",
    "Make the tests in {test} pass.",
    "Fix the failing test in {test}. The cause may be in another file.",
    "The tests fail. Find out why and repair it.",
    "Please get the test suite green again.",
    "Run the tests and fix what is broken.",
    "Something is wrong, {test} is red. Can you fix it? Do not change the test.",
    "python3 -m pytest fails in this project. Find the root cause and fix it.",
    "Tests in this folder fail. Fix the code, not the tests.",
    "Fix the bug.",
    "pytest is failing, please look into it.",
    "Why does {test} fail? Repair it.",
    "There is a bug somewhere. The tests show it; mend the code.",
    "Find the bug that makes {test} fail.",
    "Fix it so that the tests pass.",
]
IMPLEMENT = [
    "Implement what is missing so that {test} passes.",
    "Implement what is missing in {path} so that the test in {test} passes.",
    "{path} lacks the body of a function. Write it; {test} tests it.",
    "A function is not implemented yet. Write it so that the tests pass.",
    "Implement the missing function. {test} says what it must do.",
    "Fill in the function that raises NotImplementedError; the tests in {test} must pass.",
    "Please implement what the failing tests ask for.",
    "Make {test} pass by writing the missing code.",
]
OPENINGS = ["", "", "", "", "Hi! ", "Hello, ", "Hey. ", "Please help: "]
ENDINGS = ["", "", "", "", " Thanks!", " Thank you.", " Be brief.", " Keep the change small."]


def ask(rng, sentences, **fill):
    return rng.choice(OPENINGS) + rng.choice(sentences).format(**fill) + rng.choice(ENDINGS)


class Target:
    """A function that is wrong: where it is, how the wrong lines read and how the right ones."""

    def __init__(self, rng, style, function, module, missing):
        self.function, self.module, self.missing = function, module, missing
        index, wrong = function.bugs[0]
        body = function.body
        self.body = ["raise NotImplementedError"] if missing else body[:index] + [wrong] + body[index + 1 :]
        last = 1 if missing else index + 1
        method = bool(module.class_name)
        self.old = "\n".join(function.lines(style, self.body[:last], method))
        self.new = "\n".join(function.lines(style, body if missing else body[:last], method))

    @property
    def done(self):
        verb = "Implemented" if self.missing else "Fixed"
        return f"{verb} `{self.function.name}` in {self.module.path}."


def repair(session, names, kind=None):
    """One task; `kind` is `bug`, `cross` (the cause is a file away), `spec`, or `several`."""
    rng = session.rng
    kind = kind or rng.choices(["bug", "cross", "spec", "several"], [20, 35, 25, 20])[0]
    style, layout = Style.draw(rng), Layout.draw(rng, names)
    count = 1 if kind != "several" else rng.choice([2, 2, 3])
    missing_all = kind == "spec"
    long = kind in ("bug", "spec") and rng.random() < 0.04
    test_path, imports, cases, targets, modules = None, [], [], [], {}
    for _ in range(count):
        missing = missing_all or (kind == "several" and rng.random() < 0.3)
        depth = {"bug": 0, "cross": rng.choice([1, 1, 2])}.get(kind, rng.choice([0, 0, 1]))
        chain = _chain(rng, style, names, layout, depth)
        function = functions.draw(rng, names.function())
        target = Target(rng, style, function, chain[-1], missing)
        order = [lambda: chain[-1].add(function, target.body)]
        # Now and then a file is too long to read at once.
        beside = rng.randint(60, 100) if long else rng.choice([0, 1, 1, 2, 3])
        order += [lambda: distractors(rng, names, chain[-1], 1)] * beside
        rng.shuffle(order)
        for step in order:
            step()
        called, owner = function, chain[-1]
        for module in reversed(chain[:-1]):
            called, owner = _delegate(rng, style, names, module, called, owner), module
        test_path = test_path or layout.test(chain[0].path)
        statement, _ = chain[0].call(called, "")
        imports.append(statement)
        asserts = []
        for arguments, expected in called.cases:
            # The same import line for each call.
            expression = statement_call(chain[0], called, statement, arguments)
            asserts.append((expression, expected))
        cases.append((called.name, asserts))
        targets.append((target, chain))
        session.checks += [
            (statement, statement_call(chain[0], called, statement, arguments), expected)
            for arguments, expected in called.hidden
        ]
        modules.update({module.path: module for module in chain})
    session.files |= layout.extra() | {path: module.source() for path, module in modules.items()}
    session.files[test_path] = test_source(imports, cases, style)
    path = targets[0][0].module.path
    session.user(ask(rng, IMPLEMENT if missing_all else ASKS, test=test_path, path=path))
    session.run_tests()
    session.see(test_path)
    for number, (target, chain) in enumerate(targets):
        for module in chain:
            _look(session, module.path, target.old if module is target.module else None)
        path = target.module.path
        _stumble(session, target)
        session.edit(path, [(target.old, target.new)])
        passed = session.run_tests()
        assert passed == (number == len(targets) - 1), "the repair does not do what it should"
    session.say(" ".join(target.done for target, _ in targets) + " All tests pass.")
    return targets


def statement_call(module, function, statement, arguments):
    if module.class_name:
        return f"{module.class_name}().{function.name}({arguments})"
    prefix = f"{module.dotted}." if statement.startswith("import ") else ""
    return f"{prefix}{function.name}({arguments})"


def _chain(rng, style, names, layout, depth):
    """Modules of which each imports the next one."""
    return [Module(rng, style, names, layout.module(names)) for _ in range(depth + 1)]


def _delegate(rng, style, names, module, called, owner):
    """Adds to `module` a function that calls `called` of `owner`; returns it."""
    statement, _ = owner.call(called, "")
    if statement not in module.imports:
        module.imports.append(statement)
    given, wrapped = _with_a_constant(rng, called) if rng.random() < 0.4 else (called.arguments, called)
    wrapper = functions.Function(
        names.function(),
        _remark(rng, called.name),
        wrapped.arguments,
        wrapped.annotations,
        called.returns,
        [f"return {statement_call(owner, called, statement, ', '.join(given))}"],
        [],
        wrapped.cases,
        wrapped.hidden,
    )
    order = [lambda: module.add(wrapper, wrapper.body)]
    order += [lambda: distractors(rng, names, module, 1)] * rng.choice([0, 0, 1, 2])
    if not owner.class_name and statement.startswith("from ") and rng.random() < 0.4:
        order.append(lambda: _decide(rng, style, names, module, owner))
    rng.shuffle(order)
    for step in order:
        step()
    return wrapper


def _with_a_constant(rng, called):
    """(what `called` is given, the rest of it as a function): one argument has the value that it has in the first case."""
    values = [ast.literal_eval(f"[{arguments}]") for arguments, _ in called.cases + called.hidden]
    at = rng.randrange(len(called.arguments))
    if len(called.arguments) < 2 or not isinstance(values[0][at], (int, str)):
        return called.arguments, called
    constant = values[0][at]

    def without(items):
        return [item for index, item in enumerate(items) if index != at]

    def rest(cases):
        parsed = ((ast.literal_eval(f"[{arguments}]"), result) for arguments, result in cases)
        same = ((items, result) for items, result in parsed if repr(items[at]) == repr(constant))
        return [(", ".join(map(repr, without(items))), result) for items, result in same]

    given = [repr(constant) if index == at else name for index, name in enumerate(called.arguments)]
    arguments, annotations = without(called.arguments), without(called.annotations)
    return given, replace(
        called, arguments=arguments, annotations=annotations, cases=rest(called.cases), hidden=rest(called.hidden)
    )


def _decide(rng, style, names, module, owner):
    """Adds to `owner` a function that answers yes or no, and to `module` one that decides by it. Nobody asks about them."""
    question = functions.draw(rng, names.function(), "bool")
    owner.add(question, question.body)
    rng.shuffle(owner.blocks)
    module.imports.append(f"from {owner.dotted} import {question.name}")
    rng.shuffle(module.imports)
    first, second = rng.sample(range(1, 100), 2)
    adjective, noun, other = rng.choice(words.ADJECTIVES), *words.nouns(rng, 2)
    sentence = rng.choice(
        [
            f"Return {first} when the {noun} is {adjective}, else {second}.",
            f"{first} for a {adjective} {noun}, otherwise {second}.",
            f"The {other} of the {noun}: {first} or {second}.",
        ]
    )
    call = f"{question.name}({', '.join(question.arguments)})"
    body = [f"if {call}:", f"    return {first}", f"return {second}"]
    decider = functions.Function(
        names.function(), sentence, question.arguments, question.annotations, "int", body, [], []
    )
    module.add(decider, decider.body)


def _remark(rng, name):
    """What stands in the docstring of a function that passes a call on."""
    remark = rng.choice(
        [
            "Return what `{name}` returns.",
            "Pass on to `{name}`.",
            "See `{name}`.",
            "The same as `{name}`.",
            "Return the {a} of the {b}.",
            "{a} for {b}.",
            "The {a} {b} of a {c}.",
            "Compute the {a} from the {b} and the {c}.",
            "For the {a}: {b} with {c}.",
            "Return the {a} that belongs to the {b}.",
            "Return the {a} of {b} in a {c} of {n}.",
            "Return the {a} with {n} of the {b}.",
        ]
    )
    return remark.format(name=name, n=rng.randint(1, 99), **dict(zip("abc", words.nouns(rng, 3))))


def _stumble(session, target):
    """Now and then a step that goes wrong first; not one to learn, only how to go on after it."""
    rng, path = session.rng, target.module.path
    chance = rng.random()
    if chance < 0.05:
        # Old text that is there twice or not at all.
        lines = target.old.split("\n")
        wrong = rng.choice(
            [
                lines[-1].strip()[:6],
                target.old.replace("    ", "\t", 1) + " ",
                target.old + "\n\n# end",
                lines[0].upper(),
            ]
        )
        if session.files[path].count(wrong) != 1:
            session.edit(path, [(wrong, target.new)], learn=False)
    elif chance < 0.08:
        session.edit(path, [(target.old, target.old)], learn=False)
    elif chance < 0.11:
        # A change that leaves the tests red: the function is put right from what it reads now.
        first, _, rest = target.old.partition("\n")
        worse = target.old + "  # " + rng.choice(["changed", "fixed", "see above", "was wrong"])
        session.edit(path, [(target.old, worse)], learn=False)
        session.run_tests()
        target.old = worse


def _look(session, path, text):
    """Reads a file unless it was read already; now and then after a wrong guess of where it is."""
    if path not in session.seen and session.rng.random() < 0.03:
        name = path.split("/")[-1]
        wrong = session.rng.choice([name, "src/" + path, path.replace(".py", "s.py"), "lib/" + name, "app/" + path])
        if wrong not in session.files:
            session.read(wrong, learn=False)
    session.see(path, text)


FAMILIES = {"repair": repair}
