// What the window asks of the desktop shell. Two implementations: the shell's own, and the fake of the browser tests.

import type {
  Added,
  Agent,
  AgentConfig,
  AgentConnection,
  AppSettings,
  AppSnapshot,
  BackendError,
  ChatEvent,
  ChatMessage,
  Estimate,
  EvalRequest,
  EvalRun,
  EvalSetup,
  HubPage,
  KvCache,
  LastEval,
  Library,
  LoadOptions,
  LoadRequest,
  PortCheck,
  RecommendedModel,
  Removed,
  SavedSettings,
  Search,
} from "./types";

export const VIEW_NAMES = ["home", "models", "connect", "chat", "eval", "settings"] as const;
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
  /** Unloads one of the models that requests named; `model` is its folder. */
  unloadOther(model: string): Promise<void>;
  /** Resolves with the bytes that this freed. */
  deleteModel(model: string): Promise<number>;
  /** Copies a folder with a model into Shorn's own, and resolves with the copy. */
  importModel(directory: string): Promise<string>;
  /** Shows a folder in Finder or the like. */
  reveal(directory: string): Promise<void>;

  searchModels(search: Search): Promise<HubPage>;
  /** Asks nobody: the list is part of the app. */
  recommendedModels(): Promise<RecommendedModel[]>;
  /** Resolves when it is in the queue. Progress comes with the snapshots. One that failed or is paused goes on. */
  download(name: string): Promise<void>;
  pauseDownload(name: string): Promise<void>;
  resumeDownload(name: string): Promise<void>;
  /** What has arrived is thrown away. */
  cancelDownload(name: string): Promise<void>;
  /** Takes a download that ended off the list; its files stay. */
  dismissDownload(name: string): Promise<void>;
  /** Opens a page of the Hub in the browser; no other address. */
  openLink(url: string): Promise<void>;

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

  /** How each coding agent stands to us. */
  agents(): Promise<AgentConnection[]>;
  /** What an agent needs for the model that is served now, to copy. */
  agentConfig(agent: Agent): Promise<AgentConfig>;
  connectAgent(agent: Agent): Promise<Added>;
  disconnectAgent(agent: Agent): Promise<Removed>;

  /** Whether an eval can run here, and with what. */
  evalSetup(): Promise<EvalSetup>;
  /** Resolves when it has begun. How it goes comes with the snapshots. */
  startEval(request: EvalRequest): Promise<void>;
  /** What it found out until then is kept. */
  cancelEval(): Promise<void>;
  /** Past runs, newest first. */
  evals(): Promise<EvalRun[]>;
  deleteEval(id: string): Promise<void>;
  /** The newest result for a model, by name, with a KV cache of these bits and groups. */
  lastEval(model: string, kv: KvCache): Promise<LastEval | null>;

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
