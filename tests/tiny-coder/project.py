"""Modules and tests around functions: how a project's files are written and laid out."""

from dataclasses import dataclass

import functions


@dataclass
class Style:
    """How one project writes Python."""

    annotated: bool
    docstring: str
    quote: str
    methods: bool

    @classmethod
    def draw(cls, rng):
        return cls(
            annotated=rng.random() < 0.4,
            docstring='"""' if rng.random() < 0.9 else "'''",
            quote=rng.choice("'\""),
            methods=rng.random() < 0.2,
        )

    def text(self, line):
        """The line with this style's quotes."""
        if self.quote == '"' and self.docstring not in line and '"' not in line:
            return line.replace("'", '"')
        return line


class Module:
    """A Python file: functions, perhaps as methods of a class, below imports and constants."""

    def __init__(self, rng, style, names, path):
        self.rng, self.style, self.path = rng, style, path
        self.imports = []
        self.class_name = names.type() if style.methods else None
        self.constants = [f"{names.constant()} = {rng.randint(1, 999)}" for _ in range(rng.choice([0, 0, 1, 2]))]
        self.blocks = []

    @property
    def dotted(self):
        return self.path.removesuffix(".py").replace("/", ".")

    def add(self, function, body):
        """Adds a function with this body (the right one, a broken one, one that is missing)."""
        self.blocks.append("\n".join(function.lines(self.style, body, bool(self.class_name))))

    def source(self):
        head = []
        if self.imports:
            head.append("\n".join(joined(self.imports)))
        if self.constants:
            head.append("\n".join(self.constants))
        if self.class_name:
            head.append("\n\n".join([f"class {self.class_name}:\n" + self.blocks[0], *self.blocks[1:]]))
        else:
            head += self.blocks
        return "\n\n\n".join(head) + "\n"

    def call(self, function, arguments):
        """How another file imports and calls a function of this one: (import line, expression)."""
        style = self.style
        if self.class_name:
            return f"from {self.dotted} import {self.class_name}", f"{self.class_name}().{function.name}({arguments})"
        if self.rng.random() < 0.8 or "." in self.dotted:
            return f"from {self.dotted} import {function.name}", style.text(f"{function.name}({arguments})")
        return f"import {self.dotted}", style.text(f"{self.dotted}.{function.name}({arguments})")


def joined(imports):
    """Import lines of which no two import from one module."""
    lines, places = [], {}
    for line in dict.fromkeys(imports):
        origin, found, name = line.partition(" import ")
        if found and origin in places:
            lines[places[origin]] += f", {name}"
        else:
            places[origin] = len(lines)
            lines.append(line)
    return lines


@dataclass
class Layout:
    """Where a project keeps its modules and tests."""

    package: str
    tests: str

    @classmethod
    def draw(cls, rng, names):
        package = names.module() if rng.random() < 0.5 else ""
        tests = "tests/" if package or rng.random() < 0.4 else ""
        return cls(package + "/" if package else "", tests)

    def module(self, names):
        return f"{self.package}{names.module()}.py"

    def test(self, module):
        return f"{self.tests}test_{module.split('/')[-1]}"

    def extra(self):
        """Files that the layout needs beside modules and tests."""
        return {f"{self.package}__init__.py": ""} if self.package else {}


def test_source(imports, cases, style):
    """A test file: `cases` are (test name, [(call, expected)])."""
    blocks = ["\n".join(joined(imports))]
    for name, asserts in cases:
        lines = [
            style.text(f"    assert {call} {'is' if expected in ('True', 'False', 'None') else '=='} {expected}")
            for call, expected in asserts
        ]
        blocks.append("\n".join([f"def test_{name}():", *lines]))
    return "\n\n\n".join(blocks) + "\n"


def distractors(rng, names, module, count):
    """Adds functions that are right and that nobody asks about."""
    for _ in range(count):
        function = functions.draw(rng, names.function())
        module.add(function, function.body)
