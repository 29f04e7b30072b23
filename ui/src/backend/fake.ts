// A backend without a machine behind it: a 64 GB Mac with a few models, and a Hub. For the browser tests and work on the
// window. It keeps state, so that what is loaded shows everywhere, and has knobs for what can go wrong.

import type { Backend, SettingsChange, ViewName, Watcher } from "./backend";
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
  ServerState,
} from "./types";
import { FakeAgents, type Provider, providerOf } from "./fake/agents";
import { replyEvents } from "./fake/chat";
import { FIRST_SETTINGS } from "./fake/defaults";
import { FakeDisk } from "./fake/disk";
import { FakeDownloads } from "./fake/downloads";
import { FakeEngine } from "./fake/engine";
import { FakeEvals } from "./fake/evals";
import { recommended, searchHub } from "./fake/hub";
import { type FakeKnobs, NO_FAULTS } from "./fake/knobs";
import { GPU_LIMIT, machineLimit, TOTAL_MEMORY } from "./fake/machine";
import { fakeError, plan } from "./fake/plan";
import { NOTHING_SAVED } from "./none";

export class FakeBackend implements Backend {
  readonly knobs: FakeKnobs = { ...NO_FAULTS };
  readonly engine = new FakeEngine();
  copied: string | null = null;
  revealed: string | null = null;
  opened: string | null = null;
  readonly downloads = new FakeDownloads(
    () => this.knobs.downloadTrouble,
    (listed) => this.disk.arrive(listed),
  );
  readonly evaluations = new FakeEvals(() => this.knobs.evalMissing);
  private readonly disk = new FakeDisk();
  private readonly saved = new Map<string, SavedSettings>();
  private readonly watchers = new Set<Watcher>();
  private present: AppSettings = structuredClone(FIRST_SETTINGS);
  private server: ServerState = { state: "stopped" };
  private readonly connections = new FakeAgents(() => this.knobs.pi);

  constructor(knobs: Partial<FakeKnobs> = {}) {
    Object.assign(this.knobs, knobs);
    if (this.knobs.every > 0) setInterval(() => this.tick(), this.knobs.every);
  }

  /** One second passes. */
  tick(): void {
    this.engine.second();
    this.downloads.second();
    this.evaluations.second();
    this.publish();
  }

  /** Shows what was changed by hand. */
  publish(): void {
    const snapshot = this.snapshot();
    for (const watcher of this.watchers) watcher.snapshot(snapshot);
  }

  async watch(watcher: Watcher): Promise<() => void> {
    this.watchers.add(watcher);
    watcher.snapshot(this.snapshot());
    return () => this.watchers.delete(watcher);
  }

  /** As the menu bar does it. */
  show(view: ViewName): void {
    for (const watcher of this.watchers) watcher.show(view);
  }

  /** As the menu bar does it. */
  async changeFromTray(change: SettingsChange): Promise<void> {
    const settings = await this.changeSettings(change);
    for (const watcher of this.watchers) watcher.settings(settings);
  }

  snapshot(): AppSnapshot {
    const { model, requests } = this.engine;
    const footprint = model ? model.memory.mlx_active + model.memory.mlx_cache : 0;
    const used = 15_800_000_000 + footprint;
    const { memoryUnknown: unknown, otherSystem, tray, problem } = this.knobs;
    const share = used / TOTAL_MEMORY;
    const pressure = share > 0.95 ? "critical" : share > 0.85 ? "warning" : "normal";
    return {
      taken: Date.now(),
      runtime: {
        version: "0.1.0",
        model: model === null ? null : structuredClone(model),
        others: structuredClone(this.engine.others),
        system: unknown
          ? null
          : {
              total: TOTAL_MEMORY,
              available: Math.max(0, TOTAL_MEMORY - used),
              gpu_limit: otherSystem ? null : GPU_LIMIT,
              pressure: otherSystem ? null : pressure,
              worker_footprint: model?.worker == null ? null : footprint + 96_000_000,
              server_footprint: 61_000_000,
            },
        requests: [...requests],
      },
      server: this.server,
      limit: unknown ? null : machineLimit(this.present.memory_limit),
      downloads: structuredClone(this.downloads.list),
      eval: structuredClone(this.evaluations.progress),
      keeps_awake: otherSystem ? null : this.present.keep_awake && (model?.running ?? 0) > 0,
      tray,
      problem,
    };
  }

  async library(): Promise<Library> {
    if (this.knobs.libraryFails) throw fakeError("file", "the model folders cannot be read: permission denied");
    return { models: this.disk.list(this.downloads.list), unreadable: [] };
  }

  async estimate(directory: string, options: LoadOptions): Promise<Estimate> {
    return plan(this.disk.find(directory), options, this.present.memory_limit);
  }

