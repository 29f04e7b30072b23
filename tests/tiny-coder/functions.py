"""Functions drawn from the table of templates, with arguments that tell the right body from the wrong one."""

import ast
from dataclasses import dataclass

import words
from templates import KINDS, TEMPLATES


@dataclass
class Function:
    """One drawn function."""

    name: str
    sentence: str
    arguments: list
    annotations: list
    returns: str
    body: list
    bugs: list
    cases: list  # (arguments as text, result as text): those that the project's tests have
    hidden: list = ()  # more of them

    def header(self, style, receiver=False):
        names = [
            f"{name}: {annotation}" if style.annotated else name
            for name, annotation in zip(self.arguments, self.annotations)
        ]
        arrow = f" -> {self.returns}" if style.annotated else ""
        return f"def {self.name}({', '.join((['self'] if receiver else []) + names)}){arrow}:"

    def lines(self, style, body, receiver=False):
        """Header, docstring and body, each line with its indentation."""
        indent = "    " if receiver else ""
        quote = style.docstring
        lines = [self.header(style, receiver), f"    {quote}{self.sentence}{quote}", *("    " + line for line in body)]
        return [style.text(indent + line) for line in lines]


def draw(rng, name, returns=None):
    """A function, perhaps one that returns this, whose cases tell the right body from its bug."""
    templates = [template for template in TEMPLATES if returns in (None, template.returns)]
    while True:
        template = rng.choice(templates)
        names = words.arguments(rng, len(template.kinds))
        word, other = words.nouns(rng, 2)
        number, more = sorted(rng.sample(range(2, 40 if "{m}" in template.sentence else 12), 2))
        fill = {**dict(zip("abc", names)), "k": number, "m": more, "w": word, "v": other}
        body = [line.format(**fill) for line in template.body]
        bugs = [(index, line.format(**fill)) for index, line in template.bugs]
        calls, seen = [], set()
        for _ in range(12):
            values = [KINDS[kind][1](rng) for kind in template.kinds]
            if any(phrase in template.sentence for phrase in ("of {b} in {a}", "equal {b}", "{b} is in {a}")):
                values[1] = rng.choice(values[0]) if rng.random() < 0.7 else values[1]
            elif "entry of {a} for {b}" in template.sentence and rng.random() < 0.5:
                values[1] = rng.choice(list(values[0]))
            elif "of {a} are in {b}" in template.sentence:
                values[1] = rng.sample(values[0] + values[1], 3)
            if repr(values) not in seen:
                seen.add(repr(values))
                calls.append(values)
        right = [_run(names, body, values) for values in calls]
        wrong = []
        for index, line in bugs:
            changed = body[:index] + [line] + body[index + 1 :]
            results = [_run(names, changed, values) for values in calls]
            telling = [at for at in range(len(calls)) if results[at] != right[at]]
            if telling:
                wrong.append((index, line, telling))
        if not wrong or any(result.startswith("!") for result in right):
            continue
        index, line, telling = rng.choice(wrong)
        chosen = [rng.choice(telling)]
        if rng.random() < 0.4:
            chosen.append(rng.choice(range(len(calls))))
        listed = [(", ".join(map(repr, values)), result) for values, result in zip(calls, right)]
        cases = [listed[at] for at in dict.fromkeys(chosen)]
        annotations = [KINDS[kind][0] for kind in template.kinds]
        sentence = template.sentence.format(**fill)
        return Function(name, sentence, names, annotations, template.returns, body, [(index, line)], cases, listed)


def _run(names, body, values):
    """What a body returns, as text; `!` and the exception when it raises one."""
    source = f"def f({', '.join(names)}):\n" + "".join(f"    {line}\n" for line in body)
    scope = {}
    try:
        exec(source, scope)  # our own templates
        # A copy, since a body may change its arguments.
        result = scope["f"](*ast.literal_eval(repr(values)))
    except Exception as error:  # a bug may raise anything
        return f"!{type(error).__name__}"
    return repr(result)
