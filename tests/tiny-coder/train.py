#!/usr/bin/env python3
"""Trains the tiny coder on one GPU, in slices of at most 8 minutes; the shipped weights took two.

    train.py --slice 1 --minutes 7.5 --pi PI.json --out DIR/1
    train.py --slice 2 --minutes 7.5 --pi PI.json --out DIR/2 --from DIR/1
    train.py --smoke                                             20 small steps on the CPU; fails unless the loss falls

From slice to slice only the weights are carried, in bfloat16. PI.json comes from record_pi.py.
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import model as network
from data import LONGEST, SEQUENCES, Stream

TOKENIZER = Path(__file__).parents[2] / "crates/hub/embedded/tokenizer.json"
SEED = 5
ROW = 98304
# Learning rate for each slice: its peak, and what it falls to. The second learns with rounded weights.
SLICES = {1: (7e-4, 3e-4), 2: (4e-4, 1e-5)}
WARM_UP = 300
BALANCE = 0.01


def loss_of(model, batch, strength, dtype=torch.bfloat16):
    tokens, targets, weights, positions, ends = batch
    logits, balance = network.forward(model, tokens, positions, ends, LONGEST, strength, dtype)
    errors = F.cross_entropy(logits.float(), targets, reduction="none")
    return (errors * weights).sum() / weights.sum() + BALANCE * balance


def optimizer_for(model, fused):
    matrices = [weight for weight in model.parameters() if weight.ndim > 1]
    vectors = [weight for weight in model.parameters() if weight.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), fused=fused)


def rate(number, step, progress):
    peak, end = SLICES[number]
    warm = min(1.0, (step + 1) / WARM_UP)
    return warm * (end + (peak - end) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def tensors(batch, device):
    return [torch.from_numpy(part).to(device, non_blocking=True) for part in batch]


@torch.no_grad()
def evaluate(model, held, strength, device, tokenizer=None, show=0):
    """How many transcripts and turns of the agent are right to the token, by family."""
    result, shown = {}, 0
    for ids, weights, _, family in held:
        length = 2048 * math.ceil(len(ids) / 2048)
        tokens = np.zeros(length, np.int64)
        tokens[: len(ids)] = ids
        ends = np.array([0] + [length] * (SEQUENCES - 1), np.int32)
        parts = tensors((tokens, np.arange(length), ends), device)
        logits, _ = network.forward(model, *parts, LONGEST, strength)
        best = logits.argmax(-1).cpu().numpy()[: len(ids) - 1]
        learned = np.nonzero(weights[1:] == 1.0)[0]
        right = best[learned] == ids[1:][learned]
        turns = np.split(np.arange(len(learned)), np.nonzero(np.diff(learned) > 1)[0] + 1)
        good = [bool(right[turn].all()) for turn in turns]
        row = result.setdefault(family, [0, 0, 0, 0])
        row[0] += all(good)
        row[1] += 1
        row[2] += sum(good)
        row[3] += len(good)
        if tokenizer and not all(good) and shown < show:
            shown += 1
            first = learned[turns[good.index(False)]]
            wrong = next(at for at in first if best[at] != ids[at + 1])
            before = tokenizer.decode(ids[first[0] + 1 : wrong + 1].tolist(), skip_special_tokens=False)
            wanted = tokenizer.decode(ids[wrong + 1 : first[-1] + 2].tolist(), skip_special_tokens=False)
            print(f"--- {family}: {before!r} then {tokenizer.decode([int(best[wrong])])!r} for {wanted!r}", flush=True)
    total = [sum(row[column] for row in result.values()) for column in range(4)]
    by_family = {family: f"{row[0]}/{row[1]}" for family, row in sorted(result.items())}
    return {"transcripts": total[0] / total[1], "turns": total[2] / total[3], "families": by_family}


def train(arguments):
    started = time.time()
    rng = random.Random(SEED * 1000 + arguments.slice)
    stream = Stream(TOKENIZER, arguments.pi, arguments.slice * 10**8, arguments.workers, ROW, rng, arguments.held)
    if arguments.source:
        model = network.Qwen3MoeForCausalLM.from_pretrained(arguments.source, dtype=torch.float32)
    else:
        model = network.new(SEED)
    model = model.to("cuda")
    optimizer = optimizer_for(model, fused=True)
    strength = torch.tensor(float(arguments.slice > 1), device="cuda")
    compiled = torch.compile(loss_of, dynamic=False)
    held = [sample for sample in stream.held_out.get() if sample]
    stream.wait_for(600)
    print(
        f"ready after {time.time() - started:.0f} s, {sum(weight.numel() for weight in model.parameters())} parameters",
        flush=True,
    )

    begin, limit = None, arguments.minutes * 60
    curve, step, tokens_seen = [], 0, 0
    while True:
        progress = 0.0 if begin is None else (time.time() - begin) / (limit - (begin - started) - arguments.reserve)
        if progress >= 1 or step == arguments.steps:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate(arguments.slice, step, progress)
        loss = compiled(model, tensors(stream.batch(), "cuda"), strength)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if begin is None:
            torch.cuda.synchronize()
            begin = time.time()
            print(f"compiled after {begin - started:.0f} s, {stream.made} transcripts", flush=True)
        step, tokens_seen = step + 1, tokens_seen + ROW
        if step % 50 == 0:
            passed = time.time() - begin
            curve.append(
                {"step": step, "seconds": round(passed, 1), "loss": round(loss.item(), 4), "transcripts": stream.made}
            )
            if step % 200 == 0:
                print(
                    f"{step} loss {curve[-1]['loss']} {tokens_seen / passed / 1e6:.2f} M tokens/s, {stream.made} transcripts, {passed:.0f} s",
                    flush=True,
                )
    made = stream.made
    stream.close()

    print(f"trained {step} steps until {time.time() - started:.0f} s, {stream.skipped} seeds skipped", flush=True)
    scores = evaluate(model, held, strength, "cuda", Tokenizer.from_file(str(TOKENIZER)), show=24)
    print(json.dumps(scores, indent=1), flush=True)
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(out, max_shard_size="10MB")
    record = {
        "slice": arguments.slice,
        "seed": SEED,
        "steps": step,
        "tokens": tokens_seen,
        "transcripts": made,
        "seconds": round(time.time() - started),
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "held_out": scores,
        "curve": curve,
    }
    (out / "curve.json").write_text(json.dumps(record) + "\n")
    print(f"saved after {time.time() - started:.0f} s", flush=True)


def smoke():
    """Everything but the GPU, small: data, packing, the network, 20 steps."""
    rng = random.Random(SEED)
    stream = Stream(TOKENIZER, None, 0, 1, 512, rng)
    stream.wait_for(4)
    model = network.new(SEED, num_hidden_layers=2)
    optimizer = optimizer_for(model, fused=False)
    losses = []
    for step in range(20):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3
        loss = loss_of(model, tensors(stream.batch(), "cpu"), torch.tensor(float(step >= 10)), torch.float32)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        print(f"{step} {losses[-1]:.3f}", flush=True)
    stream.close()
    assert sum(losses[-3:]) / 3 < losses[0] - 1, "the loss does not fall"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--slice", type=int, default=1, choices=SLICES)
    parser.add_argument("--minutes", type=float, default=7.5, help="all of the slice, compiling and saving included")
    parser.add_argument("--steps", type=int, default=-1, help="stop after so many")
    parser.add_argument("--pi", help="what record_pi.py wrote")
    parser.add_argument("--from", dest="source", help="the folder of the slice before")
    parser.add_argument("--out", default="tiny-coder")
    parser.add_argument("--workers", type=int, default=15)
    parser.add_argument("--held", type=int, default=200)
    parser.add_argument("--reserve", type=float, default=25, help="seconds for evaluating and saving")
    arguments = parser.parse_args()
    smoke() if arguments.smoke else train(arguments)


if __name__ == "__main__":
    main()