  async savedSettings(directory: string): Promise<SavedSettings> {
    return structuredClone(this.saved.get(directory) ?? NOTHING_SAVED);
  }

  async load({ model: directory, settings: chosen, anyway }: LoadRequest): Promise<void> {
    const found = this.disk.find(directory);
    const { fit: planned, settings } = plan(found, chosen.load, this.present.memory_limit);
    const { model, shape } = found;
    if (planned.verdict === "too_large" && !anyway) {
      throw fakeError("does_not_fit", "the model does not fit into memory with these settings");
    }
    this.saved.set(directory, structuredClone(chosen));
    const others = this.present.recent.filter((recent) => recent.directory !== directory);
    this.present = { ...this.present, recent: [{ name: model.name, directory }, ...others].slice(0, 5) };
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

  async unloadOther(directory: string): Promise<void> {
    this.engine.others = this.engine.others.filter((other) => other.directory !== directory);
    this.publish();
  }

  async deleteModel(directory: string): Promise<number> {
    if (this.engine.model?.directory === directory && this.engine.model.phase.phase !== "stopped") {
      throw fakeError("model_in_use", "this model is loaded; unload it first");
    }
    if (this.knobs.deleteFails) throw fakeError("file", `${directory}: cannot be deleted: permission denied`);
    return this.disk.delete(directory);
  }

  async importModel(source: string): Promise<string> {
    if (this.knobs.importFails !== null) throw fakeError("file", this.knobs.importFails);
    return this.disk.import(source, this.present.folders.own);
  }

  async searchModels(search: Search): Promise<HubPage> {
    if (this.knobs.hubFails !== null) throw fakeError("hub", this.knobs.hubFails);
    return searchHub(search, machineLimit(this.present.memory_limit), (name) => this.disk.folderOf(name));
  }

  async recommendedModels(): Promise<RecommendedModel[]> {
    return recommended(this.snapshot().limit, (name) => this.disk.folderOf(name));
  }

  async download(name: string): Promise<void> {
    this.downloads.add(name, this.disk.partOf(name));
    this.publish();
  }

  async pauseDownload(name: string): Promise<void> {
    this.downloads.pause(name);
    this.publish();
  }

  async resumeDownload(name: string): Promise<void> {
    this.downloads.resume(name);
    this.publish();
  }

  async cancelDownload(name: string): Promise<void> {
    this.downloads.remove(name);
    this.disk.discard(name);
    this.publish();
  }

  async dismissDownload(name: string): Promise<void> {
    this.disk.keep(this.downloads.find(name));
    this.downloads.remove(name);
    this.publish();
  }

  async openLink(url: string): Promise<void> {
    this.opened = url;
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

  async changeSettings(change: SettingsChange): Promise<AppSettings> {
    const next = { ...this.present, ...change };
    if (!Number.isInteger(next.port) || next.port < 1 || next.port > 65_535) {
      throw fakeError("bad_setting", `port must be from 1 to 65535, not ${next.port}`, "port");
    }
    if (next.network && !next.api_key) {
      throw fakeError("needs_key", "Listening on the network needs a key: set one first.", "network");
    }
    const before = this.present;
    this.present = next;
    const moved = (["port", "network", "api_key"] as const).some((name) => next[name] !== before[name]);
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

  async agents(): Promise<AgentConnection[]> {
    return this.connections.connections(this.engine.model === null ? null : this.provided());
  }

  async agentConfig(agent: Agent): Promise<AgentConfig> {
    return this.connections.config(agent, this.provided());
  }

  async connectAgent(agent: Agent): Promise<Added> {
    return this.connections.add(agent, this.provided());
  }

  async disconnectAgent(agent: Agent): Promise<Removed> {
    return this.connections.remove(agent);
  }

  async evalSetup(): Promise<EvalSetup> {
    return this.evaluations.setup();
  }

  async startEval(request: EvalRequest): Promise<void> {
    this.evaluations.start(request, this.engine.model);
    this.publish();
  }

  async cancelEval(): Promise<void> {
    this.evaluations.cancel();
    this.publish();
  }

  async evals(): Promise<EvalRun[]> {
    return this.evaluations.list();
  }

  async deleteEval(id: string): Promise<void> {
    this.evaluations.delete(id);
  }

  async lastEval(model: string, kv: KvCache): Promise<LastEval | null> {
    return this.evaluations.last(model, kv);
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

  private provided(): Provider {
    const { model } = this.engine;
    if (model === null) {
      throw fakeError("unavailable", "Load a model first: its name and context belong into the configuration.");
    }
    return providerOf(model, this.present);
  }
}
