"""Ours beside mlx-lm on one GPU, with a model of real size: Qwen3-Coder-30B-A3B's shape, random weights, 4 bits in
groups of 64, 16-bit activations. Stands alone, because a machine with a GPU may have neither Cargo nor a network.

    python3 gpu.py --shorn target/release/shorn --commit $(git describe --always) --model /tmp/coder-30b --out gpu.json

Python needs mlx and mlx-lm; `shorn` is built after `cargo xtask mlx --backend cuda`. The model is made on first use (17
GB). Both engines stay loaded and take turns.
"""

import argparse
import gc
import json
import statistics
import subprocess
from pathlib import Path

import mlx.core as mx
import reference
from mlx.utils import tree_flatten
from mlx_lm.utils import _get_classes, quantize_model, save_config, save_model

CONFIG = reference.MOE | {
    "head_dim": 128,
    "max_position_embeddings": 262144,
    "hidden_size": 2048,
    "num_hidden_layers": 48,
    "intermediate_size": 5472,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 768,
    "vocab_size": 151936,
}


def make(folder):
    mx.random.seed(0)
    model_class, arguments_class = _get_classes(CONFIG)
    model = model_class(arguments_class.from_dict(CONFIG))
    model.set_dtype(mx.bfloat16)
    model, config = quantize_model(model, dict(CONFIG), 64, 4)
    # One array at a time: the unquantized model is never there as a whole.
    for _, array in tree_flatten(model.parameters()):
        mx.eval(array)
    folder.mkdir(parents=True)
    save_model(folder, model)
    save_config(config, folder / "config.json")
    del model
    gc.collect()
    mx.clear_cache()


class Paced:
    """`shorn bench`, one run for each line."""

    def __init__(self, shorn, model, kv_bits, **options):
        if kv_bits:
            options |= {"kv-bits": kv_bits, "kv-start": 0}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = [shorn, "bench", str(model), "--paced", *words]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def medians(figures):
    return {name: statistics.median(values) for name, values in figures.items() if values} | {"each": figures}


def decode(session, paced, context, kv_bits, turns, tokens):
    ours, theirs, build = [], [], []
    for _ in range(turns):
        # mlx-lm fails on a quantized cache on this backend: "No implementation for problem shape".
        if not kv_bits:
            theirs.append(statistics.median(session.decode(context, tokens, None)["seconds"]) * 1e3)
        run = paced.run()
        ours.append(statistics.median(run["step_milliseconds"]))
        build.append(statistics.median(run["build_milliseconds"]))
    figures = medians({"ours, ms per token": ours, "mlx-lm, ms per token": theirs, "ours, ms to build a step": build})
    return figures | {"live bytes": run["live_above_weights"], "peak bytes": run["decode_peak_above_weights"]}


def prefill(session, paced, prompt, kv_bits, turns):
    ours, theirs, peaks = [], [], {}
    if not kv_bits:
        # Compiles its kernels; ours did so before its first turn.
        session.prefill(prompt)
    for _ in range(turns):
        if not kv_bits:
            run = session.prefill(prompt)
            theirs.append(run["seconds"])
            peaks["mlx-lm, peak bytes"] = run["peak"]
        run = paced.run()
        ours.append(run["prefill_seconds"])
        peaks["ours, peak bytes"] = run["prefill_peak_above_weights"]
    return medians({"ours, seconds": ours, "mlx-lm, seconds": theirs}) | peaks


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shorn", required=True)
    parser.add_argument("--model", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--commit", required=True, help="what --shorn was built from")
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    if not arguments.model.exists():
        make(arguments.model)
    session = reference.Session()
    session.load(arguments.model)
    device = mx.device_info()
    record = {
        "measurement": "gpu",
        "command": "python3 crates/xtask/src/measure/gpu.py",
        "machine": device.get("device_name", str(device)),
        "commit": arguments.commit,
        "versions": {"mlx": mx.__version__, "mlx-lm": reference.mlx_lm_version()},
        "model": CONFIG,
        "results": {},
    }

    def keep(name, figures):
        record["results"][name] = figures
        arguments.out.write_text(json.dumps(record, indent=2) + "\n")
        print(name, {key: value for key, value in figures.items() if key != "each"}, flush=True)

    def paced(kv_bits=None, **options):
        return Paced(arguments.shorn, arguments.model, kv_bits, **options)

    for context in (64, 8192, 32768):
        for kv_bits in (None, 8):
            ours = paced(kv_bits, depth=context, prompt=2, generate=48)
            figures = decode(session, ours, context, kv_bits, arguments.turns, 48)
            ours.end()
            keep(f"decode, context {context}, {kv_bits or 16}-bit KV", figures)
    for prompt in (2048, 8192):
        for kv_bits in (None, 8):
            ours = paced(kv_bits, prompt=prompt, generate=2)
            figures = prefill(session, ours, prompt, kv_bits, min(arguments.turns, 3))
            ours.end()
            keep(f"prefill, {prompt} tokens, {kv_bits or 16}-bit KV", figures)
    for requests in (4, 8):
        ours = paced(depth=64, prompt=2, generate=48, concurrent=requests)
        speeds = [ours.run()["decode_tokens_per_second"] for _ in range(arguments.turns)]
        ours.end()
        keep(f"decode, {requests} requests", medians({"ours, tokens per second": speeds}))


if __name__ == "__main__":
    main()
