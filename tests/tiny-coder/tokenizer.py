#!/usr/bin/env python3
"""Trains the tokenizer on transcripts: byte-level BPE with the special tokens and the split of Qwen's tokenizers.

tokenizer.py RECORDED_PI.json [COUNT]      writes crates/hub/embedded/tokenizer.json
"""

import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

import transcript

HOME = Path(__file__).parents[2] / "crates/hub/embedded"
VOCABULARY = 4096
# As in Qwen's tokenizers: turns are special, markup that a model writes is not.
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MARKUP = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"]
# Qwen's way of cutting text into words, digit by digit.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Seeds of their own, which training never sees.
FIRST_SEED = 3 * 10**9


def train(texts):
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
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in MARKUP])
    assert tokenizer.get_vocab_size() <= VOCABULARY
    return tokenizer


def main():
    prompts = transcript.prompts(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 3000

    def texts():
        # The prompts count as often as a few transcripts, not as often as all of them.
        for prompt in prompts.values():
            yield from [prompt.head] * 30
        for seed in range(FIRST_SEED, FIRST_SEED + count):
            for text, role, _ in transcript.transcript(seed, prompts).pieces():
                if role != "system":
                    yield text

    tokenizer = train(texts())
    tokenizer.save(str(HOME / "tokenizer.json"), pretty=False)


if __name__ == "__main__":
    main()
