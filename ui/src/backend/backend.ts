// What the window asks of the desktop shell. Two implementations: the shell's own, and the fake of the browser tests.

import type {
  AppSettings,
  AppSnapshot,
  BackendError,
  ChatEvent,
  ChatMessage,
  Estimate,
  Library,
  LoadOptions,
  LoadRequest,
  PiAdded,
  PiConnection,
  PiRemoved,
  PortCheck,
  SavedSettings,
} from "./types";

export const VIEW_NAMES = ["home", "models", "connect", "chat", "settings"] as const;
export type ViewName = (typeof VIEW_NAMES)[number];

/** What the window is told without having asked. */
export interface Watcher {
  /** Each snapshot replaces the last. */
  snapshot(snapshot: AppSnapshot): void;
  /** The settings were changed from elsewhere, as from the menu bar. */
  settings(settings: AppSettings): void;
  /** The menu bar asks for a view. */
  show(view: ViewName): void;
}

/** What the window may change of the settings. */
export type SettingsChange = Partial<Omit<AppSettings, "recent">>;

/** Every promise here is rejected with a [`BackendError`]. */
export interface Backend {
  /**
   * Tells what changes, until the function that this resolves with is called. When it resolves, the watcher has been
   * given the present snapshot.
   */
  watch(watcher: Watcher): Promise<() => void>;

  library(): Promise<Library>;
  /** `model` is a folder of the library. Nothing is loaded. */
  estimate(model: string, options: LoadOptions): Promise<Estimate>;
  savedSettings(model: string): Promise<SavedSettings>;
  /** Resolves when the model is loaded. Progress comes with the snapshots. */
  load(request: LoadRequest): Promise<void>;
  cancelLoad(): Promise<void>;
  unload(): Promise<void>;
  /** Resolves with the bytes that this freed. */
  deleteModel(model: string): Promise<number>;
  /** Shows a folder in Finder or the like. */
  reveal(directory: string): Promise<void>;

  startServer(): Promise<void>;
  stopServer(): Promise<void>;
  checkPort(port: number): Promise<PortCheck>;

  settings(): Promise<AppSettings>;
  changeSettings(change: SettingsChange): Promise<AppSettings>;
  chooseFolder(present: string): Promise<string | null>;
  openLogs(): Promise<void>;
  /** Puts the `shorn` command where a terminal finds it, and resolves with its path. */
  installCommand(): Promise<string>;
  copyText(text: string): Promise<void>;

  pi(): Promise<PiConnection>;
  /** A whole `models.json` with our provider, to copy. */
  piConfig(): Promise<string>;
  addToPi(): Promise<PiAdded>;
  removeFromPi(): Promise<PiRemoved>;

  /** Resolves after the last event. Aborting `signal` ends the reply. */
  chat(messages: ChatMessage[], onEvent: (event: ChatEvent) => void, signal: AbortSignal): Promise<void>;
}

/** What was thrown, as an error value. */
export function asBackendError(thrown: unknown): BackendError {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && "message" in thrown) {
    return thrown as BackendError;
  }
  return { code: "internal", message: thrown instanceof Error ? thrown.message : String(thrown) };
}
