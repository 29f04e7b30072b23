// What is on the fake's Hub: models of each kind that the window has to show. Shapes and sizes are those of real ones.

import type { HubModel, Support } from "../types";
import type { ModelShape } from "./fit";
import { CODER, SMALL } from "./models";

/** A model on the fake's Hub. */
export interface ListedModel extends Omit<HubModel, "fit" | "directory"> {
  /** `null` where it cannot be loaded, or its files do not tell. */
  shape: ModelShape | null;
  /** Share of the weights that one token reads. */
  active: number;
}

/** What the versions of one model have in common. */
interface Base {
  family: string;
  parameters: number;
  active?: number;
  shape: Omit<ModelShape, "weights">;
}

const MOE: Base = { family: "qwen3_moe", parameters: 30_532_122_624, active: 0.109, shape: CODER };
const QWEN3_4B: Base = { family: "qwen3", parameters: 4_022_468_096, shape: SMALL };
const shorter = { ...SMALL, context_length: 40_960 };
const QWEN3_06B: Base = {
  family: "qwen3",
  parameters: 596_049_920,
  shape: { ...shorter, layers: 28, heads: 16, hidden: 1024, intermediate: 3072 },
};
const QWEN3_8B: Base = {
  family: "qwen3",
  parameters: 8_190_735_360,
  shape: { ...shorter, hidden: 4096, intermediate: 12_288 },
};
const QWEN3_14B: Base = {
  family: "qwen3",
  parameters: 14_768_307_200,
  shape: { ...shorter, layers: 40, heads: 40, hidden: 5120, intermediate: 17_408 },
};
const QWEN3_32B: Base = {
  family: "qwen3",
  parameters: 32_762_123_264,
  shape: { ...shorter, layers: 64, heads: 64, hidden: 5120, intermediate: 25_600 },
};
const QWEN3_235B: Base = {
  family: "qwen3_moe",
  parameters: 235_093_634_560,
  active: 0.094,
  shape: { ...CODER, layers: 94, heads: 64, hidden: 4096, experts: { per_token: 8, intermediate: 1536 } },
};
const CODER_480B: Base = {
  family: "qwen3_moe",
  parameters: 480_154_875_392,
  active: 0.073,
  shape: { ...CODER, layers: 62, heads: 96, kv_heads: 8, hidden: 6144, experts: { per_token: 8, intermediate: 2560 } },
};

/** Bytes of what is not weights: tokenizer, configuration, template. */
const OTHER_FILES = 15_900_000;

function listed(name: string, base: Base, bits: number, downloads: number, updated: string): ListedModel {
  const quantized = bits < 16;
  // A scale and a bias of 16 bits each for a group of 64.
  const weights = Math.round((base.parameters * (quantized ? bits + 0.5 : bits)) / 8);
  return {
    name,
    downloads,
    updated: `2026-${updated}T08:12:31.000Z`,
    gated: false,
    family: base.family,
    parameters: base.parameters,
    bits: quantized ? bits : null,
    group_size: quantized ? 64 : null,
    download_bytes: weights + OTHER_FILES,
    context_length: base.shape.context_length,
    support: { kind: "supported" },
    shape: { ...base.shape, weights },
    active: base.active ?? 1,
  };
}

function unsupported(name: string, family: string, billions: number, bits: number, downloads: number, updated: string): ListedModel {
  const why = `its architecture \`${family}\` is not supported yet; supported are qwen3 and qwen3_moe`;
  const base = { family, parameters: billions * 1e9, shape: shorter };
  const model = listed(name, base, bits, downloads, updated);
  return { ...model, shape: null, support: { kind: "unsupported", why } };
}

/** Its files tell nothing. */
function opaque(name: string, support: Support, downloads: number, updated: string): ListedModel {
  const nothing = { family: null, parameters: null, bits: null, group_size: null, download_bytes: null, context_length: null };
  return { ...listed(name, QWEN3_4B, 4, downloads, updated), ...nothing, support, shape: null };
}

const gated = (model: ListedModel): ListedModel => ({ ...model, gated: true });
const mlx = (name: string) => `mlx-community/${name}`;

