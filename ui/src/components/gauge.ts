// The memory gauge's arithmetic: what the model's memory consists of, against what it may take.

import type { BindingLimit, MemoryFigures, Pressure } from "../backend/types";
import { bytes, portion, UNKNOWN } from "../format";

export type SegmentName = "weights" | "kv" | "kv_room" | "prompt_cache" | "other" | "buffers";

export interface Segment {
  name: SegmentName;
  label: string;
  bytes: number;
  /** Where it begins and how much of the bar it takes, from 0 to 1. */
  start: number;
  share: number;
}

export interface Gauge {
  segments: Segment[];
  /** Live arrays and buffers together. */
  used: number;
  /** What may be taken; `null` when that is not known. */
  limit: number | null;
  /** `null` when the limit is not known. */
  free: number | null;
  /** Where the limit stands on the bar, from 0 to 1; below 1 only when more is used. */
  limitAt: number;
}

const LABELS: Record<SegmentName, string> = {
  weights: "Weights",
  kv: "KV cache",
  kv_room: "KV reserved",
  prompt_cache: "Prompt cache",
  other: "Other",
  buffers: "MLX buffers",
};

/**
 * Splits a worker's memory. The parts of `mlx_active` come first, what is left of it is "other": activations, mostly.
 * The figures of one sample are taken one after the other, so the rest is never below 0.
 */
export function gaugeOf(memory: MemoryFigures, limit: number | null): Gauge {
  const room = Math.max(0, memory.kv_allocated - memory.kv_in_use);
  const parts = memory.weights + memory.kv_in_use + room + memory.prompt_cache;
  const sizes: [SegmentName, number][] = [
    ["weights", memory.weights],
    ["kv", memory.kv_in_use],
    ["kv_room", room],
    ["prompt_cache", memory.prompt_cache],
    ["other", Math.max(0, memory.mlx_active - parts)],
    ["buffers", memory.mlx_cache],
  ];
  const used = sizes.reduce((sum, [, size]) => sum + size, 0);
  // The bar is as long as the limit, or as what is used when that is more.
  const whole = Math.max(limit ?? 0, used);
  const share = (size: number) => (whole > 0 ? size / whole : 0);
  let start = 0;
  const segments = sizes.map(([name, size]) => {
    const segment = { name, label: LABELS[name], bytes: size, start, share: share(size) };
    start += segment.share;
    return segment;
  });
  return {
    segments,
    used,
    limit,
    free: limit === null ? null : Math.max(0, limit - used),
    limitAt: limit === null || whole === 0 ? 1 : limit / whole,
  };
}

/** What a screen reader says: `19.1 of 51.5 GB used, no memory pressure`. */
export function valueText(gauge: Gauge, pressure: Pressure | null): string {
  const used =
    gauge.limit === null
      ? `${bytes(gauge.used)} used, limit not known`
      : `${portion(gauge.used, gauge.limit)} used`;
  return pressure === null ? used : `${used}, ${pressureInWords(pressure).toLowerCase()}`;
}

export function pressureInWords(pressure: Pressure | null): string {
  switch (pressure) {
    case null:
      return UNKNOWN;
    case "normal":
      return "No memory pressure";
    case "warning":
      return "Memory is getting short";
    case "critical":
      return "Memory is nearly exhausted";
  }
}

/** Which bound a limit comes from, for a sentence that begins "limited by". */
export function bindingInWords(binding: BindingLimit): string {
  switch (binding) {
    case "gpu_limit":
      return "what the GPU may use";
    case "total_minus_reserve":
      return "the machine's memory, less a reserve for other programs";
    case "available_now":
      return "the memory that is free now";
    case "chosen":
      return "the limit you set";
  }
}
