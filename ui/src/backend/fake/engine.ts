// The fake's worker: a model that loads by and by, and requests whose KV cache grows with each second.

import type { BackendError, CompletedRequest, LoadSettings, MemoryFigures, ModelState } from "../types";
import { NO_MEMORY } from "../none";
import { capacity, type ModelShape } from "./fit";
import { GPU_LIMIT } from "./machine";
import { completed, effectiveKv } from "./requests";

/** Tokens that a running request generates in a second. */
const TOKENS_A_SECOND = 85;

export class FakeEngine {
  model: ModelState | null = null;
  /** Models that requests named. */
  others: ModelState[] = [];
  requests: CompletedRequest[] = [];
  seed: number | null = null;
  /** Seconds that a load takes. */
  loadSeconds = 5;
  private shape: ModelShape | null = null;
  private tokens = 0;
  private pending: { resolve: () => void; reject: (error: BackendError) => void; fails: string | null } | null = null;
  private ids = 0;

  /** Resolves when it is loaded, which takes some seconds. */
  load(name: string, shape: ModelShape, settings: LoadSettings, idle: number | null, fails: string | null): Promise<void> {
    this.giveUp("another load was asked for");
    this.ids += 1;
    this.shape = shape;
    this.tokens = 0;
    this.model = {
      id: this.ids,
      name,
      directory: settings.directory,
      settings,
      idle_unload_seconds: idle,
      phase: { phase: "loading", done: 0, total: shape.weights },
      memory: { ...NO_MEMORY },
      worker: 4711,
      running: 0,
    };
    return new Promise((resolve, reject) => {
      this.pending = { resolve, reject, fails };
    });
  }

  cancelLoad(): void {
    if (this.pending !== null) {
      this.giveUp("the load was cancelled");
      this.unload(null);
    }
  }

  unload(why: string | null): void {
    this.giveUp("the load was given up");
    if (this.model === null) return;
    this.model.phase = { phase: "stopped", why };
    this.model.memory = { ...NO_MEMORY };
    this.model.worker = null;
    this.model.running = 0;
    this.tokens = 0;
  }

  /** A request begins to generate behind a prompt. */
  begin(prompt = 0): void {
    if (this.model === null) return;
    this.model.running += 1;
    this.tokens += prompt;
    this.measure();
  }

  /** A request ends. */
  end(client: string, prompt: number, generated: number, finish: string): CompletedRequest {
    const { model, shape } = this;
    if (model === null || shape === null) throw new Error("no model");
    model.running = Math.max(0, model.running - 1);
    const arrived = Date.now() - Math.round((generated / TOKENS_A_SECOND) * 1000);
    const cached = Math.floor((prompt * 0.94) / 64) * 64;
    const request = completed(
      { shape, model: model.name, kv: model.settings.kv, client, arrived, prompt, cached, generated, finish, seed: this.seed },
      model.memory,
    );
    this.requests = [request, ...this.requests].slice(0, 100);
    if (model.running === 0) this.tokens = 0;
    this.measure(Math.max(model.memory.prompt_cache, request.report?.kv.bytes_allocated ?? 0));
    return request;
  }

  /** One second passes. */
  second(): void {
    const { model } = this;
    if (model === null) return;
    if (model.phase.phase === "loading") this.loadMore(model, model.phase.total / this.loadSeconds);
    else if (model.running > 0) {
      this.tokens += TOKENS_A_SECOND * model.running;
      this.measure();
    }
  }

  /** The load ends now. */
  finishLoad(): void {
    if (this.model?.phase.phase === "loading") this.loadMore(this.model, this.model.phase.total);
  }

  private loadMore(model: ModelState, bytes: number): void {
    if (model.phase.phase !== "loading") return;
    const done = Math.min(model.phase.total, model.phase.done + bytes);
    model.memory = { ...NO_MEMORY, weights: done, mlx_active: done, mlx_peak: done };
    model.phase = { ...model.phase, done };
    const { pending } = this;
    if (pending?.fails != null && done >= model.phase.total / 2) {
      this.pending = null;
      this.unload(pending.fails);
      pending.reject({ code: "load_failed", message: pending.fails });
    } else if (done >= model.phase.total) {
      const limit = model.settings.memory_limit ?? GPU_LIMIT;
      model.phase = {
        phase: "ready",
        backend: "metal",
        context_length: model.settings.context_length,
        prompt_cache_bytes: model.settings.prompt_cache_bytes ?? Math.floor((limit - done) / 4),
        memory_limit: limit,
        load_seconds: this.loadSeconds,
        notes: [],
        memory: model.memory,
      };
      this.measure();
      this.pending = null;
      pending?.resolve();
    }
  }

  private measure(promptCache = this.model?.memory.prompt_cache ?? 0): void {
    const { model, shape } = this;
    if (model === null || shape === null || model.phase.phase !== "ready") return;
    const { kv } = model.settings;
    const kv_in_use = this.tokens === 0 ? 0 : effectiveKv(shape, kv, this.tokens).bytes_in_use;
    const kv_allocated = this.tokens === 0 ? 0 : (kv_in_use / this.tokens) * capacity(this.tokens);
    const scratch = model.running > 0 ? 118_000_000 : 4_000_000;
    const mlx_active = shape.weights + kv_allocated + promptCache + scratch;
    const memory: MemoryFigures = {
      weights: shape.weights,
      kv_in_use,
      kv_allocated,
      prompt_cache: promptCache,
      mlx_active,
      mlx_cache: model.running > 0 ? 471_000_000 : 212_000_000,
      mlx_peak: Math.max(model.memory.mlx_peak, mlx_active),
    };
    model.memory = memory;
  }

  private giveUp(message: string): void {
    this.pending?.reject({ code: "load_cancelled", message });
    this.pending = null;
  }
}
