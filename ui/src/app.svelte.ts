// What the window knows: the last snapshot, the last minute, and the settings. All views read this and nothing else.

import { getContext, setContext } from "svelte";
import { type AppSettings, type AppSnapshot, asBackendError, type Backend, type BackendError } from "./backend/backend";
import { Conversation } from "./chat/conversation.svelte";
import type { ModelState } from "./backend/types";

export type ViewName = "home" | "models" | "connect" | "chat" | "settings";

/** Memory at one moment. */
export interface MemorySample {
  /** Milliseconds since 1970. */
  taken: number;
  /** Bytes that MLX holds, live arrays and buffers. */
  bytes: number;
}

/** How far the sparkline looks back, in milliseconds. */
export const HISTORY = 60_000;

export class AppState {
  readonly backend: Backend;
  readonly conversation = new Conversation();
  snapshot = $state.raw<AppSnapshot | null>(null);
  history = $state.raw<MemorySample[]>([]);
  settings = $state.raw<AppSettings | null>(null);
  view = $state<ViewName>("home");
  /** The folder whose load dialog is open; `""` for a dialog in which the model is still to be chosen. */
  loadDialog = $state<string | null>(null);
  /** The failure of the last action that has no place of its own in a view. */
  error = $state.raw<BackendError | null>(null);
  /** What a screen reader is told. */
  announcement = $state("");
  private end: (() => void) | null = null;

  constructor(backend: Backend) {
    this.backend = backend;
  }

  get model(): ModelState | null {
    return this.snapshot?.runtime.model ?? null;
  }

  /** Follows the backend until `close`. */
  async open(): Promise<void> {
    this.end = this.backend.watch((snapshot) => this.replace(snapshot));
    this.settings = await this.backend.settings();
  }

  close(): void {
    this.end?.();
  }

  /** Shows a failure in the window's own line. */
  async attempt(action: () => Promise<unknown>): Promise<void> {
    this.error = null;
    try {
      await action();
    } catch (thrown) {
      this.error = asBackendError(thrown);
    }
  }

  async changeSettings(change: Partial<AppSettings>): Promise<void> {
    this.settings = await this.backend.changeSettings(change);
  }

  private replace(snapshot: AppSnapshot): void {
    const before = this.snapshot;
    this.snapshot = snapshot;
    this.history = remember(this.history, snapshot);
    const change = changeInWords(before, snapshot);
    if (change !== null) this.announcement = change;
  }
}

/** The samples of the last minute with the new one. */
export function remember(history: MemorySample[], snapshot: AppSnapshot): MemorySample[] {
  const memory = snapshot.runtime.model?.memory;
  const sample = { taken: snapshot.taken, bytes: memory ? memory.mlx_active + memory.mlx_cache : 0 };
  const since = snapshot.taken - HISTORY;
  return [...history.filter(({ taken }) => taken >= since && taken < sample.taken), sample];
}

/** What changed for somebody who does not see the window; `null` for mere figures. */
export function changeInWords(before: AppSnapshot | null, now: AppSnapshot): string | null {
  if (before === null) return null;
  const [old, model] = [before.runtime.model, now.runtime.model];
  if (model && (old?.phase.phase !== model.phase.phase || old.id !== model.id)) {
    switch (model.phase.phase) {
      case "loading":
        return `Loading ${model.name}`;
      case "ready":
        return `${model.name} is loaded`;
      case "stopped":
        return model.phase.why === null ? `${model.name} is unloaded` : `${model.name} stopped: ${model.phase.why}`;
    }
  }
  if (before.server.state !== now.server.state) {
    return now.server.state === "failed" ? now.server.error.message : `Server ${now.server.state}`;
  }
  return null;
}

export const APP_KEY = Symbol("app");

export function provideApp(app: AppState): AppState {
  return setContext(APP_KEY, app);
}

export function useApp(): AppState {
  return getContext<AppState>(APP_KEY);
}
