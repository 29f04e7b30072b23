import { fireEvent, screen, waitFor, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { describe, expect, it } from "vitest";
import App from "../App.svelte";
import type { ViewName } from "../backend/backend";
import type { Scenario } from "../backend/fake/scenario";
import { appAt, second, show } from "../test-app";

/** What is recommended for the fake's machine, and not on its disk. */
const SIX_BITS = "mlx-community/Qwen3-Coder-30B-A3B-Instruct-6bit";

const button = (name: string | RegExp) => screen.getByRole<HTMLButtonElement>("button", { name });
const alertText = async () => (await screen.findByRole("alert")).textContent;

async function windowAt(scenario: Scenario, view: ViewName = "home") {
  const test = await appAt(scenario);
  test.app.view = view;
  show(App, test.app, { app: test.app });
  await tick();
  return test;
}

describe("Home", () => {
  it("copies the address", async () => {
    const { fake } = await windowAt("serving");
    await fireEvent.click(button("Copy address"));
    await waitFor(() => expect(fake.copied).toBe("http://127.0.0.1:1234/v1"));
  });

  it("says who holds the port, and takes a free one", async () => {
    const { app } = await windowAt("port-taken");
    expect(await alertText()).toContain("Port 1234 is taken by LM Studio (process 812).");
    await fireEvent.click(button("Use port 1235 instead"));
    await screen.findByText("http://127.0.0.1:1235/v1");
    expect(app.settings?.port).toBe(1235);
  });

  it("says what went wrong while nobody looked, until it is dismissed", async () => {
    const { fake } = await windowAt("idle");
    fake.knobs.problem = { code: "does_not_fit", message: "the last model does not fit any more" };
    fake.publish();
    expect(await alertText()).toContain("The last model does not fit any more");
    await fireEvent.click(button("Dismiss"));
    fake.publish();
    await tick();
    expect(screen.queryByRole("alert")).toBeNull();
    fake.knobs.problem = { code: "internal", message: "something else" };
    fake.publish();
    expect(await alertText()).toContain("Something else");
  });

  it("does not say twice why the server does not run", async () => {
    const { fake } = await windowAt("port-taken");
    const { server } = fake.snapshot();
    fake.knobs.problem = server.state === "failed" ? server.error : null;
    expect(fake.knobs.problem).not.toBeNull();
    fake.publish();
    await tick();
    expect(screen.getAllByRole("alert").length).toBe(1);
  });

  it("shows a backend that does not answer, and not an empty window", async () => {
    const test = await appAt("idle");
    test.fake.settings = () => Promise.reject({ code: "internal", message: "the settings cannot be read" });
    await test.app.open();
    show(App, test.app, { app: test.app });
    expect(await alertText()).toContain("The settings cannot be read");
  });

  it("shows the pressure that the machine tells, or that it tells none", async () => {
    await windowAt("serving");
    expect(screen.getByText("No memory pressure")).toBeTruthy();
  });

  it("shows that the machine tells no pressure", async () => {
    await windowAt("other-system");
    expect(screen.getByText("Pressure not known")).toBeTruthy();
  });

  it("begins a load with the model that was loaded last", async () => {
    const { app } = await windowAt("empty");
    const { models } = await app.backend.library();
    const small = models.find(({ name }) => name.includes("Qwen3-4B"));
    app.settings = app.settings && { ...app.settings, recent: [{ name: small?.name ?? "", directory: small?.directory ?? "" }] };
    await screen.findByText(/The last was mlx-community\/Qwen3-4B/);
    await fireEvent.click(button("Load a model…"));
    expect(app.loadDialog).toBe(small?.directory);
  });

  it("says why a model stopped", async () => {
    await windowAt("crashed");
    expect(await alertText()).toContain("killed by signal 9");
  });

  it("shows a load and cancels it", async () => {
    const { app } = await windowAt("loading");
    expect(screen.getByRole("progressbar").getAttribute("aria-valuetext")).toBe("6.9 of 17.2 GB");
    await fireEvent.click(button("Cancel"));
    await waitFor(() => expect(app.model?.phase.phase).toBe("stopped"));
  });

  it("shows what is not known as a dash", async () => {
    await windowAt("unknown");
    expect(screen.getByText(/This machine: –, of which – available/)).toBeTruthy();
  });

  it("opens the whole report of a request", async () => {
    await windowAt("idle");
    await fireEvent.click(screen.getAllByRole("button", { name: /^Report of the request from pi 1\.5\.2/ })[0] as Element);
    const dialog = await screen.findByRole("dialog", { name: "Request report" });
    expect(within(dialog).getByText("8-bit/64 from 0, 100 % of bytes, 52.2 kB/token")).toBeTruthy();
    expect(within(dialog).getByText("Waiting in the queue").nextElementSibling?.textContent).toBe("0.00 s");
    expect(within(dialog).getByText("temperature").nextElementSibling?.textContent).toContain("from the model's makers");
  });

  it("says in the table and in the report why a prompt's cache was not reused", async () => {
    await windowAt("idle");
    const row = screen.getByText("Other tools: 37,206 tokens not reused").closest("tr") as HTMLElement;
    await fireEvent.click(row);
    const dialog = await screen.findByRole("dialog", { name: "Request report" });
    const note = within(dialog).getByRole("note");
    for (const words of ["tools[4].function.name", "37,206 tokens lost", '"name": "read_file"', '"name": "web_search"']) {
      expect(note.textContent).toContain(words);
    }
    expect(note.textContent).toContain("The client sent another list of tools");
    expect(within(dialog).getByText("1,152, 96 % of what was unchanged")).toBeTruthy();
  });

  it("says how much of a prompt's cache was reused when nothing was lost", async () => {
    await windowAt("idle");
    await fireEvent.click(screen.getAllByRole("button", { name: /^Report of the request from pi 1\.5\.2/ })[0] as Element);
    const dialog = await screen.findByRole("dialog", { name: "Request report" });
    expect(within(dialog).getByText("38,272, 100 % of what was unchanged")).toBeTruthy();
    expect(within(dialog).queryByRole("note")).toBeNull();
  });

  it("shows a refused request with dashes and its error", async () => {
    await windowAt("idle");
    const row = screen.getByText("Error").closest("tr") as HTMLElement;
    expect(within(row).getAllByText("–").length).toBeGreaterThan(3);
    await fireEvent.click(row);
    expect(await alertText()).toContain("loaded with a context of 65536");
  });

  it("tells a screen reader what changed, and not each figure", async () => {
    const { app, fake } = await windowAt("serving");
    await second(fake, 3);
    expect(app.announcement).toBe("");
    await app.backend.unload();
    expect(app.announcement).toContain("is unloaded");
  });
});

describe("models that requests asked for", () => {
  it("are listed with their memory and what they do, and are unloaded one by one", async () => {
    const { app } = await windowAt("others");
    const part = screen.getByRole("region", { name: "Also loaded, because a request asked for them" });
    expect(part.textContent).toContain("Answering 2 requests");
    expect(part.textContent).toContain("5.2 GB");
    expect(part.textContent).toContain("Loading, 41 %");
    await fireEvent.click(button("Unload: shorn-embedded"));
    await waitFor(() => expect(screen.queryByRole("button", { name: "Unload: shorn-embedded" })).toBeNull());
    expect(app.model?.phase.phase).toBe("ready");
  });

  it("take no room while there are none", async () => {
    await windowAt("idle");
    expect(screen.queryByText(/Also loaded/)).toBeNull();
  });
});

describe("the menu bar", () => {
  it("shows a view, and closes what is open in front of it", async () => {
    const { app, fake } = await windowAt("idle");
    await fireEvent.click(button("Options…"));
    await screen.findByRole("dialog");
    fake.show("settings");
    await screen.findByRole("main", { name: "Settings" });
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(app.loadDialog).toBeNull();
  });

  it("changes settings, which the window shows", async () => {
    const { fake } = await windowAt("idle", "settings");
    const memory = screen.getByRole("switch", { name: "Show memory in the menu bar" });
    expect(memory.getAttribute("aria-checked")).toBe("false");
    await fake.changeFromTray({ memory_in_menu_bar: true });
    await waitFor(() => expect(memory.getAttribute("aria-checked")).toBe("true"));
  });
});

describe("Connect", () => {
  const card = (name: string) => within(screen.getByRole("region", { name }));

  it("adds, notices another context, updates and removes", async () => {
    const { app, fake } = await windowAt("idle", "connect");
    await fireEvent.click(await screen.findByRole("button", { name: "Add to my Pi" }));
    await screen.findByText(/kept as .*models\.json\.before-shorn/);
    expect(card("Pi").getByText("Connected")).toBeTruthy();
    const model = app.model;
    if (!model) throw new Error("no model");
    const saved = await fake.savedSettings(model.directory);
    const load = fake.load({ model: model.directory, settings: { ...saved, load: { ...saved.load, context_length: 8192 } }, anyway: false });
    fake.engine.finishLoad();
    await load;
    fake.publish();
    await screen.findByText("Connected, out of date");
    await fireEvent.click(button("Update: Pi"));
    await screen.findByText("Brought up to date.");
    await fireEvent.click(button("Remove: Pi"));
    await screen.findByText("Removed. The file is what it was before.");
  });

  it("offers each agent its own files and command", async () => {
    const { fake } = await windowAt("idle", "connect");
    await screen.findByRole("button", { name: "Add to my opencode" });
    const commands = screen.getAllByText(/^(pi|codex|claude|opencode) --/).map(({ textContent }) => textContent);
    expect(commands.map((command) => command.split(" ").slice(0, 2).join(" "))).toEqual([
      "pi --provider",
      "codex --profile",
      "claude --settings",
      "opencode --model",
    ]);
    await fireEvent.click(card("Codex").getByRole("button", { name: "Copy shorn.config.toml" }));
    await waitFor(() => expect(fake.copied).toContain("[model_providers.shorn]"));
    await fireEvent.click(button("Copy the command for Codex"));
    await waitFor(() => expect(fake.copied).toBe("codex --profile shorn"));
    await fireEvent.click(button("Add to my Claude Code"));
    await waitFor(() => expect(card("Claude Code").getByText("Written to a new file.")).toBeTruthy());
    expect(card("Claude Code").getByText("Connected")).toBeTruthy();
    expect(card("Pi").getByText("Not connected"), "one at a time").toBeTruthy();
    expect(card("Codex").getByText(/finds it once it is installed/)).toBeTruthy();
  });

  it("refuses a file that cannot be used, and says where it is wrong", async () => {
    const { fake } = await windowAt("idle");
    fake.knobs.pi = "unusable";
    await fireEvent.click(button("Connect"));
    expect(await alertText()).toContain("line 4, column 7");
    expect(button("Add to my Pi").disabled).toBe(true);
    expect(button("Add to my Codex").disabled).toBe(false);
    expect(button("Copy models.json").disabled).toBe(false);
  });

  it("says at its agent what goes wrong", async () => {
    const { fake } = await windowAt("idle", "connect");
    fake.connectAgent = () => Promise.reject({ code: "file", message: "opencode.json: is write-protected" });
    await fireEvent.click(await screen.findByRole("button", { name: "Add to my opencode" }));
    await waitFor(() => expect(card("opencode").getByRole("alert").textContent).toContain("is write-protected"));
  });

  it("asks for a model first", async () => {
    await windowAt("empty", "connect");
    await screen.findByText(/Load a model first/);
    for (const name of ["Pi", "Codex", "Claude Code", "opencode"]) {
      expect(button(`Add to my ${name}`).disabled).toBe(true);
    }
  });
});

describe("Settings", () => {
  it("listens on the network only with a key, and warns", async () => {
    const { app } = await windowAt("idle", "settings");
    const network = screen.getByRole<HTMLButtonElement>("switch", { name: "Listen on the network" });
    expect(network.disabled).toBe(true);
    await fireEvent.input(screen.getByLabelText("Key"), { target: { value: "secret" } });
    await fireEvent.click(button("Apply: Key"));
    await waitFor(() => expect(network.disabled).toBe(false));
    await fireEvent.click(network);
    await screen.findByText(/Prompts travel unencrypted/);
    expect(app.settings).toMatchObject({ network: true, api_key: "secret" });
  });

  it("finds that a port is taken before it is applied", async () => {
    const { fake, app } = await windowAt("stopped", "settings");
    await app.changeSettings({ port: 4321 });
    fake.knobs.portTakenBy = "LM Studio (process 812)";
    await fireEvent.input(await screen.findByLabelText("Port"), { target: { value: "1234" } });
    expect(await alertText()).toContain("Port 1234 is taken by LM Studio");
    await fireEvent.click(button("Use 1235 instead"));
    await waitFor(() => expect(app.settings?.port).toBe(1235));
  });

  it("makes a key, shows it, and says that the server was restarted for it", async () => {
    const { app } = await windowAt("idle", "settings");
    const key = screen.getByLabelText<HTMLInputElement>("Key");
    expect(key.type).toBe("password");
    expect(button("Copy the key").disabled).toBe(true);
    await fireEvent.click(button("Make a key"));
    expect(key.type).toBe("text");
    expect(key.value).toMatch(/^shorn-/);
    expect(app.settings?.api_key).toBeNull();
    await fireEvent.click(button("Apply: Key"));
    await screen.findByText("The server was restarted: clients need the new key now.");
    expect(app.settings?.api_key).toBe(key.value);
    await fireEvent.click(button("Show the key"));
    expect(key.type).toBe("password");
  });

  it("says where agents find the server after a change of the port, and nothing about a restart when none runs", async () => {
    const { app } = await windowAt("idle", "settings");
    await fireEvent.input(screen.getByLabelText("Port"), { target: { value: "4321" } });
    await fireEvent.click(button("Apply: Port"));
    await screen.findByText("The server was restarted: agents find it at http://127.0.0.1:4321/v1 now.");
    await app.backend.stopServer();
    await fireEvent.input(screen.getByLabelText("Port"), { target: { value: "4322" } });
    await fireEvent.click(button("Apply: Port"));
    await waitFor(() => expect(app.settings?.port).toBe(4322));
    expect(screen.queryByText(/The server was restarted/)).toBeNull();
  });

  it("keeps what is typed when another setting changes", async () => {
    const { app, fake } = await windowAt("idle", "settings");
    await fireEvent.input(screen.getByLabelText("Port"), { target: { value: "4321" } });
    await fireEvent.input(screen.getByLabelText("Key"), { target: { value: "secret" } });
    await fake.changeFromTray({ keep_awake: false });
    await waitFor(() => expect(app.settings?.keep_awake).toBe(false));
    expect(screen.getByLabelText<HTMLInputElement>("Port").value).toBe("4321");
    expect(screen.getByLabelText<HTMLInputElement>("Key").value).toBe("secret");
  });

  it("asks once whether a port is taken, and not at each snapshot", async () => {
    const { fake } = await windowAt("stopped", "settings");
    let asked = 0;
    fake.checkPort = async () => {
      asked += 1;
      return { free: false, holder: "LM Studio (process 812)", free_port: 1235 };
    };
    await fireEvent.input(screen.getByLabelText("Port"), { target: { value: "1234" } });
    await fireEvent.input(screen.getByLabelText("Port"), { target: { value: "4321" } });
    expect(await alertText()).toContain("Port 4321 is taken by LM Studio");
    const before = asked;
    await second(fake, 5);
    expect(asked).toBe(before);
  });

  it("says at the field what the shell refuses", async () => {
    const { fake } = await windowAt("idle", "settings");
    fake.changeSettings = () => Promise.reject({ code: "bad_setting", field: "port", message: "port 4321 is not allowed here" });
    await fireEvent.input(screen.getByLabelText("Port"), { target: { value: "4321" } });
    await fireEvent.click(button("Apply: Port"));
    expect(await alertText()).toContain("Port 4321 is not allowed here");
  });

  it("disables what the system does not have, and says why", async () => {
    await windowAt("other-system", "settings");
    const reasonOf = (name: string) => {
      const control = screen.getByRole<HTMLButtonElement>("switch", { name });
      return [control.disabled, document.getElementById(control.getAttribute("aria-describedby") ?? "")?.textContent];
    };
    expect(reasonOf("Keep this machine awake while something runs")).toEqual([true, "Only on macOS."]);
    expect(reasonOf("Show memory in the menu bar")[0]).toBe(true);
    expect(reasonOf("Launch at login")[0]).toBe(false);
  });

  it("loads the last model at start", async () => {
    const { app } = await windowAt("idle", "settings");
    expect(screen.getByText(/^Now mlx-community\/Qwen3-Coder/)).toBeTruthy();
    await fireEvent.click(screen.getByRole("switch", { name: "Load the last model when Shorn starts" }));
    await waitFor(() => expect(app.settings?.load_at_start).toBe(true));
  });

  it("installs the command", async () => {
    await windowAt("idle", "settings");
    await fireEvent.click(button("Install"));
    await screen.findByText("Installed as /usr/local/bin/shorn");
  });

  it("sets a memory limit, and names it as what binds", async () => {
    const { app } = await windowAt("idle", "settings");
    await fireEvent.click(screen.getByLabelText("At most"));
    await fireEvent.input(screen.getByLabelText("Memory limit in GB"), { target: { value: "40" } });
    await fireEvent.click(button("Apply: Memory limit"));
    await screen.findByText("Now 40.0 GB: the limit you set.");
    expect(app.settings?.memory_limit).toBe(40e9);
  });

  it("changes each switch", async () => {
    const { app } = await windowAt("idle", "settings");
    await fireEvent.click(screen.getByRole("switch", { name: "Launch at login" }));
    await fireEvent.click(screen.getByRole("switch", { name: /^Keep this machine awake/ }));
    await waitFor(() => expect(app.settings).toMatchObject({ launch_at_login: true, keep_awake: false }));
  });
});

describe("the first start", () => {
  it("has three steps and comes once", async () => {
    const { app } = await windowAt("first-start");
    await screen.findByText("6 models found.");
    await fireEvent.click(button("Continue"));
    await screen.findByRole("button", { name: /^Load: .*Coder/ });
    expect(screen.queryByRole("button", { name: /^Load: .*bf16/ })).toBeNull();
    await fireEvent.click(button("Continue"));
    expect((await screen.findByRole<HTMLButtonElement>("button", { name: "Add to my Pi" })).disabled).toBe(true);
    await fireEvent.click(button("Done"));
    await screen.findByRole("navigation");
    expect(app.settings?.first_start_done).toBe(true);
  });

  it("offers the model for this machine, which is downloaded by one click and can then be loaded", async () => {
    const { fake } = await windowAt("first-start");
    await fireEvent.click(button("Continue"));
    await fireEvent.click(await screen.findByRole("button", { name: `Download: ${SIX_BITS}` }));
    expect(await screen.findByText("Waiting for the downloads before it")).toBeTruthy();
    expect(document.activeElement?.textContent, "the focus has a place").toBe("Pick a model");
    fake.downloads.bytesPerSecond = 10e9;
    await second(fake, 2);
    expect(screen.getByRole("progressbar", { name: `Download: ${SIX_BITS}` }).getAttribute("aria-valuenow")).toBe("40");
    await second(fake, 2);
    expect(await screen.findByRole("button", { name: `Load: ${SIX_BITS}` })).toBeTruthy();
    await waitFor(() => expect(screen.queryByText("Recommended for this machine")).toBeNull());
  });

  it("offers nothing to download where none is known to be right for this machine", async () => {
    const { app, fake } = await appAt("first-start");
    fake.knobs.memoryUnknown = true;
    show(App, app, { app });
    await fireEvent.click(button("Continue"));
    await screen.findByRole("button", { name: "Load: shorn-embedded" });
    expect(screen.queryByText("Recommended for this machine")).toBeNull();
  });

  it("can be skipped", async () => {
    await windowAt("first-start");
    await fireEvent.click(button("Skip"));
    await screen.findByRole("navigation");
  });
});
