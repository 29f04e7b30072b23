"""Functions that can be broken in one line: what each should do, how it does it, how it can be wrong.

In a template `{a}`, `{b}`, `{c}` are the arguments, `{k}` and `{m}` numbers, `{w}` and `{v}` words. The sentence says
everything that the right body depends on, so that whoever reads it can write the body.
"""

import ast
from dataclasses import dataclass

import words

# What an argument can be: its annotation, and how a value of it is drawn.
KINDS = {
    "int": ("int", lambda r: r.randint(2, 60)),
    "small": ("int", lambda r: r.randint(2, 7)),
    "ints": ("list[int]", lambda r: [r.randint(1, 30) for _ in range(r.randint(3, 5))]),
    "signed": ("list[int]", lambda r: [r.randint(-20, 30) for _ in range(r.randint(3, 5))]),
    "rows": ("list[list[int]]", lambda r: [[r.randint(1, 20) for _ in range(r.randint(1, 3))] for _ in range(2)]),
    "pairs": ("list[tuple[int, int]]", lambda r: [(r.randint(1, 9), r.randint(2, 30)) for _ in range(2)]),
    "word": ("str", words.noun),
    "padded": ("str", lambda r: f"  {words.noun(r)} "),
    "words": ("list[str]", lambda r: words.nouns(r, r.randint(3, 4))),
    "text": ("str", lambda r: " ".join(words.nouns(r, 3))),
    "table": ("dict[str, int]", lambda r: {name: r.randint(1, 40) for name in words.nouns(r, 2)}),
    "flag": ("bool", lambda r: r.random() < 0.5),
}


@dataclass
class Template:
    sentence: str
    kinds: list
    returns: str
    body: list
    bugs: list  # (line, wrong line)


def _template(sentence, kinds, returns, body, *bugs):
    """`bugs` are `"wrong line"` for a body of one line, `"number: wrong line"` otherwise."""
    body = body.strip("\n").split("\n")
    numbered = []
    for bug in bugs:
        if len(body) == 1:
            numbered.append((0, bug))
        else:
            number, _, line = bug.partition(":")
            numbered.append((int(number), line[1:]))
    return Template(sentence, kinds.split(), returns, body, numbered)


