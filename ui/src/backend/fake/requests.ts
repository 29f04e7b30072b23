// Requests that agents sent to the fake.

import type { CacheReuse, CompletedRequest, EffectiveKv, KvCache, MemoryFigures } from "../types";
import { bytesPerToken, type ModelShape } from "./fit";

let serial = 0;

/** What a cache with so many tokens is, as the engine would report it. */
export function effectiveKv(shape: ModelShape, kv: KvCache, tokens: number): EffectiveKv {
  const each = bytesPerToken(shape, kv);
  const quantized = kv !== "dense" && tokens >= kv.quantized.start ? kv.quantized : null;
  const bytes = tokens * (quantized ? each.quantized : each.dense);
  return {
    requested: kv,
    tokens,
    kind: quantized
      ? {
          quantized: {
            key_bits: quantized.key_bits,
            value_bits: quantized.value_bits,
            group_size: quantized.group_size,
          },
        }
      : { dense: { bits: 16 } },
    bytes_in_use: bytes,
    bytes_allocated: Math.ceil(bytes * 1.06),
    quantized_share: quantized ? 1 : 0,
  };
}

function inWords(kv: EffectiveKv): string {
  const each = `${(kv.bytes_in_use / Math.max(1, kv.tokens) / 1e3).toFixed(1)} kB/token`;
  if (kv.kind === "empty") return "empty";
  if ("dense" in kv.kind) return `${kv.kind.dense.bits}-bit float, ${each}`;
  const { key_bits, value_bits, group_size } = kv.kind.quantized;
  const width = key_bits === value_bits ? `${key_bits}-bit` : `${key_bits}-bit keys, ${value_bits}-bit values`;
  const start = kv.requested === "dense" ? 0 : kv.requested.quantized.start;
  return `${width}/${group_size} from ${start}, ${Math.round(kv.quantized_share * 100)} % of bytes, ${each}`;
}

interface Ended {
  shape: ModelShape;
  model: string;
  kv: KvCache;
  client: string;
  arrived: number;
  prompt: number;
  cached: number;
  generated: number;
  finish: CompletedRequest["finish"];
  error?: string;
  seed?: number | null;
}

/** A request that ended, with figures of about an M4 Max. */
export function completed(request: Ended, memory: MemoryFigures): CompletedRequest {
  const { shape, prompt, cached, generated } = request;
  const prefill = (prompt - cached) / 1180 + 0.06;
  const decode = Math.max(0, generated - 1) / 84.6;
  const kv = effectiveKv(shape, request.kv, prompt + generated);
  const reached = generated > 0;
  serial += 1;
  return {
    id: `chatcmpl-${serial.toString(16).padStart(8, "0")}`,
    model: request.model,
    endpoint: "/v1/chat/completions",
    client: request.client,
    arrived: request.arrived,
    time_to_first_token: reached ? prefill + 0.02 : null,
    report: {
      prompt_tokens: prompt,
      cached_tokens: cached,
      generated_tokens: generated,
      queue_seconds: 0.004,
      prefill_seconds: prefill,
      decode_seconds: decode,
      ahead_tokens: Math.max(0, generated - 2),
      grammar: null,
      peak_memory: memory.weights + kv.bytes_allocated + 612_000_000,
      kv,
      finish: request.finish === "tool_calls" ? "stop" : (request.finish as "stop" | "length" | "cancelled" | "error"),
    },
    kv: inWords(kv),
    cache: null,
    prefill_tokens_per_second: reached ? (prompt - cached) / prefill : null,
    decode_tokens_per_second: generated > 1 ? (generated - 1) / decode : null,
    sampling: {
      temperature: 0.7,
      top_p: 0.8,
      top_k: 20,
      min_p: 0,
      repetition_penalty: 1.05,
      presence_penalty: 0,
      frequency_penalty: 0,
      logit_bias: [],
      seed: request.seed ?? 8_215_309_118,
      logprobs: null,
    },
    sampling_origins: {
      temperature: "generation_config",
      top_p: "generation_config",
      top_k: "generation_config",
      min_p: "default",
      repetition_penalty: "generation_config",
      presence_penalty: "default",
      frequency_penalty: "default",
      seed: request.seed == null ? "default" : "saved",
      max_tokens: "request",
    },
    finish: request.finish,
    error: request.error ?? null,
  };
}

/** A client changed its tools in the middle of a session. */
export const MISSED: CacheReuse = {
  recognised_by: "session_id",
  known_tokens: 38_410,
  unchanged_tokens: 1_204,
  cached_tokens: 1_152,
  miss: {
    cause: "tool_list",
    field: "tools[4].function.name",
    before: '"name": "read_file", "description"',
    now: '"name": "web_search", "description"',
    lost_tokens: 37_206,
    explanation:
      "the client sent another list of tools, which stands at the front of the prompt: keep the tools the same for a session",
  },
};

/** A session that went on as it was. */
export const REUSED: CacheReuse = {
  recognised_by: "session_id",
  known_tokens: 38_410,
  unchanged_tokens: 38_402,
  cached_tokens: 38_272,
  miss: null,
};

/** A refused request: the engine never saw it, so hardly anything is known. */
export function refused(model: string, arrived: number): CompletedRequest {
  const shape = { layers: 1, heads: 1, kv_heads: 1, head_dim: 64, hidden: 1, intermediate: 1 };
  const none = { ...shape, experts: null, weights: 0, context_length: 1 };
  const memory = { weights: 0 } as MemoryFigures;
  const base = completed(
    { shape: none, model, kv: "dense", client: "opencode/1.0.4", arrived, prompt: 0, cached: 0, generated: 0, finish: "error" },
    memory,
  );
  return {
    ...base,
    report: null,
    kv: null,
    error: "the prompt has 71204 tokens, and this model was loaded with a context of 65536",
  };
}
