// A backend without a machine behind it: a 64 GB Mac with a few models. For the browser tests, the screenshots and work
// on the window. It keeps state, so that what is loaded shows everywhere, and has knobs for what can go wrong.

import type {
  AppSettings,
  AppSnapshot,
  Backend,
  BackendError,
  ChatEvent,
  ChatMessage,
  LoadRequest,
  PiConnection,
  PortCheck,
  ServerState,
} from "./backend";
import { replyEvents } from "./fake/chat";
import { FIRST_SETTINGS } from "./fake/defaults";
import { FakeEngine } from "./fake/engine";
import { fakeModels } from "./fake/models";
import { machineLimit, TOTAL_MEMORY } from "./fake/machine";
import { modelsJson, providerOf } from "./fake/pi";
import { fakeError, type FoundModel, plan } from "./fake/plan";
import { NOTHING_SAVED } from "./none";
import type {
  Estimate,
  Library,
  LoadOptions,
  PiAdded,
  PiProvider,
  PiRemoved,
  SavedSettings,
} from "./types";

/** What can be made to go wrong, and how fast time passes. */
export interface FakeKnobs {
  /** Milliseconds between two snapshots; 0 when only `tick` makes them. */
  every: number;
  loadFails: string | null;
  portTakenBy: string | null;
  pi: "not_installed" | "not_connected" | "unusable";
  libraryFails: boolean;
  deleteFails: boolean;
  /** No figures about memory, as on a system that does not tell them. */
  memoryUnknown: boolean;
}

export class FakeBackend implements Backend {
  readonly knobs: FakeKnobs = {
    every: 1000,
    loadFails: null,
    portTakenBy: null,
    pi: "not_connected",
    libraryFails: false,
    deleteFails: false,
    memoryUnknown: false,
  };
  readonly engine = new FakeEngine();
  copied: string | null = null;
  revealed: string | null = null;
  private readonly models = fakeModels();
  private readonly saved = new Map<string, SavedSettings>();
  private readonly watchers = new Set<(snapshot: AppSnapshot) => void>();
  private present: AppSettings = structuredClone(FIRST_SETTINGS);
  private server: ServerState = { state: "stopped" };
  private connected: PiProvider | null = null;

  constructor(knobs: Partial<FakeKnobs> = {}) {
    Object.assign(this.knobs, knobs);
    if (this.knobs.every > 0) setInterval(() => this.tick(), this.knobs.every);
  }

  /** One second passes. */
  tick(): void {
    this.engine.second();
    this.publish();
  }

  /** Shows what was changed by hand. */
  publish(): void {
    const snapshot = this.snapshot();
    for (const watcher of this.watchers) watcher(snapshot);
  }

  watch(onSnapshot: (snapshot: AppSnapshot) => void): () => void {
    this.watchers.add(onSnapshot);
    onSnapshot(this.snapshot());
    return () => this.watchers.delete(onSnapshot);
  }

  snapshot(): AppSnapshot {
    const { model, requests } = this.engine;
    const footprint = model ? model.memory.mlx_active + model.memory.mlx_cache : 0;
    const used = 15_800_000_000 + footprint;
    const unknown = this.knobs.memoryUnknown;
    const share = used / TOTAL_MEMORY;
    return {
      taken: Date.now(),
      runtime: {
        version: "0.1.0",
        model: model === null ? null : structuredClone(model),
        system: unknown
          ? null
          : {
              total: TOTAL_MEMORY,
              available: Math.max(0, TOTAL_MEMORY - used),
              worker_footprint: model?.worker == null ? null : footprint + 96_000_000,
              server_footprint: 61_000_000,
            },
        requests: [...requests],
      },
      server: this.server,
      limit: unknown ? null : machineLimit(this.present.memory_limit),
      pressure: unknown ? null : share > 0.95 ? "critical" : share > 0.85 ? "warning" : "normal",
      keeps_awake: this.present.keep_awake && (model?.running ?? 0) > 0,
    };
  }

  async library(): Promise<Library> {
    if (this.knobs.libraryFails) throw fakeError("file", "the model folders cannot be read: permission denied");
    return { models: this.models.map(({ model }) => structuredClone(model)), unreadable: [] };
  }

  async estimate(directory: string, options: LoadOptions): Promise<Estimate> {
    return plan(this.find(directory), options, this.present.memory_limit);
  }

  async savedSettings(directory: string): Promise<SavedSettings> {
    return structuredClone(this.saved.get(directory) ?? NOTHING_SAVED);
  }

  async load({ model: directory, settings: chosen, anyway }: LoadRequest): Promise<void> {
    const found = this.find(directory);
    const { fit: planned, settings } = plan(found, chosen.load, this.present.memory_limit);
    const { model, shape } = found;
    if (planned.verdict === "too_large" && !anyway) {
      throw fakeError("does_not_fit", "the model does not fit into memory with these settings");
    }
    this.saved.set(directory, structuredClone(chosen));
    const idle = chosen.load.idle_seconds;
    const loaded = this.engine.load(model.name, shape, settings, idle === 0 ? null : idle, this.knobs.loadFails);
    this.engine.seed = chosen.sampling.seed;
    this.publish();
    await loaded;
  }

  async cancelLoad(): Promise<void> {
    this.engine.cancelLoad();
    this.publish();
  }

  async unload(): Promise<void> {
    this.engine.unload(null);
    this.publish();
  }

