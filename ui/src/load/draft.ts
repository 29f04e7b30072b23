// What stands in the load dialog's fields, and what that means as options.

import type {
  KvBits,
  KvCache,
  KvGroupSize,
  LoadOptions,
  LoadSettings,
  ModelState,
  SavedSettings,
} from "../backend/types";

export const KV_BITS: KvBits[] = [8, 6, 4, 3, 2];
export const KV_GROUP_SIZES: KvGroupSize[] = [32, 64, 128];

/** mlx-lm's, as in `shorn_checkpoint::KvQuantization`. */
const DEFAULT_GROUP_SIZE: KvGroupSize = 64;
const DEFAULT_START = 5000;
/** As in `shorn_runtime`. */
const DEFAULT_CONCURRENT = 4;
const MAX_CONCURRENT = 1024;
const DEFAULT_IDLE_MINUTES = 60;
const GIGABYTE = 1e9;

/** The fields. A number is `null` while its field is empty. */
export interface LoadDraft {
  context_length: number | null;
  quantize: boolean;
  key_bits: KvBits;
  value_bits: KvBits;
  separate_bits: boolean;
  group_size: KvGroupSize;
  start: number | null;
  max_concurrent: number | null;
  idle: boolean;
  idle_minutes: number | null;
  own_prompt_cache: boolean;
  prompt_cache_gigabytes: number | null;
  fixed_seed: boolean;
  seed: number | null;
}

export type DraftField = keyof LoadDraft;

/** The fields for a model with these saved settings; `longest` is the context it was made for. */
export function draftOf(saved: SavedSettings, longest: number): LoadDraft {
  const { load, sampling } = saved;
  const kv = load.kv !== null && load.kv !== "dense" ? load.kv.quantized : null;
  return {
    context_length: Math.min(load.context_length ?? longest, longest),
    quantize: kv !== null,
    key_bits: kv?.key_bits ?? 8,
    value_bits: kv?.value_bits ?? 8,
    separate_bits: kv !== null && kv.key_bits !== kv.value_bits,
    group_size: kv?.group_size ?? DEFAULT_GROUP_SIZE,
    start: kv?.start ?? DEFAULT_START,
    max_concurrent: load.max_concurrent ?? DEFAULT_CONCURRENT,
    idle: (load.idle_seconds ?? 0) > 0,
    idle_minutes: load.idle_seconds ? Math.max(1, Math.round(load.idle_seconds / 60)) : DEFAULT_IDLE_MINUTES,
    own_prompt_cache: load.prompt_cache_bytes !== null,
    prompt_cache_gigabytes: load.prompt_cache_bytes === null ? 4 : load.prompt_cache_bytes / GIGABYTE,
    fixed_seed: sampling.seed !== null,
    seed: sampling.seed ?? 42,
  };
}

/** What is wrong with the fields, by field; empty when nothing is. */
export function problems(draft: LoadDraft, longest: number): Partial<Record<DraftField, string>> {
  const found: Partial<Record<DraftField, string>> = {};
  const whole = (field: DraftField, used: boolean, low: number, high: number, limit: string) => {
    const value = draft[field];
    if (!used) return;
    if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) {
      found[field] = `Enter a whole number ${limit}.`;
    }
  };
  const most = longest.toLocaleString("en-US");
  whole("context_length", true, 1, longest, `from 1 to ${most}, this model's maximum`);
  whole("start", draft.quantize, 0, 4_294_967_295, "of tokens, 0 for the first");
  whole("max_concurrent", true, 1, MAX_CONCURRENT, `from 1 to ${MAX_CONCURRENT}`);
  whole("idle_minutes", draft.idle, 1, 10_080, "of minutes, at most a week");
  whole("seed", draft.fixed_seed, 0, Number.MAX_SAFE_INTEGER, "that is not negative");
  const budget = draft.prompt_cache_gigabytes;
  if (draft.own_prompt_cache && (budget === null || budget < 0 || budget > 10_000)) {
    found.prompt_cache_gigabytes = "Enter a number of gigabytes, 0 for none.";
  }
  return found;
}

export function kvOfDraft(draft: LoadDraft): KvCache {
  if (!draft.quantize) return "dense";
  const { key_bits, value_bits, separate_bits, group_size, start } = draft;
  const values = separate_bits ? value_bits : key_bits;
  return { quantized: { key_bits, value_bits: values, group_size, start: start ?? DEFAULT_START } };
}

/** The options; what the dialog does not show stays as saved. */
export function optionsOf(draft: LoadDraft, saved: SavedSettings): LoadOptions {
  const budget = draft.prompt_cache_gigabytes ?? 0;
  return {
    context_length: draft.context_length,
    kv: kvOfDraft(draft),
    max_concurrent: draft.max_concurrent,
    prompt_cache_bytes: draft.own_prompt_cache ? Math.round(budget * GIGABYTE) : null,
    memory_limit: saved.load.memory_limit,
    idle_seconds: draft.idle ? (draft.idle_minutes ?? DEFAULT_IDLE_MINUTES) * 60 : 0,
  };
}

/** The settings to load with and to remember. */
export function settingsOf(draft: LoadDraft, saved: SavedSettings): SavedSettings {
  const seed = draft.fixed_seed ? draft.seed : null;
  return { load: optionsOf(draft, saved), sampling: { ...saved.sampling, seed } };
}

/** The draft with a KV cache and a context length of an advice. */
export function withAdvice(draft: LoadDraft, kv: KvCache | null, context_length: number | null): LoadDraft {
  const next = { ...draft, context_length: context_length ?? draft.context_length };
  if (kv === null) return next;
  if (kv === "dense") return { ...next, quantize: false };
  const { key_bits, value_bits, group_size, start } = kv.quantized;
  return { ...next, quantize: true, key_bits, value_bits, separate_bits: key_bits !== value_bits, group_size, start };
}

/** Whether a model that is loaded would be no different after a load with these settings. */
export function isLoadedLikeThis(
  model: ModelState | null,
  settings: LoadSettings,
  idleSeconds: number | null,
): boolean {
  if (model?.phase.phase !== "ready") return false;
  const keys = ["directory", "context_length", "max_concurrent", "prompt_cache_bytes", "memory_limit"] as const;
  const idle = idleSeconds === 0 ? null : idleSeconds;
  return (
    keys.every((key) => model.settings[key] === settings[key]) &&
    sameKv(model.settings.kv, settings.kv) &&
    model.idle_unload_seconds === idle
  );
}

function sameKv(a: KvCache, b: KvCache): boolean {
  if (a === "dense" || b === "dense") return a === b;
  const keys = ["key_bits", "value_bits", "group_size", "start"] as const;
  return keys.every((key) => a.quantized[key] === b.quantized[key]);
}