/** In the order of the trend. */
export const ON_THE_HUB: readonly ListedModel[] = [
  listed(mlx("Qwen3-Coder-30B-A3B-Instruct-4bit"), MOE, 4, 41_208, "08-02"),
  listed(mlx("Qwen3-Coder-30B-A3B-Instruct-8bit"), MOE, 8, 12_907, "08-02"),
  unsupported(mlx("gpt-oss-20b-MXFP4-Q8"), "gpt_oss", 20.9, 4, 96_004, "08-07"),
  listed(mlx("Qwen3-4B-Instruct-2507-4bit"), QWEN3_4B, 4, 58_310, "08-06"),
  gated(listed("northwind-labs/Qwen3-Coder-30B-A3B-Support-4bit", MOE, 4, 311, "11-03")),
  listed(mlx("Qwen3-30B-A3B-Instruct-2507-4bit"), MOE, 4, 22_480, "07-30"),
  unsupported(mlx("Qwen3-Next-80B-A3B-Instruct-4bit"), "qwen3_next", 79.7, 4, 18_771, "09-12"),
  listed(mlx("Qwen3-14B-4bit"), QWEN3_14B, 4, 15_002, "04-29"),
  listed(mlx("Qwen3-235B-A22B-Instruct-2507-4bit"), QWEN3_235B, 4, 2_904, "07-22"),
  unsupported(mlx("gemma-3-27b-it-4bit"), "gemma3", 27.4, 4, 20_118, "03-14"),
  opaque("lab-nine/untitled-merge-v2", { kind: "unknown", why: "its config.json could not be read" }, 17, "10-28"),
  listed(mlx("Qwen3-32B-4bit"), QWEN3_32B, 4, 11_340, "04-29"),
  listed(mlx("Qwen3-32B-8bit"), QWEN3_32B, 8, 3_120, "04-29"),
  listed(mlx("Qwen3-Coder-30B-A3B-Instruct-6bit"), MOE, 6, 4_417, "08-02"),
  unsupported(mlx("GLM-4.5-Air-4bit"), "glm4_moe", 106.9, 4, 7_320, "08-05"),
  listed(mlx("Qwen3-8B-4bit"), QWEN3_8B, 4, 31_776, "04-28"),
  listed(mlx("Qwen3-8B-8bit"), QWEN3_8B, 8, 6_120, "04-28"),
  unsupported(mlx("Devstral-Small-2507-4bit"), "mistral", 23.6, 4, 5_011, "07-10"),
  listed(mlx("Qwen3-Coder-480B-A35B-Instruct-4bit"), CODER_480B, 4, 840, "07-23"),
  listed(mlx("Qwen3-4B-Instruct-2507-8bit"), QWEN3_4B, 8, 9_470, "08-06"),
  unsupported(mlx("Qwen2.5-Coder-32B-Instruct-4bit"), "qwen2", 32.8, 4, 14_633, "01-18"),
  gated(unsupported("meta-llama/Llama-3.3-70B-Instruct-mlx-4bit", "llama", 70.6, 4, 1_208, "02-09")),
  listed(mlx("Qwen3-30B-A3B-Instruct-2507-8bit"), MOE, 8, 7_208, "07-30"),
  listed(mlx("Qwen3-Coder-30B-A3B-Instruct-bf16"), MOE, 16, 612, "08-02"),
  unsupported(mlx("DeepSeek-R1-0528-4bit"), "deepseek_v3", 671, 4, 4_902, "05-29"),
  listed(mlx("Qwen3-14B-6bit"), QWEN3_14B, 6, 1_870, "04-29"),
  unsupported(mlx("phi-4-4bit"), "phi3", 14.7, 4, 6_204, "01-11"),
  opaque(mlx("whisper-large-v3-mlx"), { kind: "unsupported", why: "it is no language model" }, 30_071, "02-02"),
  listed(mlx("Qwen3-0.6B-4bit"), QWEN3_06B, 4, 12_660, "04-28"),
  unsupported(mlx("Llama-3.2-3B-Instruct-4bit"), "llama", 3.2, 4, 88_410, "03-01"),
  listed("lab-nine/Qwen3-14B-8bit-DWQ", QWEN3_14B, 8, 96, "10-30"),
  opaque("lab-nine/drafts", { kind: "unknown", why: "it has no config.json" }, 3, "11-12"),
];
