import type { InvokeArgs } from "@tauri-apps/api/core";
import { emit } from "@tauri-apps/api/event";
import { clearMocks, mockIPC } from "@tauri-apps/api/mocks";
import { afterEach, describe, expect, it, vi } from "vitest";
import { appAt } from "../test-app";
import type { Watcher } from "./backend";
import { NO_OPTIONS, NOTHING_SAVED } from "./none";
import { TauriBackend } from "./tauri";
import type { AppSnapshot, ChatEvent, CompletedRequest } from "./types";

type Answers = Record<string, (args: Record<string, unknown>) => unknown>;
type Asked = [command: string, args: unknown];

/** A shell that answers these commands, and what it was asked. */
function shell(answers: Answers = {}): Asked[] {
  const asked: Asked[] = [];
  const answer = (command: string, args?: InvokeArgs) => {
    asked.push([command, args]);
    return answers[command]?.((args ?? {}) as Record<string, unknown>);
  };
  mockIPC(answer, { shouldMockEvents: true });
  return asked;
}

const watcher = () => ({ snapshot: vi.fn<Watcher["snapshot"]>(), settings: vi.fn<Watcher["settings"]>(), show: vi.fn<Watcher["show"]>() });
const taken = (heard: { snapshot: ReturnType<typeof watcher>["snapshot"] }) =>
  heard.snapshot.mock.calls.map(([snapshot]) => snapshot.taken);

async function snapshotAt(taken: number): Promise<AppSnapshot> {
  const { fake } = await appAt("idle");
  return { ...fake.snapshot(), taken };
}

afterEach(() => clearMocks());

describe("each command", () => {
  it("has its name and its arguments", async () => {
    const asked = shell();
    const backend = new TauriBackend();
    const request = { model: "/m", settings: NOTHING_SAVED, anyway: true };
    await backend.library();
    await backend.estimate("/m", NO_OPTIONS);
    await backend.savedSettings("/m");
    await backend.load(request);
    await backend.cancelLoad();
    await backend.unload();
    await backend.unloadOther("/m");
    await backend.deleteModel("/m");
    await backend.importModel("/m");
    await backend.reveal("/m");
    await backend.searchModels({ text: "coder", order: "size" });
    await backend.recommendedModels();
    await backend.download("org/m");
    await backend.pauseDownload("org/m");
    await backend.resumeDownload("org/m");
    await backend.cancelDownload("org/m");
    await backend.dismissDownload("org/m");
    await backend.openLink("https://huggingface.co/org/m");
    await backend.startServer();
    await backend.stopServer();
    await backend.checkPort(1234);
    await backend.settings();
    await backend.changeSettings({ api_key: null });
    await backend.chooseFolder("/m");
    await backend.openLogs();
    await backend.installCommand();
    await backend.copyText("words");
    await backend.agents();
    await backend.agentConfig("codex");
    await backend.connectAgent("claude");
    await backend.disconnectAgent("opencode");
    const evalRequest = { agent: "built_in", tasks: [], kv: ["dense"] } as const;
    await backend.evalSetup();
    await backend.startEval({ ...evalRequest, tasks: [], kv: ["dense"] });
    await backend.cancelEval();
    await backend.evals();
    await backend.deleteEval("1");
    await backend.lastEval("org/m", "dense");
    expect(asked).toEqual([
      ["library", {}],
      ["estimate", { model: "/m", options: NO_OPTIONS }],
      ["saved_settings", { model: "/m" }],
      ["load", { request }],
      ["cancel_load", {}],
      ["unload", {}],
      ["unload_other", { model: "/m" }],
      ["delete_model", { model: "/m" }],
      ["import_model", { directory: "/m" }],
      ["reveal", { directory: "/m" }],
      ["search_models", { search: { text: "coder", order: "size" } }],
      ["recommended_models", {}],
      ["download", { name: "org/m" }],
      ["pause_download", { name: "org/m" }],
      ["resume_download", { name: "org/m" }],
      ["cancel_download", { name: "org/m" }],
      ["dismiss_download", { name: "org/m" }],
      ["open_link", { url: "https://huggingface.co/org/m" }],
      ["start_server", {}],
      ["stop_server", {}],
      ["check_port", { port: 1234 }],
      ["settings", {}],
      ["change_settings", { change: { api_key: null } }],
      ["choose_folder", { present: "/m" }],
      ["open_logs", {}],
      ["install_command", {}],
      ["copy_text", { text: "words" }],
      ["agents", {}],
      ["agent_config", { agent: "codex" }],
      ["connect_agent", { agent: "claude" }],
      ["disconnect_agent", { agent: "opencode" }],
      ["eval_setup", {}],
      ["start_eval", { request: evalRequest }],
      ["cancel_eval", {}],
      ["evals", {}],
      ["delete_eval", { id: "1" }],
      ["last_eval", { model: "org/m", kv: "dense" }],
    ]);
  });

  it("answers with what the shell answers", async () => {
    shell({ delete_model: () => 42, choose_folder: () => null });
    const backend = new TauriBackend();
    expect(await backend.deleteModel("/m")).toBe(42);
    expect(await backend.chooseFolder("/m")).toBeNull();
  });
});

