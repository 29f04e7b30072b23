// What the window asks of the desktop shell. Two implementations: the shell's own, and the fake of the browser tests.

import type {
  CompletedRequest,
  Estimate,
  Library,
  LoadOptions,
  MemoryLimit,
  PiAdded,
  PiProvider,
  PiRemoved,
  SavedSettings,
  Snapshot,
} from "./types";

/** A failure. The window decides by `code`; `message` is for people, and names what to do. */
export type BackendError = { message: string; field?: string } & (
  | { code: PlainErrorCode }
  | { code: "port_taken"; port: number; holder: string; free_port: number }
);

export type PlainErrorCode =
  /** An option that the model cannot take; `field` names it as `LoadOptions` does. */
  | "bad_option"
  /** More memory than there is; `load` with `anyway` tries it all the same. */
  | "does_not_fit"
  /** The worker could not load the model, or died while loading. */
  | "load_failed"
  /** The person ended the load, or another one replaced it. */
  | "load_cancelled"
  | "model_not_found"
  /** The model is loaded, so its files stay. */
  | "model_in_use"
  /** Network listening without a key. */
  | "needs_key"
  | "server_failed"
  /** Nothing answers: no model, or the server is stopped. */
  | "unavailable"
  /** Pi's file cannot be read as Pi would, or has somebody else's provider `shorn`. */
  | "pi_unusable"
  | "file"
  | "internal";

export type ServerState =
  | { state: "stopped" }
  | { state: "starting" }
  /** `base_url` ends in `/v1`. */
  | { state: "running"; base_url: string; port: number; network: boolean }
  | { state: "failed"; error: BackendError };

export type Pressure = "normal" | "warning" | "critical";

/** Everything there is to show at one moment; each one replaces the last. */
export interface AppSnapshot {
  /** Milliseconds since 1970. */
  taken: number;
  runtime: Snapshot;
  server: ServerState;
  /** What a model may take on this machine now; `null` where the system does not tell. */
  limit: MemoryLimit | null;
  pressure: Pressure | null;
  /** The machine is kept awake because something runs. */
  keeps_awake: boolean;
}

export interface LoadRequest {
  /** A folder of the library. */
  model: string;
  /** Used, and remembered for the model. */
  settings: SavedSettings;
  /** Load although the estimate says that it does not fit. */
  anyway: boolean;
}

export type GuardLevel = "off" | "relaxed" | "balanced" | "strict";
export type LogLevel = "error" | "warn" | "info" | "debug";

export interface AppSettings {
  port: number;
  api_key: string | null;
  /** Listen on the network and not only on this machine. */
  network: boolean;
  start_server: boolean;
  launch_at_login: boolean;
  memory_in_menu_bar: boolean;
  keep_awake: boolean;
  /** Bytes a model may take; `null` for what the GPU recommends. */
  memory_limit: number | null;
  guard: GuardLevel;
  folders: { own: string; hugging_face: string; lm_studio: string };
  log_level: LogLevel;
  first_start_done: boolean;
}

export type PortCheck = { free: true } | { free: false; holder: string; free_port: number };

export interface PiConnection {
  /** Pi's `models.json`, which need not exist. */
  models_path: string;
  status:
    | { kind: "not_installed" }
    | { kind: "not_connected" }
    /** `current` is false when the server or the model has changed since. */
    | { kind: "connected"; provider: PiProvider; current: boolean }
    | { kind: "unusable"; error: BackendError };
}

export interface ChatMessage {
  role: "user" | "assistant";
  content: string;
}

export type ChatEvent =
  | { type: "reasoning"; text: string }
  | { type: "content"; text: string }
  | { type: "tool_call_start"; index: number; name: string }
  | { type: "tool_call_arguments"; index: number; json: string }
  /** The last event, also after a stop. */
  | { type: "finished"; request: CompletedRequest };

/** Every promise here is rejected with a [`BackendError`]. */
export interface Backend {
  /** Calls with the present snapshot and then with each new one, until the returned function is called. */
  watch(onSnapshot: (snapshot: AppSnapshot) => void): () => void;

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
  changeSettings(change: Partial<AppSettings>): Promise<AppSettings>;
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
