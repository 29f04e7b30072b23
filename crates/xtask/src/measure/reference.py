"""The reference implementation, mlx-lm, under measurement: one JSON command per line in, one JSON answer per line out.

    {"make": {"name": NAME, "into": DIR}}                  make one of the checkpoints below
    {"load": DIR}                                          weights, in bytes
    {"decode": {"context": N, "tokens": N, "kv_bits": B}}  a cache of N tokens of noise, then tokens one by one
    {"prefill": {"prompt": N}}                             N tokens from nothing
    {"chunk": {"depth": N, "rows": N, "kv_bits": B}}       a cache of N tokens of noise, then one prefill chunk
    {"overhead": {"tokens": N}}                            Python's share of a step

Lives as long as its standard input, so that it can be measured in turns with our own engine. Times are in seconds,
memory in bytes above the weights.
"""

import argparse
import collections
import importlib.metadata
import itertools
import json
import re
import sys
import sysconfig
import time
from pathlib import Path

import mlx.core as mx
import numpy as np
from mlx_lm.generate import generate_step
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import _get_classes, load_model, quantize_model, save_config, save_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

MOE = {
    "model_type": "qwen3_moe",
    "rms_norm_eps": 1e-6,
    "rope_theta": 1e7,
    "head_dim": 64,
    "norm_topk_prob": True,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "max_position_embeddings": 32768,
    "tie_word_embeddings": False,
    "eos_token_id": 1,
}
# Layers so narrow that what is measured is the cost of building and launching a step.
NARROW = MOE | {
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 128,
    "vocab_size": 512,
}
CHECKPOINTS = {
    # Big enough that matrices decide: 8 layers, 32 experts of which 4 see a token.
    "mid": (
        MOE
        | {
            "hidden_size": 1024,
            "num_hidden_layers": 8,
            "intermediate_size": 2048,
            "num_attention_heads": 16,
            "num_key_value_heads": 4,
            "num_experts": 32,
            "num_experts_per_tok": 4,
            "moe_intermediate_size": 384,
            "vocab_size": 32000,
        },
        4,
    ),
    "1-layer": (NARROW | {"num_hidden_layers": 1}, 0),
    "48-layer": (NARROW | {"num_hidden_layers": 48}, 0),
    # One layer and a vocabulary of real size, with a tokenizer.
    "vocabulary": (NARROW | {"num_hidden_layers": 1, "vocab_size": 151936}, 0),
    # Small matrices beside wide keys and values: the KV cache is what takes memory.
    "kv-heavy": (
        NARROW
        | {
            "hidden_size": 128,
            "num_hidden_layers": 8,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "moe_intermediate_size": 64,
            "num_experts": 4,
        },
        0,
    ),
}


def make(name, into):
    config, bits = CHECKPOINTS[name]
    config = dict(config)
    mx.random.seed(0)
    model_class, arguments_class = _get_classes(config)
    model = model_class(arguments_class.from_dict(config))
    mx.eval(model.parameters())
    if bits:
        model, config = quantize_model(model, config, 64, bits)
    folder = Path(into)
    folder.mkdir(parents=True)
    save_model(folder, model)
    save_config(config, folder / "config.json")
    if name == "vocabulary":
        write_tokenizer(folder, config["vocab_size"])
    return {"made": name}


def write_tokenizer(folder, size):
    """A byte-level vocabulary of the most frequent words in the Python sources that are installed here."""
    words = collections.Counter()
    sources = Path(sysconfig.get_path("stdlib")).rglob("*.py"), Path(np.__file__).parents[1].rglob("*.py")
    for path in itertools.chain(*sources):
        words.update(re.findall(r" ?\w{1,24}| ?[^\s\w]{1,8}|\s{1,16}", path.read_text(errors="ignore")))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokens = dict.fromkeys(["<pad>", "<end>", *sorted(byte_level.alphabet())])
    for word, _ in words.most_common():
        tokens.setdefault(byte_level.pre_tokenize_str(word)[0][0])
        if len(tokens) == size:
            break
    assert len(tokens) == size, len(tokens)
    tokenizer = Tokenizer(models.BPE({token: id for id, token in enumerate(tokens)}, []))
    tokenizer.pre_tokenizer = byte_level
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))


def mlx_lm_version():
    return importlib.metadata.version("mlx-lm")


class Session:
    def load(self, folder):
        self.model, self.config = load_model(Path(folder))
        mx.eval(self.model.parameters())
        mx.clear_cache()
        self.weights = mx.get_active_memory()
        return {"weights": self.weights}

    def tokens(self, count):
        return np.random.default_rng(0).integers(0, self.config["vocab_size"], count)

    def noise(self, tokens, kv_bits):
        caches = make_prompt_cache(self.model)
        shape = (1, self.config["num_key_value_heads"], tokens, self.config["head_dim"])
        for index, cache in enumerate(caches):
            cache.update_and_fetch(mx.random.normal(shape), mx.random.normal(shape))
            if kv_bits:
                caches[index] = cache.to_quantized(64, kv_bits)
            mx.eval(caches[index].state[:2])
        return caches

    def decode(self, context, tokens, kv_bits):
        settings = {"kv_bits": kv_bits, "quantized_kv_start": 0} if kv_bits else {}
        caches = self.noise(context, kv_bits)
        mx.clear_cache()
        live = mx.get_active_memory()
        mx.reset_peak_memory()
        times = []
        for _ in generate_step(mx.array([5]), self.model, max_tokens=tokens, prompt_cache=caches, **settings):
            times.append(time.perf_counter())
        return {
            "seconds": np.diff(times).tolist(),
            "peak": mx.get_peak_memory() - self.weights,
            "live": live - self.weights,
        }

    def prefill(self, prompt):
        mx.clear_cache()
        mx.reset_peak_memory()
        begun = time.perf_counter()
        for _ in generate_step(mx.array(self.tokens(prompt)), self.model, max_tokens=1):
            seconds = time.perf_counter() - begun
            break
        return {"seconds": seconds, "peak": mx.get_peak_memory() - self.weights}

    def chunk(self, depth, rows, kv_bits):
        caches = self.noise(depth, kv_bits)
        mx.clear_cache()
        mx.reset_peak_memory()
        begun = time.perf_counter()
        self.model(mx.array(self.tokens(rows))[None], cache=caches)
        mx.eval([cache.state for cache in caches])
        seconds = time.perf_counter() - begun
        return {"seconds": seconds, "peak": mx.get_peak_memory() - self.weights}

    def overhead(self, tokens):
        cache = make_prompt_cache(self.model)
        mx.eval(self.model(mx.array(self.tokens(16))[None], cache=cache))
        token, build = mx.array([[5]]), []
        for _ in range(tokens):
            begun = time.perf_counter()
            logits = self.model(token, cache=cache)
            build.append(time.perf_counter() - begun)
            mx.eval(logits)
        return {"build_seconds": build}


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    session = Session()
    # mlx-lm prints to standard output what is not for us.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        ((command, argument),) = json.loads(line).items()
        if command == "make":
            answer = make(**argument)
        elif command == "load":
            answer = session.load(argument)
        else:
            answer = getattr(session, command)(**argument)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
