#!/usr/bin/env python3
"""Makes the shipped checkpoint: trained weights in MLX's format, quantized.

    convert.py TRAINED OUT            with mlx-lm (the Python that `cargo xtask fixtures` sets up)

Experts are stored in 4 bits and everything else in 8 (`model.bits_of` trains for the same), with float32 scales, because
MLX computes fastest in float32 on CPUs. The tokenizer and the chat template lie in OUT already.
"""

import argparse
import json
from pathlib import Path

import mlx.core as mx
from mlx_lm.utils import _get_classes, quantize_model, save_config, save_model
from tokenizers import Tokenizer

GROUP = 64
# As in model.py, under the names that mlx-lm's class reads.
FIELDS = [
    "model_type",
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "num_experts_per_tok",
    "moe_intermediate_size",
    "intermediate_size",
    "norm_topk_prob",
    "decoder_sparse_step",
    "mlp_only_layers",
    "rms_norm_eps",
    "max_position_embeddings",
    "tie_word_embeddings",
]


def bits_of(path, expert_bits):
    return expert_bits if "switch_mlp" in path else 8


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trained", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--expert-bits", type=int, default=4)
    arguments = parser.parse_args()
    out = arguments.out

    trained = json.loads((arguments.trained / "config.json").read_text())
    tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
    end, pad = tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|endoftext|>")
    config = {field: trained[field] for field in FIELDS} | {
        "num_experts": trained["num_local_experts"],
        "rope_theta": trained["rope_parameters"]["rope_theta"],
        "eos_token_id": end,
    }
    weights = {}
    for shard in sorted(arguments.trained.glob("*.safetensors")):
        weights |= mx.load(str(shard))
    model_class, arguments_class = _get_classes(config)
    model = model_class(arguments_class.from_dict(config))
    weights = model.sanitize({name: weight.astype(mx.float32) for name, weight in weights.items()})
    model.load_weights(list(weights.items()))

    def bits(path, _):
        return {"group_size": GROUP, "bits": bits_of(path, arguments.expert_bits)}

    model, config = quantize_model(model, config, GROUP, arguments.expert_bits, quant_predicate=bits)
    save_model(out, model)
    save_config(config, out / "config.json")
    for extra in ("model.safetensors.index.json",):
        (out / extra).unlink(missing_ok=True)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": trained["max_position_embeddings"],
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
    }
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    generation = {"eos_token_id": [end, pad], "do_sample": False}
    (out / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    for path in sorted(out.iterdir()):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