T = _template
TEMPLATES = [
    T("Return the sum of {a} and {b}.", "int int", "int", "return {a} + {b}", "return {a} - {b}", "return {a} * {b}", "return {a} + {a}"),
    T("Return {a} minus {b}.", "int int", "int", "return {a} - {b}", "return {b} - {a}", "return {a} + {b}"),
    T("Return {a} times {k}.", "int", "int", "return {a} * {k}", "return {a} * {m}", "return {a} + {k}"),
    T("Return {a} plus {k}.", "int", "int", "return {a} + {k}", "return {a} - {k}", "return {a} + {m}"),
    T("Return the product of {a}, {b} and {c}.", "int small small", "int", "return {a} * {b} * {c}", "return {a} * {b} + {c}", "return {a} * {b}"),
    T("Return {a} in upper case.", "word", "str", "return {a}.upper()", "return {a}.lower()", "return {a}.title()"),
    T("Return {a} with a capital first letter.", "word", "str", "return {a}.capitalize()", "return {a}.upper()", "return {a}"),
    T("Return the first element of {a}.", "ints", "int", "return {a}[0]", "return {a}[1]", "return {a}[-1]"),
    T("Return the last element of {a}.", "words", "str", "return {a}[-1]", "return {a}[0]", "return {a}[-2]"),
    T("Return True when {a} is at least {b}.", "int int", "bool", "return {a} >= {b}", "return {a} < {b}", "return {a} <= {b}", "return {b} >= {a}"),
    T("Return True when {a} is less than {k}.", "int", "bool", "return {a} < {k}", "return {a} > {k}", "return {a} == {k}"),
    T("Return the larger of {a} and {b}.", "int int", "int", "if {a} > {b}:\n    return {a}\nreturn {b}",
      "0: if {a} < {b}:", "2: return {a}", "1:     return {b}"),
    T("Return the smallest element of {a}.", "signed", "int", "return min({a})", "return max({a})", "return {a}[0]"),
    T("Return how many elements of {a} equal {b}.", "ints int", "int",
      "count = 0\nfor value in {a}:\n    if value == {b}:\n        count += 1\nreturn count",
      "0: count = 1", "2:     if value != {b}:", "3:         count += 2", "4:     return count"),
    T("Return the elements of {a} joined with '{w}'.", "words", "str", "return '{w}'.join({a})", "return ''.join({a})", "return '{v}'.join({a})"),
    T("Return the sum of the squares from 1 to {a}.", "small", "int",
      "total = 0\nfor number in range(1, {a} + 1):\n    total += number * number\nreturn total",
      "1: for number in range(1, {a}):", "2:     total += number", "0: total = {k}", "3:     return total"),
    T("Return {a} without spaces at both ends.", "padded", "str", "return {a}.strip()", "return {a}.lstrip()", "return {a}.rstrip()"),
    T("Return a dictionary from '{w}' to {a}.", "int", "dict", "return {{'{w}': {a}}}", "return {{'{v}': {a}}}", "return {{{a}: '{w}'}}"),
    T("Return {a} reversed.", "word", "str", "return {a}[::-1]", "return {a}[::1]", "return {a}[1:]"),
    T("Return {a} divided by {b} without remainder, or {k} when {b} is 0.", "int small", "int",
      "if {b} == 0:\n    return {k}\nreturn {a} // {b}", "0: if {a} == 0:", "2: return {b} // {a}", "2: return {a} % {b}"),
    T("Return {a}, but at least {k} and at most {m}.", "int", "int", "return max({k}, min({m}, {a}))",
      "return min({k}, max({m}, {a}))", "return max({m}, min({k}, {a}))", "return min({m}, {a})"),
    T("Return the even elements of {a}.", "ints", "list[int]", "return [value for value in {a} if value % 2 == 0]",
      "return [value for value in {a} if value % 2 == 1]", "return [value for value in {a} if value % 2]"),
    T("Return the elements of {a} that are greater than {k}.", "ints", "list[int]", "return [value for value in {a} if value > {k}]",
      "return [value for value in {a} if value < {k}]", "return [value for value in {a}]", "return [value + {k} for value in {a}]"),
    T("Return the sum of {a}.", "signed", "int", "total = 0\nfor value in {a}:\n    total += value\nreturn total",
      "0: total = {k}", "2:     total -= value", "2:     total = value", "3:     return total"),
    T("Return the longest word of {a}, the first of them when there are several.", "words", "str",
      "best = ''\nfor word in {a}:\n    if len(word) > len(best):\n        best = word\nreturn best",
      "2:     if len(word) < len(best):", "0: best = {a}[-1]", "4:     return best"),
    T("Return how many words {a} has.", "text", "int", "return len({a}.split())", "return len({a})", "return len({a}.split('{w}'))"),
    T("Return {a} with each word capitalized.", "text", "str", "return ' '.join(word.capitalize() for word in {a}.split())",
      "return ''.join(word.capitalize() for word in {a}.split())", "return ' '.join(word.lower() for word in {a}.split())"),
    T("Return a dictionary from the values of {a} to its keys.", "table", "dict", "return {{value: key for key, value in {a}.items()}}",
      "return {{key: value for key, value in {a}.items()}}", "return {{value: value for key, value in {a}.items()}}"),
    T("Return the entry of {a} for {b}, or {k} when there is none.", "table word", "int", "return {a}.get({b}, {k})",
      "return {a}.get({b}, {m})", "return {a}.get({b})", "return {a}[{b}]"),
    T("Return {a} sorted from high to low.", "ints", "list[int]", "return sorted({a}, reverse=True)", "return sorted({a})", "return list(reversed({a}))"),
    T("Return {a} sorted from low to high.", "ints", "list[int]", "return sorted({a})", "return sorted({a}, reverse=True)", "return list({a})"),
    T("Return the elements of {a} without repetitions, in order.", "ints", "list[int]",
      "result = []\nfor value in {a}:\n    if value not in result:\n        result.append(value)\nreturn result",
      "2:     if value in result:", "3:         result.insert(0, value)", "4:     return result"),
    T("Return the running totals of {a}.", "ints", "list[int]",
      "total = 0\nresult = []\nfor value in {a}:\n    total += value\n    result.append(total)\nreturn result",
      "3:     total -= value", "4:     result.append(value)", "0: total = {k}", "5:     return result"),
    T("Return the factorial of {a}.", "small", "int", "result = 1\nfor number in range(2, {a} + 1):\n    result *= number\nreturn result",
      "0: result = 0", "1: for number in range(2, {a}):", "2:     result += number"),
    T("Return the greatest common divisor of {a} and {b}.", "int int", "int", "while {b}:\n    {a}, {b} = {b}, {a} % {b}\nreturn {a}",
      "1:     {a}, {b} = {b}, {a} // {b}", "2: return {b}"),
    T("Return True when {a} reads the same backwards.", "word", "bool", "return {a} == {a}[::-1]", "return {a} != {a}[::-1]", "return {a} == {a}[::1]"),
    T("Return how many vowels {a} has.", "word", "int", "return sum(1 for letter in {a} if letter in 'aeiou')",
      "return sum(1 for letter in {a} if letter not in 'aeiou')", "return sum(2 for letter in {a} if letter in 'aeiou')"),
    T("Return the first letters of the words of {a}.", "text", "str", "return ''.join(word[0] for word in {a}.split())",
      "return ''.join(word[-1] for word in {a}.split())", "return ' '.join(word[0] for word in {a}.split())"),
    T("Return {a} cut to {k} letters.", "text", "str", "return {a}[:{k}]", "return {a}[{k}:]", "return {a}[:{m}]"),
    T("Return {a} without its first letter.", "word", "str", "return {a}[1:]", "return {a}[:-1]", "return {a}[2:]"),
    T("Return {a} as text, filled with zeros to {k} digits.", "small", "str", "return str({a}).zfill({k})", "return str({a}).zfill({m})", "return str({a})"),
    T("Return the entries of {a} and {b} together; those of {b} win.", "table table", "dict", "return {{**{a}, **{b}}}",
      "return {{**{a}}}", "return {{**{b}}}"),
    T("Return the elements of all lists of {a} in one list.", "rows", "list[int]",
      "result = []\nfor row in {a}:\n    result.extend(row)\nreturn result", "2:     result.append(row)", "3:     return result", "2:     result = row"),
    T("Return {a} cut into lists of {k} elements.", "ints", "list", "return [{a}[index:index + {k}] for index in range(0, len({a}), {k})]",
      "return [{a}[index:index + {k}] for index in range(0, len({a}))]", "return [{a}[index:{k}] for index in range(0, len({a}), {k})]"),
    T("Return the index of {b} in {a}, or -1 when it is not there.", "words word", "int",
      "for index, word in enumerate({a}):\n    if word == {b}:\n        return index\nreturn -1",
      "1:     if word != {b}:", "3:     return -1", "3: return {k}"),
    T("Return True when all elements of {a} are greater than 0.", "signed", "bool", "return all(value > 0 for value in {a})",
      "return any(value < 0 for value in {a})", "return all(value < 0 for value in {a})"),
    T("Return True when a word of {a} has more than {k} letters.", "words", "bool", "return any(len(word) > {k} for word in {a})",
      "return any(len(word) < {k} for word in {a})", "return not any(len(word) > {k} for word in {a})"),
    T("Return {a} with '{w}' in place of each space.", "text", "str", "return {a}.replace(' ', '{w}')", "return {a}.replace(' ', '{v}')", "return {a}.replace('{w}', ' ')"),
    T("Return how often each element of {a} occurs.", "ints", "dict",
      "result = {{}}\nfor value in {a}:\n    result[value] = result.get(value, 0) + 1\nreturn result",
      "2:     result[value] = result.get(value, 1) + 1", "2:     result[value] = result.get(value, 0) - 1", "3:     return result"),
    T("Return {a} percent of {b}, rounded down.", "int int", "int", "return {a} * {b} // 100", "return {a} * {b}", "return {a} * {b} // 10"),
    T("Return the key of {a} with the greatest value.", "table", "str", "return max({a}, key={a}.get)", "return min({a}, key={a}.get)", "return max({a}.values())"),
    T("Return {a} repeated {k} times.", "word", "str", "return {a} * {k}", "return {a} * {m}", "return {a} + '{w}'"),
    T("Return '{w}' when {a} is even, '{v}' when it is odd.", "int", "str", "if {a} % 2 == 0:\n    return '{w}'\nreturn '{v}'",
      "0: if {a} % 2 == 1:", "1:     return '{v}'", "2: return '{w}'"),
    T("Return the sum of first times second number over the pairs of {a}.", "pairs", "int",
      "total = 0\nfor left, right in {a}:\n    total += left * right\nreturn total",
      "2:     total += left + right", "2:     total += left", "0: total = {k}", "3:     return total"),
    T("Return '{w}' followed by {a} in square brackets.", "word", "str", "return f'{w}[{{{a}}}]'", "return f'{w}({{{a}}})'", "return f'{v}[{{{a}}}]'"),
    T("Return {a} when {b} is true, otherwise {k}.", "int flag", "int", "return {a} if {b} else {k}", "return {k} if {b} else {a}", "return {a} if not {b} else {k}"),
    T("Return the average of {a}, rounded down.", "ints", "int", "return sum({a}) // len({a})", "return sum({a}) // {k}", "return sum({a})", "return len({a}) // sum({a})"),
    T("Return the difference of the greatest and the smallest element of {a}.", "ints", "int", "return max({a}) - min({a})",
      "return max({a}) + min({a})", "return min({a}) - max({a})"),
    T("Return {a} and {b} with '{w}' between them.", "word word", "str", "return {a} + '{w}' + {b}", "return {b} + '{w}' + {a}", "return {a} + '{v}' + {b}", "return {a} + {b}"),
    T("Return each element of {a} times {k}.", "ints", "list[int]", "return [value * {k} for value in {a}]", "return [value * {m} for value in {a}]", "return [value + {k} for value in {a}]"),
    T("Return {a} to the power of {b}.", "small small", "int", "return {a} ** {b}", "return {a} * {b}", "return {b} ** {a}"),
    T("Return the length of the longest word of {a}.", "words", "int", "return max(len(word) for word in {a})", "return min(len(word) for word in {a})", "return len({a})"),
    T("Return how many elements of {a} are between {k} and {m}, both included.", "ints", "int",
      "return sum(1 for value in {a} if {k} <= value <= {m})", "return sum(1 for value in {a} if {k} < value < {m})", "return sum(1 for value in {a} if value <= {m})"),
]
del T


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
        names = [f"{name}: {annotation}" if style.annotated else name for name, annotation in zip(self.arguments, self.annotations)]
        arrow = f" -> {self.returns}" if style.annotated else ""
        return f"def {self.name}({', '.join((['self'] if receiver else []) + names)}){arrow}:"

    def lines(self, style, body, receiver=False):
        """Header, docstring and body, each line with its indentation."""
        indent = "    " if receiver else ""
        quote = style.docstring
        lines = [self.header(style, receiver), f"    {quote}{self.sentence}{quote}", *("    " + line for line in body)]
        return [style.text(indent + line) for line in lines]


def draw(rng, name, need_bug=True):
    """A function whose cases tell the right body from each of its bugs."""
    while True:
        template = rng.choice(TEMPLATES)
        names = words.arguments(rng, len(template.kinds))
        word, other = words.nouns(rng, 2)
        number, more = sorted(rng.sample(range(2, 40 if "{m}" in template.sentence else 12), 2))
        fill = {**dict(zip("abc", names)), "k": number, "m": more, "w": word, "v": other}
        body = [line.format(**fill) for line in template.body]
        bugs = [(index, line.format(**fill)) for index, line in template.bugs]
        calls, seen = [], set()
        for _ in range(12):
            values = [KINDS[kind][1](rng) for kind in template.kinds]
            if "of {b} in {a}" in template.sentence or "equal {b}" in template.sentence:
                values[1] = rng.choice(values[0]) if rng.random() < 0.7 else values[1]
            elif "entry of {a} for {b}" in template.sentence and rng.random() < 0.5:
                values[1] = rng.choice(list(values[0]))
            if repr(values) not in seen:
                seen.add(repr(values))
                calls.append(values)
        right = [_run(names, body, values) for values in calls]
        wrong = []
        for index, line in bugs:
            changed = body[:index] + [line] + body[index + 1:]
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
