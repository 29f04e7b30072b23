// What Rust serializes, under its Rust names. To be generated from there; until then this file is the copy.
// Sizes are bytes, times are seconds unless a name says otherwise, `null` means "not known" or "not chosen".

// crates/checkpoint/src/kv.rs

export type KvBits = 2 | 3 | 4 | 6 | 8;
export type KvGroupSize = 32 | 64 | 128;

export interface KvQuantization {
  key_bits: KvBits;
  value_bits: KvBits;
  group_size: KvGroupSize;
  /** Tokens in the cache from which it is quantized. */
  start: number;
}

export type KvCache = "dense" | { quantized: KvQuantization };

// crates/protocol/src/{report,memory,message,sampling}.rs

export type FinishReason = "stop" | "length" | "cancelled" | "error";

export type EffectiveKvKind =
  | "empty"
  | { dense: { bits: number } }
  | { quantized: { key_bits: number; value_bits: number; group_size: number } };

export interface EffectiveKv {
  requested: KvCache;
  tokens: number;
  kind: EffectiveKvKind;
  bytes_in_use: number;
  bytes_allocated: number;
  /** From 0 to 1. */
  quantized_share: number;
}

export interface RequestReport {
  prompt_tokens: number;
  cached_tokens: number;
  generated_tokens: number;
  queue_seconds: number;
  prefill_seconds: number;
  decode_seconds: number;
  peak_memory: number;
  kv: EffectiveKv;
  finish: FinishReason;
}

export interface MemoryFigures {
  weights: number;
  kv_in_use: number;
  kv_allocated: number;
  prompt_cache: number;
  /** Everything MLX holds for live arrays; the figures above are parts of it. */
  mlx_active: number;
  /** Buffers MLX keeps for re-use. */
  mlx_cache: number;
  mlx_peak: number;
}

export interface LoadSettings {
  directory: string;
  kv: KvCache;
  context_length: number;
  max_concurrent: number;
  prompt_cache_bytes: number | null;
  memory_limit: number | null;
}

export interface LoadedModel {
  backend: string;
  context_length: number;
  prompt_cache_bytes: number;
  memory_limit: number;
  load_seconds: number;
  notes: string[];
  memory: MemoryFigures;
}

export interface Sampling {
  temperature: number;
  top_p: number;
  top_k: number;
  min_p: number;
  repetition_penalty: number;
  presence_penalty: number;
  frequency_penalty: number;
  logit_bias: [number, number][];
  seed: number;
  logprobs: number | null;
}

// crates/runtime/src/{snapshot,model,requests,load_options,settings}.rs

export type ModelPhase =
  | { phase: "stopped"; why: string | null }
  | { phase: "loading"; done: number; total: number }
  | ({ phase: "ready" } & LoadedModel);

export interface ModelState {
  id: number;
  name: string;
  directory: string;
  settings: LoadSettings;
  idle_unload_seconds: number | null;
  phase: ModelPhase;
  memory: MemoryFigures;
  worker: number | null;
  running: number;
}

export interface SystemMemory {
  total: number;
  available: number;
  worker_footprint: number | null;
  server_footprint: number | null;
}

/** `Origin` of a sampling value. */
export type SamplingOrigin = "request" | "saved" | "generation_config" | "default";

export interface CompletedRequest {
  id: string;
  model: string;
  endpoint: string;
  client: string | null;
  /** Milliseconds since 1970. */
  arrived: number;
  time_to_first_token: number | null;
  report: RequestReport | null;
  /** The KV cache that was used, in words. */
  kv: string | null;
  prefill_tokens_per_second: number | null;
  decode_tokens_per_second: number | null;
  sampling: Sampling;
  sampling_origins: Record<string, SamplingOrigin>;
  finish: string;
  error: string | null;
}

export interface Snapshot {
  version: string;
  model: ModelState | null;
  system: SystemMemory | null;
  /** Newest first. */
  requests: CompletedRequest[];
}

export interface LoadOptions {
  context_length: number | null;
  kv: KvCache | null;
  max_concurrent: number | null;
  prompt_cache_bytes: number | null;
  memory_limit: number | null;
  /** 0 for never. */
  idle_seconds: number | null;
}

export interface RequestedSampling {
  temperature: number | null;
  top_p: number | null;
  top_k: number | null;
  min_p: number | null;
  repetition_penalty: number | null;
  presence_penalty: number | null;
  frequency_penalty: number | null;
  seed: number | null;
  max_tokens: number | null;
}

export interface SavedSettings {
  sampling: RequestedSampling;
  load: LoadOptions;
}

// crates/hub/src/fit.rs, fit/*.rs

export type BindingLimit = "gpu_limit" | "total_minus_reserve" | "available_now" | "chosen";
export type Verdict = "fits" | "tight" | "too_large";

export interface MemoryLimit {
  bytes: number;
  binding: BindingLimit;
}

export interface Advice {
  words: string;
  kv: KvCache | null;
  context_length: number | null;
}

export interface Fit {
  weights: number;
  kv_dense_bytes_per_token: number;
  kv_quantized_bytes_per_token: number;
  kv: number;
  kv_rebuild: number;
  prefill_workspace: number;
  buffer_cache: number;
  /** Weights, KV, buffers, and the larger of workspace and rebuild. */
  total: number;
  limit: number;
  binding: BindingLimit;
  verdict: Verdict;
  advice: Advice[];
}

export interface KvChoice {
  kv: KvCache;
  bytes_per_token: number | null;
  bytes: number | null;
  refused: string | null;
}

// crates/server/src/management.rs

export interface Estimate {
  model: string;
  settings: LoadSettings;
  fit: Fit;
  kv_choices: KvChoice[];
}

// crates/hub/src/library.rs, library/state.rs

/** `Origin` of a model folder. */
export type LibraryOrigin = "own" | "hugging_face" | "lm_studio";

export interface ModelSummary {
  family: string;
  parameters: number;
  weights_bytes: number;
  bits_per_weight: number;
  quantization: string;
  context_length: number;
}

export type LibraryState =
  | { kind: "ready"; summary: ModelSummary }
  | { kind: "incomplete"; missing: string }
  | { kind: "unsupported"; why: string };

export interface LibraryModel {
  name: string;
  directory: string;
  origin: LibraryOrigin;
  bytes: number;
  state: LibraryState;
}

export interface UnreadableFolder {
  directory: string;
  why: string;
}

export interface Library {
  models: LibraryModel[];
  unreadable: UnreadableFolder[];
}

// crates/agents/src/pi.rs

export interface PiProvider {
  base_url: string;
  model: string;
  display_name: string;
  context_window: number;
  max_tokens: number;
  reasoning: boolean;
  images: boolean;
  api_key: string | null;
}

export type PiAdded =
  | { kind: "created" }
  | { kind: "added"; backup: string }
  | { kind: "updated" }
  | { kind: "unchanged" };

export type PiRemoved = "deleted" | "restored" | "cut_out" | "nothing_there";
