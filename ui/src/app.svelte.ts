// What the window knows: the last snapshot, the last minute, and the settings. All views read this and nothing else.

import { getContext, setContext } from "svelte";
import { asBackendError, type Backend, type SettingsChange, type ViewName } from "./backend/backend";
import type { AppSettings, AppSnapshot, BackendError, Download, ModelState } from "./backend/types";
import { Conversation } from "./chat/conversation.svelte";
import { downloadChanges } from "./downloads";
import { HubSearch } from "./hub.svelte";

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
  readonly hub: HubSearch;
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
  /** What of the last snapshot's problem was dismissed. */
  private dismissed = $state.raw<string | null>(null);
  private end: (() => void) | null = null;

  constructor(backend: Backend) {
    this.backend = backend;
    this.hub = new HubSearch(backend);
  }

  /** What the window's own line says: the last action's failure, else one that happened without the window. */
  get trouble(): BackendError | null {
    const { problem = null, server } = this.snapshot ?? {};
    // The server's own failure stands where the server does.
    const shown = server?.state === "failed" && server.error.message === problem?.message;
    return this.error ?? (shown || problem?.message === this.dismissed ? null : problem);
  }

  dismiss(): void {
    if (this.error === null) this.dismissed = this.snapshot?.problem?.message ?? null;
    this.error = null;
  }

  get model(): ModelState | null {
    return this.snapshot?.runtime.model ?? null;
  }

  get downloads(): Download[] {
    return this.snapshot?.downloads ?? [];
  }

  /** Changes when a download does something to the models on this disk: when it is whole, comes or goes. */
  get arrivals(): string {
    return this.downloads.map(({ name, state }) => `${name} ${state.state === "ready"}`).join();
  }

  /** Whether a model's files are in use: it is loaded or loading, chosen by a person or named by a request. */
  isLoaded(directory: string): boolean {
    const { model = null, others = [] } = this.snapshot?.runtime ?? {};
    const loaded = [...(model === null ? [] : [model]), ...others];
    return loaded.some((each) => each.directory === directory && each.phase.phase !== "stopped");
  }

  /** Follows the backend until `close`. A backend that does not answer is shown, for a window without words helps nobody. */
  async open(): Promise<void> {
    await this.attempt(async () => {
      this.end = await this.backend.watch({
        snapshot: (snapshot) => this.replace(snapshot),
        settings: (settings) => (this.settings = settings),
        show: (view) => this.show(view),
      });
      this.settings = await this.backend.settings();
    });
  }

  close(): void {
    this.end?.();
  }

  /** Goes to a view; what was open in front of it is closed. */
  show(view: ViewName): void {
    this.error = null;
    this.loadDialog = null;
    this.view = view;
  }

  /** Opens the load dialog for what is or was loaded last. */
  openLoadDialog(): void {
    this.loadDialog = this.model?.directory ?? this.settings?.recent[0]?.directory ?? "";
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

  async changeSettings(change: SettingsChange): Promise<void> {
    this.settings = await this.backend.changeSettings(change);
  }

  private replace(snapshot: AppSnapshot): void {
    const before = this.snapshot;
    this.snapshot = snapshot;
    if (snapshot.problem?.message !== this.dismissed) this.dismissed = null;
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
  const changes = [modelChange(before, now), serverChange(before, now), ...downloadChanges(before.downloads, now.downloads)];
  return changes.filter((change) => change !== null).join(". ") || null;
}

function modelChange(before: AppSnapshot, now: AppSnapshot): string | null {
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
  return null;
}

function serverChange(before: AppSnapshot, now: AppSnapshot): string | null {
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