describe("failures", () => {
  it("of the shell are passed through as they are", async () => {
    const error = { code: "port_taken", message: "Port 1234 is taken.", port: 1234, holder: "somebody", free_port: 1235 };
    shell({ start_server: () => Promise.reject(error) });
    await expect(new TauriBackend().startServer()).rejects.toBe(error);
  });

  it("of Tauri itself are internal", async () => {
    shell({ agents: () => Promise.reject("command agents not found") });
    await expect(new TauriBackend().agents()).rejects.toEqual({ code: "internal", message: "command agents not found" });
  });
});

describe("watching", () => {
  it("begins with the present snapshot, asked for once it listens", async () => {
    const heard = watcher();
    const [first, second] = [await snapshotAt(1), await snapshotAt(2)];
    shell({ snapshot: () => first });
    await new TauriBackend().watch(heard);
    await emit("snapshot", second);
    expect(taken(heard)).toEqual([1, 2]);
  });

  it("ignores an answer that is older than an event", async () => {
    const heard = watcher();
    const [older, newer] = [await snapshotAt(1), await snapshotAt(2)];
    shell({
      snapshot: async () => {
        // It is on its way while the next one is told.
        await emit("snapshot", newer);
        return older;
      },
    });
    await new TauriBackend().watch(heard);
    expect(taken(heard)).toEqual([2]);
  });

  it("goes on when the clock is set back", async () => {
    const heard = watcher();
    const [now, earlier] = [await snapshotAt(5_000), await snapshotAt(1_000)];
    shell({ snapshot: () => now });
    await new TauriBackend().watch(heard);
    await emit("snapshot", earlier);
    expect(taken(heard)).toEqual([5_000, 1_000]);
  });

  it("tells settings and views, until it ends", async () => {
    const heard = watcher();
    const present = await snapshotAt(1);
    const { fake } = await appAt("idle");
    const settings = await fake.settings();
    shell({ snapshot: () => present });
    const stop = await new TauriBackend().watch(heard);
    await emit("settings", settings);
    await emit("show", "settings");
    expect(heard.settings).toHaveBeenCalledExactlyOnceWith(settings);
    expect(heard.show).toHaveBeenCalledExactlyOnceWith("settings");
    stop();
    await emit("show", "home");
    await emit("snapshot", present);
    expect(heard.show).toHaveBeenCalledOnce();
    expect(taken(heard)).toEqual([1]);
  });

  it("ends when there is no first snapshot", async () => {
    const heard = watcher();
    shell({ snapshot: () => Promise.reject("no state") });
    await expect(new TauriBackend().watch(heard)).rejects.toMatchObject({ code: "internal", message: "no state" });
    await emit("show", "home");
    expect(heard.show).not.toHaveBeenCalled();
  });
});

interface Running {
  events: { onmessage: (event: ChatEvent) => void };
  messages: unknown;
  end: () => void;
}

/** A shell whose replies go on until they are ended. */
function replyingShell() {
  const running: Running[] = [];
  const asked = shell({
    chat: (args) => new Promise<void>((resolve) => running.push({ ...(args as unknown as Running), end: resolve })),
  });
  return { running, asked, commands: () => asked.map(([command]) => command) };
}

const MESSAGES = [{ role: "user" as const, content: "Hello" }];
const FINISHED: ChatEvent = { type: "finished", request: { finish: "stop" } as CompletedRequest };

