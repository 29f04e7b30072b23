// Settings and figures that say nothing.

import type { LoadOptions, MemoryFigures, SavedSettings } from "./types";

export const NO_OPTIONS: LoadOptions = {
  context_length: null,
  kv: null,
  max_concurrent: null,
  prompt_cache_bytes: null,
  memory_limit: null,
  idle_seconds: null,
};

export const NOTHING_SAVED: SavedSettings = {
  sampling: {
    temperature: null,
    top_p: null,
    top_k: null,
    min_p: null,
    repetition_penalty: null,
    presence_penalty: null,
    frequency_penalty: null,
    seed: null,
    max_tokens: null,
  },
  load: NO_OPTIONS,
};

export const NO_MEMORY: MemoryFigures = {
  weights: 0,
  kv_in_use: 0,
  kv_allocated: 0,
  prompt_cache: 0,
  mlx_active: 0,
  mlx_cache: 0,
  mlx_peak: 0,
};
