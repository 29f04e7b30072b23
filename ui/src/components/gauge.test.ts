import { describe, expect, it } from "vitest";
import { NO_MEMORY } from "../backend/none";
import type { MemoryFigures } from "../backend/types";
import { bindingInWords, gaugeOf, valueText } from "./gauge";

const GB = 1e9;
const MEMORY: MemoryFigures = {
  weights: 16 * GB,
  kv_in_use: 3 * GB,
  kv_allocated: 4 * GB,
  prompt_cache: 2 * GB,
  mlx_active: 23 * GB,
  mlx_cache: 1 * GB,
  mlx_peak: 25 * GB,
};

const sizes = (memory: MemoryFigures, limit: number | null) =>
  Object.fromEntries(gaugeOf(memory, limit).segments.map(({ name, bytes }) => [name, bytes / GB]));

describe("the gauge's segments", () => {
  it("add up to what MLX holds", () => {
    const gauge = gaugeOf(MEMORY, 48 * GB);
    expect(sizes(MEMORY, 48 * GB)).toEqual({ weights: 16, kv: 3, kv_room: 1, prompt_cache: 2, other: 1, buffers: 1 });
    expect(gauge.used).toBe(MEMORY.mlx_active + MEMORY.mlx_cache);
    expect(gauge.free).toBe(24 * GB);
  });

  it("follow each other without a gap, against the limit", () => {
    const { segments, limitAt } = gaugeOf(MEMORY, 48 * GB);
    let end = 0;
    for (const { start, share } of segments) {
      expect(start).toBeCloseTo(end);
      end = start + share;
    }
    expect(end).toBeCloseTo(0.5);
    expect(limitAt).toBe(1);
  });

  it("show the KV cache as the worker reports it", () => {
    for (const kv_in_use of [0, 1, 2.5 * GB]) {
      const kv = gaugeOf({ ...MEMORY, kv_in_use }, 48 * GB).segments.find(({ name }) => name === "kv");
      expect(kv?.bytes).toBe(kv_in_use);
    }
  });

  it("are never negative when figures of one sample disagree", () => {
    const torn = { ...MEMORY, kv_allocated: 2 * GB, mlx_active: 1 * GB };
    expect(sizes(torn, 48 * GB)).toMatchObject({ kv_room: 0, other: 0 });
  });

  it("of nothing are nothing", () => {
    expect(gaugeOf(NO_MEMORY, null)).toMatchObject({ used: 0, free: null, limitAt: 1 });
    expect(gaugeOf(NO_MEMORY, 48 * GB)).toMatchObject({ used: 0, free: 48 * GB });
  });
});

describe("more than the limit", () => {
  it("fills the bar and puts the limit inside it", () => {
    const gauge = gaugeOf(MEMORY, 12 * GB);
    expect(gauge.segments.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
    expect(gauge.limitAt).toBe(0.5);
    expect(gauge.free).toBe(0);
  });
});

describe("the gauge in words", () => {
  it("says used, limit and pressure", () => {
    const gauge = gaugeOf(MEMORY, 48 * GB);
    expect(valueText(gauge, "normal")).toBe("24.0 of 48.0 GB used, no memory pressure");
    expect(valueText(gauge, "critical")).toBe("24.0 of 48.0 GB used, memory is nearly exhausted");
    expect(valueText(gauge, null)).toBe("24.0 of 48.0 GB used");
  });

  it("says that the limit is not known", () => {
    expect(valueText(gaugeOf(MEMORY, null), null)).toBe("24.0 GB used, limit not known");
  });

  it("names each bound", () => {
    const bounds = ["gpu_limit", "total_minus_reserve", "available_now", "chosen"] as const;
    expect(new Set(bounds.map(bindingInWords)).size).toBe(4);
  });
});