describe("a chat", () => {
  it("gives messages and a channel, and tells each event", async () => {
    const { running } = replyingShell();
    const heard: string[] = [];
    const chat = new TauriBackend().chat(MESSAGES, ({ type }) => heard.push(type), new AbortController().signal);
    await vi.waitFor(() => expect(running.length).toBe(1));
    expect(running[0]?.messages).toEqual(MESSAGES);
    running[0]?.events.onmessage({ type: "content", text: "Hi" });
    running[0]?.events.onmessage(FINISHED);
    running[0]?.end();
    await chat;
    expect(heard).toEqual(["content", "finished"]);
  });

  it("resolves after its last event, though the command was answered before", async () => {
    const { running } = replyingShell();
    let over = false;
    const chat = new TauriBackend().chat(MESSAGES, () => undefined, new AbortController().signal).then(() => (over = true));
    await vi.waitFor(() => expect(running.length).toBe(1));
    running[0]?.end();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(over).toBe(false);
    running[0]?.events.onmessage(FINISHED);
    await chat;
  });

  it("resolves without one too, where the shell has none to tell", async () => {
    const { running } = replyingShell();
    const chat = new TauriBackend().chat(MESSAGES, () => undefined, new AbortController().signal);
    await vi.waitFor(() => expect(running.length).toBe(1));
    running[0]?.end();
    await chat;
  });

  it("is stopped by its signal, and still waits for the end", async () => {
    const { running, commands } = replyingShell();
    const abort = new AbortController();
    const heard: string[] = [];
    const chat = new TauriBackend().chat(MESSAGES, ({ type }) => heard.push(type), abort.signal);
    await vi.waitFor(() => expect(running.length).toBe(1));
    abort.abort();
    expect(commands()).toEqual(["chat", "stop_chat"]);
    running[0]?.events.onmessage(FINISHED);
    running[0]?.end();
    await chat;
    expect(heard).toEqual(["finished"]);
  });

  it("is stopped again when the reply goes on, for a stop may overtake the beginning", async () => {
    const { running, commands } = replyingShell();
    const abort = new AbortController();
    const chat = new TauriBackend().chat(MESSAGES, () => undefined, abort.signal);
    await vi.waitFor(() => expect(running.length).toBe(1));
    abort.abort();
    running[0]?.events.onmessage({ type: "content", text: "still on its way" });
    expect(commands(), "one question at a time").toEqual(["chat", "stop_chat"]);
    await new Promise((resolve) => setTimeout(resolve, 10));
    running[0]?.events.onmessage({ type: "content", text: "not stopped" });
    expect(commands()).toEqual(["chat", "stop_chat", "stop_chat"]);
    running[0]?.events.onmessage(FINISHED);
    running[0]?.end();
    await chat;
  });

  it("does not ask to stop what is over", async () => {
    const { running, commands } = replyingShell();
    const abort = new AbortController();
    const chat = new TauriBackend().chat(MESSAGES, () => undefined, abort.signal);
    await vi.waitFor(() => expect(running.length).toBe(1));
    running[0]?.events.onmessage(FINISHED);
    running[0]?.end();
    await chat;
    abort.abort();
    expect(commands()).toEqual(["chat"]);
  });

  it("begins when the one before it has ended, so that a stop cannot end the wrong one", async () => {
    const { running, commands } = replyingShell();
    const backend = new TauriBackend();
    const abort = new AbortController();
    const first = backend.chat(MESSAGES, () => undefined, abort.signal);
    await vi.waitFor(() => expect(running.length).toBe(1));
    abort.abort();
    const second = backend.chat(MESSAGES, () => undefined, new AbortController().signal);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(commands()).toEqual(["chat", "stop_chat"]);
    running[0]?.events.onmessage(FINISHED);
    running[0]?.end();
    await first;
    await vi.waitFor(() => expect(running.length).toBe(2));
    running[1]?.events.onmessage(FINISHED);
    running[1]?.end();
    await second;
  });

  it("that is refused has the shell's error, and no events", async () => {
    const error = { code: "unavailable", message: "No model is loaded; load one first." };
    shell({ chat: () => Promise.reject(error) });
    const heard = vi.fn();
    await expect(new TauriBackend().chat(MESSAGES, heard, new AbortController().signal)).rejects.toBe(error);
    expect(heard).not.toHaveBeenCalled();
  });
});
