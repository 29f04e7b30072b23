// What an estimate says, as a picture and in words.

import { asBackendError, type Backend } from "../backend/backend";
import type { Fit, KvBits, KvChoice, KvGroupSize, Verdict } from "../backend/types";
import { NO_OPTIONS } from "../backend/none";
import { bytes, portion } from "../format";
import { KV_GROUP_SIZES } from "./draft";

export type EstimatePart = "weights" | "kv" | "workspace" | "buffers";

export interface EstimateSegment {
  name: EstimatePart;
  label: string;
  bytes: number;
  start: number;
  share: number;
}

/** The picture: parts of the total against the limit; `limitAt` is where the limit stands, from 0 to 1. */
export function estimateSegments(fit: Fit): { segments: EstimateSegment[]; limitAt: number } {
  const sizes: [EstimatePart, string, number][] = [
    ["weights", "Weights", fit.weights],
    ["kv", "KV cache, full context", fit.kv],
    ["workspace", "Prefill workspace", Math.max(fit.kv_rebuild, fit.prefill_workspace)],
    ["buffers", "MLX buffers", fit.buffer_cache],
  ];
  const whole = Math.max(fit.limit, fit.total, 1);
  let start = 0;
  const segments = sizes.map(([name, label, size]) => {
    const segment = { name, label, bytes: size, start, share: size / whole };
    start += segment.share;
    return segment;
  });
  return { segments, limitAt: fit.limit / whole };
}

export function verdictInWords(fit: Fit): string {
  switch (fit.verdict) {
    case "fits":
      return `Fits, with ${bytes(fit.limit - fit.total)} to spare.`;
    case "tight":
      return `Fits only just: ${bytes(fit.limit - fit.total)} would be left.`;
    case "too_large":
      return `Does not fit: ${bytes(fit.total - fit.limit)} too much.`;
  }
}

export function verdictInShort(verdict: Verdict): string {
  return { fits: "Fits", tight: "Tight fit", too_large: "Too large" }[verdict];
}

/** What a screen reader says of the picture. */
export function pictureInWords(fit: Fit): string {
  return `${portion(fit.total, fit.limit)}. ${verdictInWords(fit)}`;
}

/** The choice with so many bits for keys and values alike. */
export function choiceOf(choices: KvChoice[], bits: KvBits): KvChoice | undefined {
  return choices.find(({ kv }) => kv !== "dense" && kv.quantized.key_bits === bits);
}

/** What a choice takes and saves against an unquantized cache: `13.7 GB, saves 12.1 GB`. */
export function savingInWords(choices: KvChoice[], choice: KvChoice | undefined): string {
  const dense = choices.find(({ kv }) => kv === "dense")?.bytes ?? null;
  if (choice?.bytes == null || dense === null) return "–";
  const saved = dense - choice.bytes;
  return saved > 0 ? `${bytes(choice.bytes)}, saves ${bytes(saved)}` : `${bytes(choice.bytes)}, saves nothing`;
}

/** What a choice saves against an unquantized cache: `−6.0 GB`. */
export function savedInShort(choices: KvChoice[], choice: KvChoice | undefined): string {
  const saved = savedBytes(choices, choice);
  return saved === null ? "–" : `−${saved}`;
}

/** `6.0 GB`; `null` where a choice saves nothing or is not known. */
export function savedBytes(choices: KvChoice[], choice: KvChoice | undefined): string | null {
  const dense = choices.find(({ kv }) => kv === "dense")?.bytes ?? null;
  if (choice?.bytes == null || dense === null || dense <= choice.bytes) return null;
  return bytes(dense - choice.bytes);
}

/** Why a model cannot take each group size; `null` for those that it can. */
export async function groupSizeRefusals(
  backend: Backend,
  model: string,
): Promise<Record<KvGroupSize, string | null>> {
  const refusals: Record<KvGroupSize, string | null> = { 32: null, 64: null, 128: null };
  await Promise.all(
    KV_GROUP_SIZES.map(async (group_size) => {
      const kv = { quantized: { key_bits: 8 as const, value_bits: 8 as const, group_size, start: 0 } };
      try {
        await backend.estimate(model, { ...NO_OPTIONS, kv });
      } catch (thrown) {
        const error = asBackendError(thrown);
        if (error.code === "bad_option" && error.field === "kv") refusals[group_size] = error.message;
      }
    }),
  );
  return refusals;
}
