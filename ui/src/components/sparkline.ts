// The sparkline's arithmetic.

import { HISTORY, type MemorySample } from "../app.svelte";

export interface Range {
  least: number;
  most: number;
}

/** The least and the most of the samples. */
export function rangeOf(samples: MemorySample[]): Range | null {
  if (samples.length === 0) return null;
  const sizes = samples.map(({ bytes }) => bytes);
  return { least: Math.min(...sizes), most: Math.max(...sizes) };
}

/**
 * What the height of the picture stands for. It follows the samples, so that growth shows, but never zooms in on less
 * than a twentieth of them: else noise would look like a mountain.
 */
export function heightOf({ least, most }: Range): Range {
  const span = Math.max(most - least, most / 20);
  const middle = (least + most) / 2;
  const bottom = Math.max(0, middle - span * 0.6);
  return { least: bottom, most: bottom + span * 1.2 };
}

/** Points of a line in a box of `width` by `height`: the right edge is now, the left a minute ago. */
export function linePoints(samples: MemorySample[], width: number, height: number): [number, number][] {
  const range = rangeOf(samples);
  if (range === null) return [];
  const { least, most } = heightOf(range);
  const now = samples.at(-1)?.taken ?? 0;
  return samples.map(({ taken, bytes }) => {
    const x = width * (1 - (now - taken) / HISTORY);
    const y = height * (most > least ? 1 - (bytes - least) / (most - least) : 1);
    return [round(x), round(y)];
  });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
