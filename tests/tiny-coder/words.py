"""Names: what a project's modules, functions, arguments and words are called."""

import builtins
import functools
import json
import keyword
import sys
from pathlib import Path

NOUNS = """
item price order user token path cart score rate level node line word page tax cost box key tree queue stack cell grid row
team unit view note task plan step lane port host disk band tone tune song book card coin loan bank shop farm seed leaf
root wave beam lamp door room wall roof tile river cloud stone bridge ticket parcel invoice ledger budget salary branch
market garden window engine sensor signal filter buffer packet socket thread worker record column table index2 matrix
vector angle circle square point shape color pixel frame scene camera light sound voice track album label badge medal
prize bonus credit debit refund stock crate shelf depot truck route stop fare trip hotel guest meal menu recipe flour
sugar spice fruit apple berry melon onion carrot pepper basil coffee teapot kettle spoon plate bottle glass candle paper
pencil ruler eraser folder letter stamp envelope message thread2 channel topic forum member group account profile avatar
""".split()
NOUNS = sorted({noun for noun in NOUNS if noun.isalpha()})
VERBS = """
get make calc find load build parse count merge split scale clip trim join pick rank sort shift swap pack fold scan mark
tag wrap move plan draw fill read_in check match group order list_up sum_up look_up take drop keep hold push pull send
fetch store apply compute format render convert resolve update adjust extract collect select limit
""".split()
ADJECTIVES = """
base top raw net new old big low fast safe main sub left right inner outer first last next final early late short long
open closed active idle local remote public private daily weekly total2 plain rich dark bright
""".split()
ADJECTIVES = sorted({word for word in ADJECTIVES if word.isalpha()})
TOKENIZER = Path(__file__).parents[2] / "crates/hub/embedded/tokenizer.json"
LETTERS = "abcdmnpqstuvwxyz"
# What function bodies call their own variables: never an argument's name.
LOCALS = set("total result count index value item key word best number entry text letter left right step".split())
FORBIDDEN = (
    set(dir(builtins))
    | set(keyword.kwlist)
    | set(sys.stdlib_module_names)
    | LOCALS
    | {"self", "test", "tests", "conftest", "pytest"}
)


# Syllables, of which words are made that no list has: what is copied must be read, not recognised.
ONSETS = "b c d f g h j k l m n p r s t v w z br ch cl cr dr fl fr gl gr kn pl pr qu sc sh sk sl sm sn sp st str th tr tw wh".split()
VOWELS = "a e i o u a e i o u ai au ea ee ei ie oa oo ou y".split()
CODAS = ["", "", "", *"b ck ct d ft g l ld ll m mp n nd ng nk nt p r rd rk rm rn rt s ss st t tch th x z".split()]


@functools.cache
def pieces():
    """The tokenizer's tokens of letters: in made-up words each of them comes up, also those that the lists seldom need."""
    if not TOKENIZER.exists():
        return []
    tokens = json.loads(TOKENIZER.read_text())["model"]["vocab"]
    # A token may begin with a space (as `Ġ`) or another sign before its letters.
    letters = {token[1:] if not token[0].isascii() or not token[0].isalpha() else token for token in tokens}
    return sorted({piece.lower() for piece in letters if len(piece) > 1 and piece.isascii() and piece.isalpha()})


def noun(rng):
    """A word: mostly from the list, often one that is made up, now and then one that bodies use too, or several of one."""
    chance = rng.random()
    if chance < 0.48:
        return rng.choice(NOUNS)
    if chance < 0.55:
        return rng.choice(NOUNS) + "s"
    if chance < 0.62:
        return rng.choice(sorted(LOCALS))
    if chance < 0.8 and pieces():
        return _word("".join(rng.choice(pieces()) for _ in range(rng.choice([1, 1, 2]))), rng)
    made = "".join(
        rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS) for _ in range(rng.choice([1, 1, 2, 2, 3]))
    )
    return _word(made, rng)


def _word(made, rng):
    """What was made up, where it is long enough and Python does not mean something by it."""
    return made if len(made) > 2 and made not in FORBIDDEN else made + rng.choice(NOUNS)


def nouns(rng, count):
    """Different words."""
    found = []
    while len(found) < count:
        word = noun(rng)
        if word not in found:
            found.append(word)
    return found


class Names:
    """Draws names of which no two are alike."""

    def __init__(self, rng):
        self.rng = rng
        self.taken = set()

    def _fresh(self, draw):
        for attempt in range(1000):
            name = draw()
            if attempt > 50:
                name += str(self.rng.randint(2, 99))
            if name not in FORBIDDEN and name not in self.taken:
                self.taken.add(name)
                return name
        raise RuntimeError("names ran out")

    def module(self):
        rng = self.rng
        return self._fresh(
            lambda: (
                noun(rng)
                if rng.random() < 0.6
                else f"{(rng.choice(ADJECTIVES) if rng.random() < 0.3 else noun(rng))}_{noun(rng)}"
            )
        )

    def function(self):
        rng = self.rng
        shapes = [
            lambda: f"{rng.choice(VERBS)}_{noun(rng)}",
            lambda: f"{rng.choice(ADJECTIVES)}_{noun(rng)}",
            lambda: f"{rng.choice(VERBS)}_{rng.choice(ADJECTIVES)}_{noun(rng)}",
            lambda: f"{noun(rng)}_{noun(rng)}",
            lambda: f"{noun(rng)}{rng.randint(2, 99)}",
        ]
        return self._fresh(lambda: rng.choice(shapes)())

    def type(self):
        rng = self.rng
        return self._fresh(lambda: noun(rng).title() + rng.choice(["", noun(rng).title()]))

    def constant(self):
        rng = self.rng
        return self._fresh(
            lambda: f"{(rng.choice(ADJECTIVES) if rng.random() < 0.3 else noun(rng))}_{noun(rng)}".upper()
        )

    def key(self):
        rng = self.rng
        return self._fresh(lambda: noun(rng) if rng.random() < 0.5 else f"{rng.choice(ADJECTIVES)}_{noun(rng)}")


def arguments(rng, count, but=()):
    """Argument names of one function, and none of these."""
    names = []
    while len(names) < count:
        name = rng.choice([noun(rng), rng.choice(LETTERS), f"{rng.choice(ADJECTIVES)}_{noun(rng)}", noun(rng) + "s"])
        if name not in FORBIDDEN and name not in names and name not in but:
            names.append(name)
    return names


def folder(rng):
    """A home or project folder as they are on people's machines."""
    name = noun(rng)
    root = rng.choice(
        [
            f"/home/{name}",
            f"/Users/{name}",
            "/tmp",
            "/work",
            "/root",
            "/private/tmp",
            f"/var/folders/{name[:2]}/{token(rng, 10)}/T",
        ]
    )
    parts = [
        rng.choice([noun(rng), f"{noun(rng)}-{noun(rng)}", ".tmp" + token(rng, 6), token(rng, 8)])
        for _ in range(rng.randint(1, 3))
    ]
    return "/".join([root, *parts])


def token(rng, length):
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for _ in range(length))