  async deleteModel(directory: string): Promise<number> {
    if (this.engine.model?.directory === directory && this.engine.model.phase.phase !== "stopped") {
      throw fakeError("model_in_use", "this model is loaded; unload it first");
    }
    if (this.knobs.deleteFails) throw fakeError("file", `${directory}: cannot be deleted: permission denied`);
    const index = this.models.findIndex(({ model }) => model.directory === directory);
    const [gone] = index < 0 ? [] : this.models.splice(index, 1);
    if (!gone) throw fakeError("model_not_found", "this model is not there any more; list the models again");
    return gone.model.bytes;
  }

  async reveal(directory: string): Promise<void> {
    this.revealed = directory;
  }

  async startServer(): Promise<void> {
    const { port, network } = this.present;
    const check = await this.checkPort(port);
    if (!check.free) {
      const { holder, free_port } = check;
      const message = `Port ${port} is taken by ${holder}.`;
      const taken: BackendError = { code: "port_taken", message, port, holder, free_port };
      this.server = { state: "failed", error: taken };
      this.publish();
      throw taken;
    }
    this.server = { state: "running", base_url: `http://127.0.0.1:${port}/v1`, port, network };
    this.publish();
  }

  async stopServer(): Promise<void> {
    this.server = { state: "stopped" };
    this.publish();
  }

  async checkPort(port: number): Promise<PortCheck> {
    const holder = this.knobs.portTakenBy;
    return holder !== null && port === 1234 ? { free: false, holder, free_port: 1235 } : { free: true };
  }

  async settings(): Promise<AppSettings> {
    return structuredClone(this.present);
  }

  async changeSettings(change: Partial<AppSettings>): Promise<AppSettings> {
    const next = { ...this.present, ...change };
    if (next.network && !next.api_key) {
      throw fakeError("needs_key", "Listening on the network needs a key: set one first.", "network");
    }
    const moved = next.port !== this.present.port || next.network !== this.present.network;
    this.present = next;
    if (moved && this.server.state === "running") await this.startServer();
    this.publish();
    return structuredClone(this.present);
  }

  async chooseFolder(present: string): Promise<string | null> {
    return `${present}-2`;
  }

  async openLogs(): Promise<void> {}

  async installCommand(): Promise<string> {
    return "/usr/local/bin/shorn";
  }

  async copyText(text: string): Promise<void> {
    this.copied = text;
    // Not there without a secure context; the fake remembers it anyway.
    await navigator.clipboard?.writeText(text).catch(() => undefined);
  }

  async pi(): Promise<PiConnection> {
    const models_path = "/Users/ada/.pi/agent/models.json";
    if (this.knobs.pi === "not_installed") return { models_path, status: { kind: "not_installed" } };
    if (this.knobs.pi === "unusable") return { models_path, status: { kind: "unusable", error: UNUSABLE } };
    if (this.connected === null) return { models_path, status: { kind: "not_connected" } };
    const current = JSON.stringify(this.connected) === JSON.stringify(this.provider());
    return { models_path, status: { kind: "connected", provider: this.connected, current } };
  }

  async piConfig(): Promise<string> {
    return modelsJson(this.provider());
  }

  async addToPi(): Promise<PiAdded> {
    if (this.knobs.pi === "unusable") throw UNUSABLE;
    const before = this.connected;
    this.connected = this.provider();
    if (before !== null) return { kind: "updated" };
    return { kind: "added", backup: "/Users/ada/.pi/agent/models.json.before-shorn" };
  }

  async removeFromPi(): Promise<PiRemoved> {
    const before = this.connected;
    this.connected = null;
    return before === null ? "nothing_there" : "restored";
  }

  async chat(messages: ChatMessage[], onEvent: (event: ChatEvent) => void, signal: AbortSignal): Promise<void> {
    if (this.server.state !== "running") throw fakeError("unavailable", "The server is stopped; start it first.");
    if (this.engine.model === null) throw fakeError("unavailable", "No model is loaded; load one first.");
    const question = messages.at(-1)?.content ?? "";
    const events = replyEvents(question);
    this.engine.begin();
    let sent = 0;
    for (const event of events) {
      if (signal.aborted) break;
      await new Promise((resolve) => setTimeout(resolve, this.knobs.every === 0 ? 0 : 25));
      onEvent(event);
      sent += 1;
    }
    const finish = signal.aborted ? "cancelled" : events.some((event) => event.type === "tool_call_start") ? "tool_calls" : "stop";
    onEvent({ type: "finished", request: this.engine.end("Shorn chat", 24 + question.length, sent + 1, finish) });
    this.publish();
  }

  private find(directory: string): FoundModel {
    const found = this.models.find(({ model }) => model.directory === directory);
    if (!found?.shape) throw fakeError("model_not_found", `there is no model that can be loaded in ${directory}`);
    return { model: found.model, shape: found.shape };
  }

  private provider(): PiProvider {
    const { model } = this.engine;
    if (model === null) {
      throw fakeError("unavailable", "Load a model first: its name and context belong into the configuration.");
    }
    return providerOf(model, this.present);
  }
}

const UNUSABLE: BackendError = {
  code: "pi_unusable",
  message:
    "/Users/ada/.pi/agent/models.json, line 4, column 7: expected a comma; expected JSON as Pi reads it. " +
    "Nothing was changed; correct the file and try again",
};
