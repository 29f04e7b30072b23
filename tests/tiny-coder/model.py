"""The network: transformers' own Qwen3MoeForCausalLM, and a fast way to compute it while it learns.

`forward` computes what the class computes (`check_model.py` compares), for many transcripts in one row: attention stays
within each, all experts are computed for all tokens (with so few that is faster than sorting), and weights can be seen
through the rounding that they will be stored with.
"""

import torch
import torch.nn.functional as F
from torch.nn.attention.varlen import varlen_attn
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

CONTEXT = 32768
SHAPE = {
    "vocab_size": 4096,
    "hidden_size": 256,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 256,
    "intermediate_size": 256,
    "norm_topk_prob": True,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "rms_norm_eps": 1e-6,
    "rope_theta": 1e6,
    "max_position_embeddings": CONTEXT,
    "tie_word_embeddings": True,
}
GROUP = 64


def new(seed, **changes):
    """A model with random weights."""
    torch.manual_seed(seed)
    config = Qwen3MoeConfig(**SHAPE | changes)
    model = Qwen3MoeForCausalLM(config)
    deviation = 0.02
    for name, weight in model.named_parameters():
        if weight.ndim > 1:
            # What writes into the residual stream begins smaller, the more layers there are.
            writes = "o_proj" in name or "down_proj" in name
            scale = (2 * config.num_hidden_layers) ** -0.5 if writes else 1.0
            torch.nn.init.normal_(weight, std=deviation * scale)
    return model


def bits_of(name):
    """How many bits a matrix is stored with; `convert.py` uses the same rule."""
    if "mlp.gate." in name or name.endswith("mlp.gate"):
        return 8
    return 4 if "experts" in name or "switch_mlp" in name else 8


def rounded(weight, bits, strength):
    """The weight as MLX's affine quantization stores it, in groups of 64 along its rows; its gradient passes unchanged.
    `strength` is 0 (as it is) or 1 (rounded), a tensor so that one compiled program serves both."""
    groups = weight.detach().float().unflatten(-1, (-1, GROUP))
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    # As MLX: the edge of greater magnitude is represented exactly, and so is zero.
    top = low.abs() <= high.abs()
    scale = ((high - low) / (2**bits - 1)).clamp_min(1e-7)
    scale = torch.where(top, -scale, scale)
    edge = torch.where(top, high, low)
    steps = torch.round(edge / scale)
    scale = torch.where(steps == 0, scale, edge / torch.where(steps == 0, 1, steps))
    bias = torch.where(steps == 0, 0, edge)
    stored = torch.round((groups - bias) / scale).clamp(0, 2**bits - 1) * scale + bias
    return weight + strength * (stored.flatten(-2) - weight.detach())


def attention(queries, keys, values, ends, longest):
    """Causal attention within each of the sequences that end at `ends`. Shapes: [tokens, heads, head_dim]."""
    if queries.is_cuda:
        groups = queries.shape[1] // keys.shape[1]
        keys, values = keys.repeat_interleave(groups, 1), values.repeat_interleave(groups, 1)
        return varlen_attn(queries, keys, values, ends, ends, longest, longest, window_size=(-1, 0))
    # Flash attention is for GPUs: here the whole square, masked.
    place = torch.arange(len(queries))
    sequence = torch.bucketize(place, ends[1:].long(), right=True)
    mask = (sequence[:, None] == sequence[None]) & (place[:, None] >= place[None])
    heads = (part.transpose(0, 1)[None] for part in (queries, keys, values))
    return F.scaled_dot_product_attention(*heads, attn_mask=mask, enable_gqa=True)[0].transpose(0, 1)


def rotate(x, cos, sin):
    left, right = x.chunk(2, -1)
    return torch.cat([left * cos - right * sin, right * cos + left * sin], -1)


def norm(module, x):
    return F.rms_norm(x, (x.shape[-1],), module.weight.to(x.dtype), module.variance_epsilon)


def experts(block, x, strength, dtype):
    """The sum of each token's chosen experts, and the loss that keeps all experts in use."""
    chances = F.linear(x.float(), rounded(block.gate.weight, 8, strength).float()).softmax(-1)
    best, chosen = chances.topk(block.gate.top_k, dim=-1)
    best = best / best.sum(-1, keepdim=True)
    share = torch.zeros_like(chances).scatter(-1, chosen, best).to(dtype)
    both = rounded(block.experts.gate_up_proj, bits_of("experts"), strength).to(dtype)
    down = rounded(block.experts.down_proj, bits_of("experts"), strength).to(dtype)
    gate, up = torch.einsum("td,efd->tef", x, both).chunk(2, dim=-1)
    inner = F.silu(gate) * up * share[..., None]
    used = torch.zeros_like(chances).scatter(-1, chosen, 1.0).mean(0)
    balance = block.experts.num_experts * (used * chances.mean(0)).sum()
    return torch.einsum("tei,edi->td", inner, down), balance


def forward(model, tokens, positions, ends, longest, strength, dtype=torch.bfloat16):
    """Logits [tokens, vocabulary] and the experts' balance, for sequences packed into one row."""
    config = model.config
    frequencies = SHAPE["rope_theta"] ** (
        -torch.arange(0, config.head_dim, 2, device=tokens.device).float() / config.head_dim
    )
    angles = positions[:, None].float() * frequencies
    cos, sin = angles.cos()[:, None].to(dtype), angles.sin()[:, None].to(dtype)
    table = rounded(model.model.embed_tokens.weight, bits_of("embed_tokens"), strength).to(dtype)
    x = F.embedding(tokens, table)
    balance = 0.0

    def project(linear, x):
        return F.linear(x, rounded(linear.weight, bits_of("self_attn"), strength).to(dtype))

    for layer in model.model.layers:
        attend = layer.self_attn
        h = norm(layer.input_layernorm, x)
        queries, keys, values = (
            project(linear, h).unflatten(-1, (-1, config.head_dim))
            for linear in (attend.q_proj, attend.k_proj, attend.v_proj)
        )
        queries = rotate(norm(attend.q_norm, queries), cos, sin)
        keys = rotate(norm(attend.k_norm, keys), cos, sin)
        x = x + project(attend.o_proj, attention(queries, keys, values, ends, longest).flatten(-2))
        update, one = experts(layer.mlp, norm(layer.post_attention_layernorm, x), strength, dtype)
        x, balance = x + update, balance + one
    return F.linear(norm(model.model.norm, x), table), balance / len(model.model.layers)
