// The desktop shell: its commands and events, as `src-tauri` defines them.

import { Channel, invoke, type InvokeArgs } from "@tauri-apps/api/core";
import { listen, type UnlistenFn } from "@tauri-apps/api/event";
import { asBackendError, type Backend, type SettingsChange, type ViewName, type Watcher } from "./backend";
import type {
  Added,
  Agent,
  AgentConfig,
  AgentConnection,
  AppSettings,
  AppSnapshot,
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

export class TauriBackend implements Backend {
  /** The last reply, so that the next one begins after it: `stop_chat` ends whichever runs. */
  private reply: Promise<unknown> = Promise.resolve();

  async watch(watcher: Watcher): Promise<() => void> {
    let newest = Number.NEGATIVE_INFINITY;
    const stop = await allOrNone([
      listen<AppSnapshot>("snapshot", ({ payload }) => {
        newest = payload.taken;
        watcher.snapshot(payload);
      }),
      listen<AppSettings>("settings", ({ payload }) => watcher.settings(payload)),
      listen<ViewName>("show", ({ payload }) => watcher.show(payload)),
    ]);
    try {
      // Asked for after listening, so that none is missed; one that came meanwhile is newer than the answer.
      const present = await call<AppSnapshot>("snapshot");
      if (present.taken > newest) watcher.snapshot(present);
    } catch (thrown) {
      stop();
      throw thrown;
    }
    return stop;
  }

  library = () => call<Library>("library");
  estimate = (model: string, options: LoadOptions) => call<Estimate>("estimate", { model, options });
  savedSettings = (model: string) => call<SavedSettings>("saved_settings", { model });
  load = (request: LoadRequest) => call<void>("load", { request });
  cancelLoad = () => call<void>("cancel_load");
  unload = () => call<void>("unload");
  unloadOther = (model: string) => call<void>("unload_other", { model });
  deleteModel = (model: string) => call<number>("delete_model", { model });
  importModel = (directory: string) => call<string>("import_model", { directory });
  reveal = (directory: string) => call<void>("reveal", { directory });

  searchModels = (search: Search) => call<HubPage>("search_models", { search });
  recommendedModels = () => call<RecommendedModel[]>("recommended_models");
  download = (name: string) => call<void>("download", { name });
  pauseDownload = (name: string) => call<void>("pause_download", { name });
  resumeDownload = (name: string) => call<void>("resume_download", { name });
  cancelDownload = (name: string) => call<void>("cancel_download", { name });
  dismissDownload = (name: string) => call<void>("dismiss_download", { name });
  openLink = (url: string) => call<void>("open_link", { url });

  startServer = () => call<void>("start_server");
  stopServer = () => call<void>("stop_server");
  checkPort = (port: number) => call<PortCheck>("check_port", { port });

  settings = () => call<AppSettings>("settings");
  changeSettings = (change: SettingsChange) => call<AppSettings>("change_settings", { change });
  chooseFolder = (present: string) => call<string | null>("choose_folder", { present });
  openLogs = () => call<void>("open_logs");
  installCommand = () => call<string>("install_command");
  copyText = (text: string) => call<void>("copy_text", { text });

  agents = () => call<AgentConnection[]>("agents");
  agentConfig = (agent: Agent) => call<AgentConfig>("agent_config", { agent });
  connectAgent = (agent: Agent) => call<Added>("connect_agent", { agent });
  disconnectAgent = (agent: Agent) => call<Removed>("disconnect_agent", { agent });

  evalSetup = () => call<EvalSetup>("eval_setup");
  startEval = (request: EvalRequest) => call<void>("start_eval", { request });
  cancelEval = () => call<void>("cancel_eval");
  evals = () => call<EvalRun[]>("evals");
  deleteEval = (id: string) => call<void>("delete_eval", { id });
  lastEval = (model: string, kv: KvCache) => call<LastEval | null>("last_eval", { model, kv });

  chat(messages: ChatMessage[], onEvent: (event: ChatEvent) => void, signal: AbortSignal): Promise<void> {
    const replied = this.reply.then(() => reply(messages, onEvent, signal));
    this.reply = replied.catch(() => undefined);
    return replied;
  }
}

/** A command of the shell; what it is rejected with is a `BackendError`. */
async function call<Answer>(command: string, args?: InvokeArgs): Promise<Answer> {
  try {
    return await invoke<Answer>(command, args);
  } catch (thrown) {
    throw asBackendError(thrown);
  }
}

/** Ends all listening at once; when one of them did not begin, the others end. */
async function allOrNone(listening: Promise<UnlistenFn>[]): Promise<UnlistenFn> {
  const begun = await Promise.allSettled(listening);
  const stop = () => begun.forEach((one) => one.status === "fulfilled" && one.value());
  const failed = begun.find((one) => one.status === "rejected");
  if (failed === undefined) return stop;
  stop();
  throw asBackendError(failed.reason);
}

/** Milliseconds after a command's answer in which an event of its can still arrive. */
const LATEST = 1000;

async function reply(
  messages: ChatMessage[],
  onEvent: (event: ChatEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  // Stopped while the last reply was still ending.
  if (signal.aborted) return;
  // The command's answer and the events come on different ways, so that either may be the last to arrive.
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let stopping: Promise<void> | null = null;
  // A reply that cannot be stopped goes on to its end, which shows.
  const stop = () => {
    stopping ??= call<void>("stop_chat")
      .catch(() => undefined)
      .finally(() => (stopping = null));
  };
  const events = new Channel<ChatEvent>((event) => {
    onEvent(event);
    if (event.type === "finished") finish();
    // The stop may have overtaken the beginning.
    else if (signal.aborted) stop();
  });
  const answered = call<void>("chat", { messages, events });
  signal.addEventListener("abort", stop, { once: true });
  try {
    await answered;
    // A reply that was stopped before the server knew of it has no last event.
    await Promise.race([finished, new Promise((resolve) => setTimeout(resolve, LATEST))]);
  } finally {
    signal.removeEventListener("abort", stop);
    await stopping;
  }
}
