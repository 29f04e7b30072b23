// The fake's Hub: search, pages, and whether a model there would fit.

import type { HubFit, HubModel, HubPage, KvCache, MemoryLimit, RecommendedModel, Search } from "../types";
import { bytesPerToken, fit, kvOf, type ModelShape, refusal } from "./fit";
import { type ListedModel, ON_THE_HUB } from "./hub-models";
import { TOTAL_MEMORY } from "./machine";

const PAGE = 12;
/** Of an M4 Max, in bytes per second, with the shares of it that `shorn_hub::fit` counts with. */
const BANDWIDTH = { slowest: 410e9, fastest: 546e9 };
const SHARES = { dense: [0.6, 0.85], experts: [0.25, 0.6] } as const;
const SHORTEST = 4096;

/** The folder of a model that is on the fake's disk and whole. */
type OnDisk = (name: string) => string | null;

export function searchHub({ text, order, page }: Search, limit: MemoryLimit, onDisk: OnDisk): HubPage {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = ON_THE_HUB.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
  const sorted = found.toSorted((a, b) => {
    if (order === "downloads") return b.downloads - a.downloads;
    if (order === "updated") return (b.updated ?? "").localeCompare(a.updated ?? "");
    const size = (model: ListedModel) => model.download_bytes ?? Number.POSITIVE_INFINITY;
    return order === "size" && size(a) !== size(b) ? size(a) - size(b) : 0;
  });
  const start = Number(page ?? 0);
  return {
    models: sorted.slice(start, start + PAGE).map((model) => judged(model, limit, onDisk)),
    next: start + PAGE < sorted.length ? String(start + PAGE) : null,
  };
}

function judged({ shape, active, ...model }: ListedModel, limit: MemoryLimit, onDisk: OnDisk): HubModel {
  return { ...model, fit: shape && hubFit(shape, active, limit), directory: onDisk(model.name) };
}

/** The longest context that fits, and for it the widest KV cache. */
function hubFit(shape: ModelShape, active: number, limit: MemoryLimit): HubFit {
  const widths: KvCache[] = ["dense", kvOf(8), kvOf(6), kvOf(4)];
  const possible = widths.filter((kv) => refusal(shape, kv) === null);
  for (let context = shape.context_length; context >= SHORTEST; context = Math.floor(context / 2)) {
    for (const kv of possible) {
      const found = fit(shape, context, kv, limit);
      if (found.verdict !== "too_large") return described(shape, active, context, kv, limit);
    }
  }
  return described(shape, active, SHORTEST, possible.at(-1) ?? "dense", limit);
}

function described(shape: ModelShape, active: number, context: number, kv: KvCache, limit: MemoryLimit): HubFit {
  const { verdict, total } = fit(shape, context, kv, limit);
  const bytes_per_token = shape.weights * active + bytesPerToken(shape, kv).quantized * 8192;
  const [low, high] = shape.experts ? SHARES.experts : SHARES.dense;
  const slowest = (BANDWIDTH.slowest * low) / bytes_per_token;
  const fastest = (BANDWIDTH.fastest * high) / bytes_per_token;
  return {
    verdict,
    kv,
    kv_summary: kv === "dense" ? "unquantized" : `${kv.quantized.key_bits}-bit/64 from 5000`,
    context_length: context,
    total,
    limit: limit.bytes,
    binding: limit.binding,
    speed: { bytes_per_token, slowest, fastest },
  };
}

const RECOMMENDED: [name: string, gigabytes: number, reason: string][] = [
  ["mlx-community/Qwen3-4B-Instruct-2507-4bit", 16, "4.0 B parameters, all of them active; trained for tool calls"],
  ["mlx-community/Qwen3-8B-4bit", 24, "8.2 B parameters, all of them active; trained for tool calls and code"],
  ["mlx-community/Qwen3-14B-4bit", 32, "14.8 B parameters, all of them active; trained for tool calls and code"],
  ["mlx-community/Qwen3-Coder-30B-A3B-Instruct-4bit", 48, "trained for coding agents; 3.3 of 30.5 B parameters active"],
  ["mlx-community/Qwen3-Coder-30B-A3B-Instruct-6bit", 64, "trained for coding agents; 3.3 of 30.5 B parameters active"],
  ["mlx-community/Qwen3-Coder-30B-A3B-Instruct-8bit", 128, "trained for coding agents; 3.3 of 30.5 B parameters active"],
];

export function recommended(limit: MemoryLimit | null, onDisk: OnDisk): RecommendedModel[] {
  return RECOMMENDED.map(([name, memory_gigabytes, reason]) => {
    const model = ON_THE_HUB.find((candidate) => candidate.name === name);
    if (!model?.shape) throw new Error(`${name} is not on the fake's Hub`);
    return {
      name,
      memory_gigabytes,
      reason,
      download_bytes: model.download_bytes ?? 0,
      context_length: model.shape.context_length,
      fit: limit && hubFit(model.shape, model.active, limit),
      for_this_machine: limit !== null && memory_gigabytes === Math.round(TOTAL_MEMORY / 2 ** 30),
      directory: onDisk(name),
    };
  });
}
