"""Transcripts as tokens, made in other processes while the model learns, and packed into rows."""

import os
import random
import threading
from multiprocessing import get_context

import numpy as np

os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tokenizers import Tokenizer  # noqa: E402

import transcript  # noqa: E402
from model import CONTEXT  # noqa: E402

# What a token's error counts: the agent's turns are to be learned, the rest only helps to learn to read.
WEIGHTS = {"assistant": 1.0, "tool": 0.1, "user": 0.1, "system": 0.02}
LONGEST = 16384
SEQUENCES = 128
# Seeds: training counts from 0; tokenizer, held-out transcripts and held-out tasks have ranges of their own.
HELD_OUT = 2 * 10**9


class Encoder:
    """Turns seeds into tokens."""

    def __init__(self, tokenizer, pi=None):
        self.tokenizer = Tokenizer.from_file(str(tokenizer))
        self.prompts = transcript.prompts(pi)

    def encode(self, seed, shorten=True, **choice):
        """(tokens, weights, first token of each turn, family and agent)"""
        made = transcript.transcript(seed, self.prompts, **choice)
        rng = random.Random(~seed)
        tokens, weights, turns = [], [], []
        for text, role, learn in made.pieces():
            if role == "system" and shorten and rng.random() < 0.35:
                text = shortened(rng, text)
            ids = self.tokenizer.encode(text, add_special_tokens=False).ids
            turns.append(len(tokens))
            tokens += ids
            weights += [(WEIGHTS[role] if learn or role != "assistant" else 0.0)] * len(ids)
        return (
            np.array(tokens[:LONGEST], np.int16),
            np.array(weights[:LONGEST], np.float16),
            turns,
            f"{made.family}/{made.agent or 'none'}",
        )


def shortened(rng, head):
    """The system turn without some lines in the middle: prompts change from version to version."""
    lines = head.split("\n")
    first = rng.randrange(1, max(2, len(lines) - 2))
    last = rng.randrange(first, len(lines) - 1) if first < len(lines) - 1 else first
    return "\n".join(lines[:first] + lines[last:])


_encoder = None


def _start(tokenizer, pi):
    global _encoder
    _encoder = Encoder(tokenizer, pi)


def _encode(seed, shorten=True):
    try:
        return _encoder.encode(seed, shorten)
    except AssertionError:
        # A few seeds in a thousand draw names that collide.
        return None


def _encode_whole(seed):
    return _encode(seed, shorten=False)


class Stream:
    """Packed rows without end. New transcripts come first; while there are too few, old ones come again."""

    def __init__(self, tokenizer, pi, first_seed, workers, row, rng, held_out=0):
        self.row, self.rng = row, rng
        self.fresh, self.old = [], []
        self.made = self.skipped = 0
        context = get_context("fork")
        self.pool = context.Pool(workers, _start, (str(tokenizer), pi and str(pi)))
        seeds = range(first_seed, first_seed + 10**8)
        self.held_out = self.pool.map_async(_encode_whole, range(HELD_OUT, HELD_OUT + held_out), chunksize=1)
        self.results = self.pool.imap_unordered(_encode, seeds, chunksize=4)
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        for sample in self.results:
            if sample is None:
                self.skipped += 1
            else:
                self.fresh.append(sample[:3])
                self.made += 1

    def wait_for(self, count):
        while self.made < count:
            threading.Event().wait(0.1)

    def _next(self):
        if self.fresh:
            sample = self.fresh.pop()
            self.old.append(sample)
            return sample
        return self.rng.choice(self.old)

    def batch(self):
        """tokens, targets, weights, positions [row] and ends [SEQUENCES]: `ends` are cumulative lengths, from 0."""
        tokens = np.zeros(self.row, np.int64)
        targets = np.zeros(self.row, np.int64)
        weights = np.zeros(self.row, np.float32)
        positions = np.zeros(self.row, np.int64)
        ends, at = [0], 0
        while len(ends) < SEQUENCES - 1:
            ids, counts, turns = self._next()
            length = len(ids) - 1
            if at + length > self.row:
                # What is left is filled with a beginning of it.
                length = self.row - at
            if length < 16:
                break
            place = slice(at, at + length)
            tokens[place], targets[place] = ids[:length], ids[1 : length + 1]
            weights[place] = counts[1 : length + 1]
            positions[place] = self._positions(length, turns)
            at += length
            ends.append(at)
        ends += [self.row] * (SEQUENCES - len(ends))
        return tokens, targets, weights, positions, np.array(ends, np.int32)

    def _positions(self, length, turns):
        """Mostly 0, 1, 2, ...; often with gaps between turns, as if there were more text: distances as in long sessions."""
        positions = np.arange(length)
        room = CONTEXT - length - 1
        if self.rng.random() < 0.4:
            for _ in range(self.rng.choice([1, 1, 2, 3])):
                gap = int(2 ** self.rng.uniform(5, np.log2(max(room, 64))))
                if gap < room:
                    start = self.rng.choice(turns)
                    positions[min(start, length) :] += gap
                    room -= gap
        return positions

    def close(self):
        self.pool.terminate()
