import { describe, expect, it } from "vitest";
import { type MemorySample, remember } from "../app.svelte";
import { appAt } from "../test-app";
import { heightOf, linePoints, rangeOf } from "./sparkline";

const at = (second: number, bytes: number): MemorySample => ({ taken: second * 1000, bytes });

describe("the sparkline", () => {
  it("ends at now and begins a minute ago", () => {
    expect(linePoints([at(0, 10), at(30, 10), at(60, 10)], 300, 40).map(([x]) => x)).toEqual([0, 150, 300]);
  });

  it("rises with the samples", () => {
    const [low, high] = linePoints([at(0, 10), at(60, 20)], 300, 40).map(([, y]) => y);
    expect(low).toBeGreaterThan(high ?? 0);
  });

  it("does not make a mountain of noise", () => {
    const { least, most } = heightOf({ least: 99_999, most: 100_000 });
    expect(most - least).toBeGreaterThan(5_000);
  });

  it("of nothing is nothing", () => {
    expect([linePoints([], 300, 40), rangeOf([])]).toEqual([[], null]);
    expect(linePoints([at(0, 0)], 300, 40)).toEqual([[300, 40]]);
  });
});

describe("the history", () => {
  it("keeps a minute, and one sample of each moment", async () => {
    const { fake } = await appAt("idle");
    const snapshot = fake.snapshot();
    let history: MemorySample[] = [];
    for (let second = 0; second < 200; second += 1) {
      const sampled = { ...snapshot, taken: second * 1000 };
      history = remember(remember(history, sampled), sampled);
    }
    expect(history.length).toBe(61);
    expect(history.at(0)?.taken).toBe(139_000);
  });
});
