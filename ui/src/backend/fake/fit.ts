// The fake's estimates: the arithmetic of `shorn_hub::fit`, so that dialogs show figures that are true for real models.

import type {
  Advice,
  Fit,
  KvBits,
  KvCache,
  KvChoice,
  KvGroupSize,
  MemoryLimit,
  Verdict,
} from "../types";

/** What the estimate has to know about a model. */
export interface ModelShape {
  layers: number;
  heads: number;
  kv_heads: number;
  head_dim: number;
  hidden: number;
  intermediate: number;
  experts: { per_token: number; intermediate: number } | null;
  weights: number;
  context_length: number;
}

const BUFFER_CACHE = 512 * 2 ** 20;
const CHUNK = 2048;
const ACTIVATION_BYTES = 2;
const BITS: KvBits[] = [8, 6, 4, 3, 2];

export const kvOf = (bits: KvBits, group_size: KvGroupSize = 64, start = 5000): KvCache => ({
  quantized: { key_bits: bits, value_bits: bits, group_size, start },
});

/** Why a model cannot take a KV cache. */
export function refusal(shape: ModelShape, kv: KvCache): string | null {
  if (kv === "dense" || shape.head_dim % kv.quantized.group_size === 0) return null;
  const fitting = [32, 64, 128].filter((size) => shape.head_dim % size === 0);
  const choose = fitting.length > 0 ? fitting.join(" or ") : "an unquantized KV cache";
  return (
    `KV cache group size ${kv.quantized.group_size} does not divide this model's head dimension ` +
    `${shape.head_dim}; choose ${choose}`
  );
}

export function bytesPerToken(shape: ModelShape, kv: KvCache): { dense: number; quantized: number } {
  const rows = shape.layers * shape.kv_heads;
  const dense = rows * 2 * shape.head_dim * ACTIVATION_BYTES;
  if (kv === "dense") return { dense, quantized: dense };
  const { key_bits, value_bits, group_size } = kv.quantized;
  const packed = (shape.head_dim * (key_bits + value_bits)) / 8;
  const scales = 4 * ACTIVATION_BYTES * (shape.head_dim / group_size);
  return { dense, quantized: rows * (packed + scales) };
}

/** Tokens that the engine makes room for when it needs room for so many. */
export function capacity(tokens: number): number {
  const step = Math.min(4096, Math.max(256, Math.floor(tokens / 8 / 256) * 256));
  return Math.ceil(tokens / step) * step;
}

function quantizes(context: number, kv: KvCache): kv is Exclude<KvCache, "dense"> {
  return kv !== "dense" && kv.quantized.start < context;
}

/** Bytes of KV buffers for so many tokens. */
export function kvBytes(shape: ModelShape, context: number, kv: KvCache): number {
  const each = bytesPerToken(shape, kv);
  if (!quantizes(context, kv)) return each.dense * capacity(context);
  const dense = Math.min(kv.quantized.start + CHUNK, context);
  return Math.max(each.quantized * capacity(context), each.dense * capacity(dense));
}

function workspace(shape: ModelShape, context: number, kv: KvCache): number {
  const rows = Math.min(context, CHUNK);
  const queries = shape.heads * shape.head_dim;
  const keys = shape.kv_heads * shape.head_dim;
  const attention = 2 * shape.hidden + queries + 2 * keys + 2 * (queries + keys) + 2 * queries;
  const gated = (width: number) => 3 * width + shape.hidden;
  const sparse = shape.experts
    ? shape.experts.per_token * (gated(shape.experts.intermediate) + 2 * shape.hidden)
    : 0;
  const feedForward = Math.max(sparse, gated(shape.intermediate));
  const activations = rows * Math.max(attention, feedForward) * ACTIVATION_BYTES * 4;
  const slabs = quantizes(context, kv) ? 2 * 2 * keys * ACTIVATION_BYTES * context : 0;
  return activations + slabs;
}

function needs(shape: ModelShape, context: number, kv: KvCache) {
  const cache = kvBytes(shape, context, kv);
  const rebuild = (cache / shape.layers) * Math.min(2, shape.layers);
  const prefill = workspace(shape, context, kv);
  return { kv: cache, rebuild, prefill, total: shape.weights + cache + Math.max(rebuild, prefill) + BUFFER_CACHE };
}

/** The estimate; the model must be able to take the KV cache. */
export function fit(shape: ModelShape, context: number, kv: KvCache, limit: MemoryLimit): Fit {
  const need = needs(shape, context, kv);
  const each = bytesPerToken(shape, kv);
  const verdict: Verdict =
    need.total > limit.bytes ? "too_large" : need.total > limit.bytes * 0.9 ? "tight" : "fits";
  return {
    weights: shape.weights,
    kv_dense_bytes_per_token: each.dense,
    kv_quantized_bytes_per_token: each.quantized,
    kv_unquantized_bytes_per_token: 0,
    kv_fixed: 0,
    kv: need.kv,
    kv_rebuild: need.rebuild,
    prefill_workspace: need.prefill,
    buffer_cache: BUFFER_CACHE,
    total: need.total,
    limit: limit.bytes,
    binding: limit.binding,
    verdict,
    advice: verdict === "too_large" ? advice(shape, context, kv, limit.bytes) : [],
  };
}

const inGB = (value: number) => `${(value / 1e9).toFixed(1)} GB`;

function advice(shape: ModelShape, context: number, kv: KvCache, limit: number): Advice[] {
  const takes = (total: number) => `: that takes ${inGB(total)} of ${inGB(limit)}`;
  const found: Advice[] = [];
  const now = kv === "dense" ? 99 : kv.quantized.key_bits + kv.quantized.value_bits;
  const group = [64, 32, 128].find((size) => shape.head_dim % size === 0) as KvGroupSize | undefined;
  for (const bits of group === undefined ? [] : BITS.filter((width) => 2 * width < now)) {
    const narrower = kvOf(bits, group, kv === "dense" ? 5000 : kv.quantized.start);
    const { total } = needs(shape, context, narrower);
    if (total > limit) continue;
    const words = `keep the KV cache in ${bits} bits (groups of ${group}, from 5000 tokens)`;
    found.push({ words: words + takes(total), kv: narrower, context_length: null });
    break;
  }
  let longest = Math.floor((context - 1) / 1024) * 1024;
  while (longest >= 4096 && needs(shape, longest, kv).total > limit) longest -= 1024;
  if (longest >= 4096) {
    const words = `shorten the context to ${longest} tokens${takes(needs(shape, longest, kv).total)}`;
    found.push({ words, kv: null, context_length: longest });
  }
  if (found.length === 0) {
    const words =
      `choose a smaller model, or a version of this one in fewer bits: its weights take ` +
      `${inGB(shape.weights)} of ${inGB(limit)}`;
    found.push({ words, kv: null, context_length: null });
  }
  return found;
}

/** What each width would take; those that the model cannot take say why. */
export function kvChoices(shape: ModelShape, context: number, present: KvCache): KvChoice[] {
  const { group_size, start } =
    present === "dense" ? { group_size: 64 as KvGroupSize, start: 5000 } : present.quantized;
  const settings: KvCache[] = ["dense", ...BITS.map((bits) => kvOf(bits, group_size, start))];
  return settings.map((kv) => {
    const refused = refusal(shape, kv);
    if (refused !== null) return { kv, bytes_per_token: null, bytes: null, refused };
    return {
      kv,
      bytes_per_token: bytesPerToken(shape, kv).quantized,
      bytes: kvBytes(shape, context, kv),
      refused: null,
    };
  });
}
