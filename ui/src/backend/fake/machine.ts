// The fake's machine: a Mac with 64 GiB.

import type { MemoryLimit } from "../types";

const GIB = 2 ** 30;

export const TOTAL_MEMORY = 64 * GIB;
/** `recommendedMaxWorkingSetSize` of such a Mac. */
export const GPU_LIMIT = 48 * GIB;

/** What a model may take; `chosen` stands in place of the GPU's recommendation. */
export function machineLimit(chosen: number | null): MemoryLimit {
  const total = TOTAL_MEMORY - 8 * GIB;
  const gpu: MemoryLimit =
    chosen === null ? { bytes: GPU_LIMIT, binding: "gpu_limit" } : { bytes: chosen, binding: "chosen" };
  return gpu.bytes < total ? gpu : { bytes: total, binding: "total_minus_reserve" };
}
