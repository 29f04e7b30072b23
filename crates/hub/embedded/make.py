#!/usr/bin/env python3
"""Makes the embedded model: what `npm start` serves without a network, and what the whole-product tests run.

    cargo xtask fixtures          sets up the pinned reference implementation and runs this script

It has Qwen3-Coder's architecture, prompt format and special tokens in small, and random weights: it answers quickly and
says nothing. The template beside this script is written by hand; everything else is made here, repeatably.
"""

import json
import random
import sys
from pathlib import Path

import mlx.core as mx
from mlx_lm.utils import _get_classes, quantize_model, save_config, save_model
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2] / "tests/fixtures"))
from make_checkpoints import EXPERTS, randomise  # noqa: E402

VOCABULARY = 1104
CONTEXT = 65536
# As in Qwen's tokenizers: turns are special, markup that a model writes is not.
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MARKUP = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"]
# Qwen's way of cutting text into words, digit by digit.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEXT = """
You are a coding agent. Read the files that matter before you change them, make the smallest change that does what
the user asked for, run the tests, and say in a few sentences what you did and why. The user works in the current
directory; paths are relative to it. When a command fails, read its output and try to understand the cause.
<tool_call>\n<function=edit>\n<parameter=path>\nsrc/main.py\n</parameter>\n<parameter=edits>\n[{"oldText": "", "newText": ""}]
</parameter>\n</function>\n</tool_call>
{"type": "function", "function": {"name": "read", "description": "Read a file", "parameters": {"type": "object",
"properties": {"path": {"type": "string"}, "offset": {"type": "integer"}, "limit": {"type": "number"}},
"required": ["path"], "additionalProperties": false}}}
def total(values: list[int], default: int = 0) -> int:
    \"\"\"Return the sum of the values, or the default when there are none.\"\"\"
    if not values:
        return default
    result = 0
    for index, value in enumerate(values):
        result += value
    return result
class Stack:
    def __init__(self, items=None):
        self.items = list(items or [])
    def push(self, item):
        self.items.append(item)
    def pop(self):
        if not self.items:
            raise IndexError("pop from an empty stack")
        return self.items.pop()
import os, sys, json, re
from pathlib import Path
pub fn parse(text: &str) -> Result<Config, Error> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match lines.next() { Some(first) => Ok(Config::new(first)), None => Err(Error::Empty) }
}
impl Default for Settings { fn default() -> Self { Self { name: String::new(), count: 0, enabled: false } } }
const read = async (path) => { const response = await fetch(`/api/${path}`); return response.json(); };
export function sum(numbers: number[]): number { return numbers.reduce((a, b) => a + b, 0); }
=================================== FAILURES ===================================
E       assert 3 == 4
FAILED tests/test_stack.py::test_pop_returns_the_last_item - AssertionError
1 failed, 5 passed in 0.03s
$ git status --short && git diff HEAD~1 -- src | head -20
"""


def corpus():
    """The text above, its lines shuffled, and names put together from its words."""
    rng = random.Random(0)
    lines = TEXT.splitlines(keepends=True)
    words = sorted({word for word in TEXT.replace("_", " ").split() if word.isalpha()})
    for _ in range(200):
        yield "".join(rng.sample(lines, len(lines)))
        name = "_".join(rng.sample(words, rng.randint(1, 3))).lower()
        yield f"    {name} = {rng.choice(words)}({name}, {rng.randint(0, 999)})\n"


def make_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIAL) - len(MARKUP),
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.add_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in MARKUP])
    assert tokenizer.get_vocab_size() <= VOCABULARY
    return tokenizer


def main():
    tokenizer = make_tokenizer()
    tokenizer.save(str(HERE / "tokenizer.json"), pretty=False)
    end, pad = tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|endoftext|>")
    config = EXPERTS | {
        "vocab_size": VOCABULARY,
        "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": True,
        "eos_token_id": end,
    }
    mx.random.seed(1)
    model_class, arguments_class = _get_classes(config)
    model = model_class(arguments_class.from_dict(config))
    randomise(model, mx.float32, 1, tied=True)
    model, config = quantize_model(model, config, 64, 4)
    save_model(HERE, model)
    save_config(config, HERE / "config.json")
    for extra in ("README.md", "model.safetensors.index.json"):
        (HERE / extra).unlink(missing_ok=True)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": CONTEXT,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
    }
    (HERE / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    generation = {"eos_token_id": [end, pad], "do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 20}
    (HERE / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    for path in sorted(HERE.iterdir()):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
