// What lies on the fake's disk: models of each kind that the window has to show.

import type { LibraryModel } from "../types";
import type { ModelShape } from "./fit";

export const HOME = "/Users/ada";
export const HUB = `${HOME}/.cache/huggingface/hub`;
const STUDIO = `${HOME}/.lmstudio/models`;

interface FakeModel {
  model: LibraryModel;
  shape: ModelShape | null;
}

export const CODER: ModelShape = {
  layers: 48,
  heads: 32,
  kv_heads: 4,
  head_dim: 128,
  hidden: 2048,
  intermediate: 6144,
  experts: { per_token: 8, intermediate: 768 },
  weights: 17_180_000_000,
  context_length: 262_144,
};

export const SMALL: ModelShape = {
  layers: 36,
  heads: 32,
  kv_heads: 8,
  head_dim: 128,
  hidden: 2560,
  intermediate: 9728,
  experts: null,
  weights: 4_274_000_000,
  context_length: 262_144,
};

const EMBEDDED: ModelShape = {
  layers: 4,
  heads: 4,
  kv_heads: 2,
  head_dim: 64,
  hidden: 256,
  intermediate: 768,
  experts: null,
  weights: 48_600_000,
  context_length: 65_536,
};

/** A model that can be loaded. */
export function ready(
  name: string,
  origin: LibraryModel["origin"],
  directory: string,
  shape: ModelShape,
  summary: { family: string; parameters: number; quantization: string },
): FakeModel {
  const bits_per_weight = (shape.weights * 8) / summary.parameters;
  const { context_length, weights: weights_bytes } = shape;
  return {
    shape,
    model: {
      name,
      directory,
      origin,
      bytes: Math.round(weights_bytes * 1.0007),
      state: { kind: "ready", summary: { ...summary, weights_bytes, bits_per_weight, context_length } },
    },
  };
}

/** New objects at each call: a deleted model is gone from one fake only. */
export function fakeModels(): FakeModel[] {
  return [
    {
      shape: null,
      model: {
        name: "lmstudio-community/gemma-3-12b-it-GGUF",
        directory: `${STUDIO}/lmstudio-community/gemma-3-12b-it-GGUF`,
        origin: "lm_studio",
        bytes: 7_301_000_000,
        state: {
          kind: "unsupported",
          why: "its weights are in GGUF format; choose a version of this model in MLX format (safetensors)",
        },
      },
    },
    {
      shape: null,
      model: {
        name: "mlx-community/Qwen3-14B-4bit",
        directory: `${HUB}/models--mlx-community--Qwen3-14B-4bit/snapshots/4f1a`,
        origin: "hugging_face",
        bytes: 3_120_000_000,
        state: { kind: "incomplete", missing: "the rest of 2 files" },
      },
    },
    ready(
      "mlx-community/Qwen3-30B-A3B-Instruct-2507-bf16",
      "hugging_face",
      `${HUB}/models--mlx-community--Qwen3-30B-A3B-Instruct-2507-bf16/snapshots/9c02`,
      { ...CODER, weights: 61_064_000_000 },
      { family: "qwen3_moe", parameters: 30_532_122_624, quantization: "bfloat16, not quantized" },
    ),
    ready(
      "mlx-community/Qwen3-4B-Instruct-2507-8bit",
      "lm_studio",
      `${STUDIO}/mlx-community/Qwen3-4B-Instruct-2507-8bit`,
      SMALL,
      { family: "qwen3", parameters: 4_022_468_096, quantization: "8-bit affine in groups of 64" },
    ),
    ready(
      "mlx-community/Qwen3-Coder-30B-A3B-Instruct-4bit",
      "hugging_face",
      `${HUB}/models--mlx-community--Qwen3-Coder-30B-A3B-Instruct-4bit/snapshots/b1d7`,
      CODER,
      { family: "qwen3_moe", parameters: 30_532_122_624, quantization: "4-bit affine in groups of 64" },
    ),
    ready(
      "shorn-embedded",
      "embedded",
      `${HOME}/Library/Caches/Shorn/shorn-embedded`,
      EMBEDDED,
      { family: "qwen3", parameters: 24_300_000, quantization: "bfloat16, not quantized" },
    ),
  ];
}

export const CODER_DIRECTORY = `${HUB}/models--mlx-community--Qwen3-Coder-30B-A3B-Instruct-4bit/snapshots/b1d7`;
