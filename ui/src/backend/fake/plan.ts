// What the fake answers to load options: the resolution of settings, and the estimate.

import type { BackendError, Estimate, LibraryModel, LoadOptions, LoadSettings } from "../types";
import { fit, kvChoices, type ModelShape, refusal } from "./fit";
import { machineLimit } from "./machine";

export interface FoundModel {
  model: LibraryModel;
  shape: ModelShape;
}

type FakeCode = Exclude<BackendError["code"], "port_taken">;

export function fakeError(code: FakeCode, message: string, field?: string): BackendError {
  return { code, message, ...(field !== undefined && { field }) };
}

/** The estimate; throws what the model cannot take. `memoryLimit` is that of the app's settings. */
export function plan({ model, shape }: FoundModel, options: LoadOptions, memoryLimit: number | null): Estimate {
  const settings = resolve(model.directory, shape, options, memoryLimit);
  const { context_length, kv } = settings;
  return {
    model: model.name,
    settings,
    fit: fit(shape, context_length, kv, machineLimit(settings.memory_limit)),
    kv_choices: kvChoices(shape, context_length, kv),
  };
}

/** As `LoadOptions::resolve`. */
function resolve(
  directory: string,
  shape: ModelShape,
  options: LoadOptions,
  memoryLimit: number | null,
): LoadSettings {
  const longest = shape.context_length;
  const context_length = options.context_length ?? longest;
  if (context_length < 1 || context_length > longest) {
    const message = `context length must be from 1 to ${longest}, which is this model's context; not ${context_length}`;
    throw fakeError("bad_option", message, "context_length");
  }
  const max_concurrent = options.max_concurrent ?? 4;
  if (max_concurrent < 1) {
    throw fakeError("bad_option", "max concurrent requests must be at least 1", "max_concurrent");
  }
  const kv = options.kv ?? "dense";
  const refused = refusal(shape, kv);
  if (refused !== null) throw fakeError("bad_option", refused, "kv");
  const { prompt_cache_bytes } = options;
  const memory_limit = options.memory_limit ?? memoryLimit;
  return { directory, kv, context_length, max_concurrent, prompt_cache_bytes, memory_limit };
}
