import { fireEvent, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import { describe, expect, it, vi } from "vitest";
import App from "../App.svelte";
import type { FakeKnobs } from "../backend/fake/knobs";
import type { Scenario } from "../backend/fake/scenario";
import { appAt, second, show } from "../test-app";

const FOUR_BITS = "mlx-community/Qwen3-4B-Instruct-2507-4bit";
const HALF_HERE = "mlx-community/Qwen3-14B-4bit";
const SIX_BITS = "mlx-community/Qwen3-Coder-30B-A3B-Instruct-6bit";
const GATED = "northwind-labs/Qwen3-Coder-30B-A3B-Support-4bit";

const button = (name: string | RegExp) => screen.getByRole<HTMLButtonElement>("button", { name });
const alertText = async () => (await screen.findByRole("alert")).textContent;
const part = (name: string | RegExp) => screen.getByRole("region", { name });
/** The row of a model within a part. */
const row = (name: string, within_: HTMLElement) => within(within_).getByText(name).closest("li") as HTMLElement;

async function modelsAt(scenario: Scenario = "idle", knobs: Partial<FakeKnobs> = {}) {
  const test = await appAt(scenario);
  Object.assign(test.fake.knobs, knobs);
  test.app.view = "models";
  show(App, test.app, { app: test.app });
  await screen.findByRole("list", { name: "Models on this disk" });
  return test;
}

/** The view with the answer to a search. */
async function found(text: string, knobs: Partial<FakeKnobs> = {}) {
  const test = await modelsAt("idle", knobs);
  await fireEvent.input(screen.getByLabelText("Words of the name"), { target: { value: text } });
  await fireEvent.submit(screen.getByRole("search"));
  await waitFor(() => expect(test.app.hub.busy).toBeNull());
  return { ...test, results: screen.queryByRole("list", { name: "Models on the Hub" }) as HTMLElement };
}

describe("models on this disk", () => {
  it("say why they cannot be loaded", async () => {
    await modelsAt();
    await screen.findByText(/Cannot be loaded: its weights are in GGUF format/);
    expect(button(/^Load: .*GGUF/).disabled).toBe(true);
    expect(screen.getByText("Incomplete: the rest of 2 files is missing.")).toBeTruthy();
    expect((await within(part("On this disk")).findAllByText("Too large")).length).toBe(1);
  });

  it("have the built-in one, which cannot be deleted, before what cannot be loaded", async () => {
    await modelsAt();
    const buttons = within(part("On this disk")).getAllByRole("button", { name: /^(Load|Options|Resume): / });
    const names = buttons.map((each) => each.getAttribute("aria-label"));
    expect(names.length).toBe(6);
    expect(names[3]).toBe("Load: shorn-embedded");
    expect(names.slice(4).every((name) => /14B|GGUF/.test(name ?? ""))).toBe(true);
    expect(screen.queryByRole("button", { name: "Delete: shorn-embedded" })).toBeNull();
    expect(screen.getByText("Built in")).toBeTruthy();
    expect(screen.getByText(/Writes nonsense/)).toBeTruthy();
    expect(button("Show in folder: shorn-embedded")).toBeTruthy();
  });

  it("are deleted after a question", async () => {
    await modelsAt();
    await fireEvent.click(button(`Delete: ${HALF_HERE}`));
    const dialog = await screen.findByRole("dialog", { name: "Delete this model?" });
    expect(dialog.textContent).toContain("other programs may use them");
    await fireEvent.click(within(dialog).getByRole("button", { name: "Delete" }));
    await waitFor(() => expect(within(part("On this disk")).queryByText(HALF_HERE)).toBeNull());
  });

  it("stay in question when deleting fails", async () => {
    await modelsAt("idle", { deleteFails: true });
    await fireEvent.click(button(`Delete: ${HALF_HERE}`));
    await fireEvent.click(await screen.findByRole("button", { name: "Delete" }));
    expect(await alertText()).toContain("permission denied");
  });

  it("are not deleted while they are loaded, by whomever", async () => {
    await modelsAt("others");
    expect(button(/^Delete: .*Coder-30B-A3B-Instruct-4bit/).disabled, "a person chose it").toBe(true);
    expect(button(/^Delete: .*4B-Instruct-2507-8bit/).disabled, "a request named it").toBe(true);
  });

  it("cannot be listed where the folders cannot be read", async () => {
    const { app, fake } = await appAt("idle");
    fake.knobs.libraryFails = true;
    app.view = "models";
    show(App, app, { app });
    expect(await alertText()).toContain("The model folders cannot be read");
  });

  it("are imported from a folder, and listed at once", async () => {
    const { app } = await modelsAt();
    await fireEvent.click(button("Import a folder…"));
    await within(part("On this disk")).findByText("models-2");
    await waitFor(() => expect(app.announcement).toBe("models-2 is imported"));
  });

  it("say why a folder cannot be imported", async () => {
    await modelsAt("idle", { importFails: "the folder has no config.json; choose the folder of a model" });
    await fireEvent.click(button("Import a folder…"));
    expect(await alertText()).toContain("The folder has no config.json");
    expect(button("Import a folder…").disabled).toBe(false);
  });

  it("are not imported when no folder is chosen", async () => {
    const { fake } = await modelsAt();
    fake.chooseFolder = async () => null;
    const imported = vi.spyOn(fake, "importModel");
    await fireEvent.click(button("Import a folder…"));
    await waitFor(() => expect(button("Import a folder…").disabled).toBe(false));
    expect(imported).not.toHaveBeenCalled();
  });

  it("are not there twice while they are downloaded, and go on where they stopped", async () => {
    const { fake } = await modelsAt();
    await fireEvent.click(button(`Resume: ${HALF_HERE}`));
    const downloads = await screen.findByRole("region", { name: "Downloads" });
    await waitFor(() => expect(within(part("On this disk")).queryByText(HALF_HERE)).toBeNull());
    await second(fake, 2);
    const bar = within(downloads).getByRole("progressbar", { name: `Download: ${HALF_HERE}` });
    expect(bar.getAttribute("aria-valuetext")).toBe("3.2 of 8.3 GB");
  });
});

describe("recommended models", () => {
  it("for this machine come with reason, fit and speed, the others behind a line", async () => {
    await modelsAt();
    const recommended = await screen.findByRole("region", { name: "Recommended for this machine" });
    const text = row(SIX_BITS, recommended).textContent ?? "";
    expect(text).toContain("For 64 GB of memory");
    expect(text).toContain("Trained for coding agents");
    expect(text).toMatch(/Fits *with 8-bit KV, 256K context *33 to 105 tok\/s, estimated/);
    expect(text).toContain("24.8 GB");
    expect(within(recommended).getByText("For other machines: 5")).toBeTruthy();
    expect(within(row("mlx-community/Qwen3-Coder-30B-A3B-Instruct-4bit", recommended)).getByText("On this disk")).toBeTruthy();
  });

  it("are all shown where the machine tells nothing, without a word about their fit", async () => {
    await modelsAt("unknown");
    const recommended = await screen.findByRole("region", { name: "Recommended" });
    expect(within(recommended).getAllByText("Whether it fits is not known.").length).toBe(6);
  });

  it("that cannot be listed say why", async () => {
    const { app, fake } = await appAt("idle");
    fake.recommendedModels = () => Promise.reject({ code: "internal", message: "the list is broken" });
    app.view = "models";
    show(App, app, { app });
    expect(await alertText()).toContain("The list is broken");
  });
});

describe("the search", () => {
  it("asks the Hub nothing before a person does", async () => {
    const { fake } = await modelsAt();
    const search = vi.spyOn(fake, "searchModels");
    expect(screen.getByText("Nothing is asked of the Hub before you search.")).toBeTruthy();
    await second(fake, 3);
    expect(search).not.toHaveBeenCalled();
    await fireEvent.click(button("Show what is trending"));
    await screen.findByText("12 models, and more");
    expect(search).toHaveBeenCalledExactlyOnceWith({ text: "", order: "trending" });
  });

  it("has been done already when the view is shown again", async () => {
    await found("coder 480b");
    await fireEvent.click(button("Home"));
    await fireEvent.click(button("Models"));
    expect(screen.getByLabelText<HTMLInputElement>("Words of the name").value).toBe("coder 480b");
    expect(screen.getByText("1 model")).toBeTruthy();
  });

  it("finds what has all the words", async () => {
    const { results } = await found("instruct Qwen3 8bit");
    const names = within(results).getAllByText(/^mlx-community/).map(({ textContent }) => textContent);
    expect(names.length).toBe(3);
    expect(names.every((name) => /qwen3.*instruct.*8bit/i.test(name ?? ""))).toBe(true);
  });

  it("says that nothing was found, and for what", async () => {
    await found("yak");
    expect(screen.getByText("No model in MLX format has “yak” in its name.")).toBeTruthy();
  });

  it("orders by size, and says what that means", async () => {
    const { results } = await found("qwen3");
    expect(within(results).getAllByText(/^mlx-community/)[0]?.textContent).toContain("Coder");
    await userEvent.selectOptions(screen.getByLabelText("Order"), "size");
    await screen.findByText(/the smallest of the most downloaded/);
    const list = screen.getByRole("list", { name: "Models on the Hub" });
    expect(within(list).getAllByText(/^mlx-community/)[0]?.textContent).toBe("mlx-community/Qwen3-0.6B-4bit");
  });

  it("shows the next page behind the first, and puts the focus there when it was the last", async () => {
    const { results } = await found("qwen3");
    await fireEvent.click(button("More"));
    await waitFor(() => expect(within(results).getAllByRole("listitem").length).toBe(20));
    expect(screen.queryByRole("button", { name: "More" })).toBeNull();
    await waitFor(() => expect(within(results).getAllByRole("listitem")[12]?.contains(document.activeElement)).toBe(true));
  });

  it("greys what cannot be loaded, and says why", async () => {
    const { results } = await found("gpt-oss");
    expect(within(results).getByText(/^Cannot be loaded: its architecture `gpt_oss` is not supported yet/)).toBeTruthy();
    expect(within(results).queryByRole("button")).toBeNull();
  });

  it("says that it does not know what it does not know", async () => {
    const { results } = await found("untitled-merge");
    expect(within(results).getByText(/not known: its config\.json could not be read/)).toBeTruthy();
    expect(within(results).getByText("–")).toBeTruthy();
  });

  it("marks what is too large, with what it needs and without a speed", async () => {
    const { results } = await found("480b");
    expect(within(results).getByText("Too large")).toBeTruthy();
    expect(results.textContent).toMatch(/needs \d+\.\d of 51\.5 GB/);
    expect(results.textContent).not.toContain("tok/s");
  });

  it("marks what is a tight fit", async () => {
    const { results } = await found("coder instruct 8bit");
    expect(within(results).getByText("Tight fit")).toBeTruthy();
  });

  it("leads to the page where a licence is accepted", async () => {
    const { fake, results } = await found("support");
    expect(results.textContent).toContain("Gated: its licence has to be accepted on the Hub.");
    await fireEvent.click(button(`Open its page on the Hub: ${GATED}`));
    expect(fake.opened).toBe(`https://huggingface.co/${GATED}`);
  });

  it("says nothing of a licence where there is nothing to download", async () => {
    const { results } = await found("meta-llama");
    expect(within(results).getByText(/^Cannot be loaded/)).toBeTruthy();
    expect(results.textContent).not.toContain("licence");
  });

  it("that fails says why, and is repeated by a button", async () => {
    const { fake } = await found("coder", { hubFails: "the Hub asks to come back later: try again in a minute" });
    expect(await alertText()).toContain("The Hub asks to come back later");
    fake.knobs.hubFails = null;
    await fireEvent.click(button("Try again"));
    await screen.findByText("7 models");
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("without a network says so, and is repeated once there is one", async () => {
    const online = vi.spyOn(navigator, "onLine", "get").mockReturnValue(false);
    const { fake } = await found("coder", { hubFails: "no route to host" });
    expect(await alertText()).toContain("This machine is offline.");
    fake.knobs.hubFails = null;
    online.mockRestore();
    await fireEvent(window, new Event("online"));
    await screen.findByText("7 models");
  });

  it("knows what is on this disk, also when that changes", async () => {
    const name = "mlx-community/Qwen3-4B-Instruct-2507-8bit";
    const { results } = await found("4B-Instruct 8bit");
    expect(within(results).getByText("On this disk")).toBeTruthy();
    await fireEvent.click(button(`Delete: ${name}`));
    await fireEvent.click(await screen.findByRole("button", { name: "Delete" }));
    await within(results).findByRole("button", { name: `Download: ${name}` });
  });
});

describe("a download", () => {
  it("begins at a result, which leads to it", async () => {
    const { fake, app, results } = await found("4B-Instruct 4bit");
    const start = within(results).getByRole("button", { name: `Download: ${FOUR_BITS}` });
    start.focus();
    await fireEvent.click(start);
    expect(app.announcement).toBe(`Download of ${FOUR_BITS} begins`);
    await second(fake, 6);
    const show = within(results).getByRole("button", { name: `21 %, show the download: ${FOUR_BITS}` });
    expect(document.activeElement, "the focus stays").toBe(show);
    await fireEvent.click(show);
    expect(document.activeElement?.textContent).toBe("Downloads");
  });

  it("that cannot begin says why in its row", async () => {
    const { fake, results } = await found("4B-Instruct 4bit");
    fake.download = () => Promise.reject({ code: "not_on_hub", message: "it is not there any more" });
    await fireEvent.click(within(results).getByRole("button", { name: `Download: ${FOUR_BITS}` }));
    expect(within(results).getByRole("alert").textContent).toContain("It is not there any more");
  });

  it("shows bytes, percent, speed and time left, and the same for its files", async () => {
    await modelsAt("downloads");
    const item = row(SIX_BITS, part("Downloads"));
    const bar = within(item).getByRole("progressbar", { name: `Download: ${SIX_BITS}` });
    expect([bar.getAttribute("aria-valuenow"), bar.getAttribute("aria-valuetext")]).toEqual(["29", "7.1 of 24.8 GB"]);
    expect(within(item).getByText("28 % · 96.0 MB/s · 3 min left")).toBeTruthy();
    expect(within(item).getByText("11 files, 0 verified")).toBeTruthy();
    const file = within(item).getByRole("progressbar", { name: "model-00001-of-00005.safetensors", hidden: true });
    expect(file.getAttribute("aria-valuetext")).toBe("2.4 of 5.3 GB");
  });

  it("is paused and resumed by one button", async () => {
    const { app } = await modelsAt("downloads");
    const item = row(SIX_BITS, part("Downloads"));
    await fireEvent.click(within(item).getByRole("button", { name: `Pause: ${SIX_BITS}` }));
    await within(item).findByText("Paused · 28 %");
    await fireEvent.click(within(item).getByRole("button", { name: `Resume: ${SIX_BITS}` }));
    await within(item).findByText("Waiting for the downloads before it · 28 %");
    expect(app.error).toBeNull();
  });

  it("is cancelled after a question that says what is lost", async () => {
    await modelsAt("downloads");
    await fireEvent.click(button(`Cancel: ${SIX_BITS}`));
    const dialog = await screen.findByRole("dialog", { name: "Cancel this download?" });
    expect(dialog.textContent).toContain("7.1 GB have arrived and will be thrown away.");
    await fireEvent.click(within(dialog).getByRole("button", { name: "Cancel download" }));
    await waitFor(() => expect(within(part("Downloads")).queryByText(SIX_BITS)).toBeNull());
    await waitFor(() => expect(document.activeElement?.textContent).toBe("Models"));
  });

  it("goes on when the question is answered with no", async () => {
    const { app } = await modelsAt("downloads");
    await fireEvent.click(button(`Cancel: ${SIX_BITS}`));
    await fireEvent.click(await screen.findByRole("button", { name: "Keep it" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(app.downloads.some(({ name }) => name === SIX_BITS)).toBe(true);
  });

  it("of which nothing has arrived is cancelled without a question", async () => {
    await modelsAt("downloads");
    await fireEvent.click(button("Cancel: mlx-community/Qwen3-14B-6bit"));
    await waitFor(() => expect(screen.queryByRole("button", { name: "Cancel: mlx-community/Qwen3-14B-6bit" })).toBeNull());
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  it("closes the question when it is whole meanwhile", async () => {
    const { fake } = await modelsAt("downloads");
    await fireEvent.click(button(`Cancel: ${SIX_BITS}`));
    await screen.findByRole("dialog");
    fake.downloads.bytesPerSecond = 100e9;
    await second(fake, 8);
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });

  it("that waits for the next try says why, and for how long", async () => {
    const { fake } = await modelsAt("downloads", { downloadTrouble: "retrying" });
    await second(fake);
    const item = row(SIX_BITS, part("Downloads"));
    expect(within(item).getByText("The connection broke off. Next try in 8 s.")).toBeTruthy();
    await second(fake);
    expect(within(item).getByText("The connection broke off. Next try in 7 s.")).toBeTruthy();
    fake.knobs.downloadTrouble = null;
    await second(fake);
    expect(within(item).getByText(/96\.0 MB\/s/)).toBeTruthy();
  });

  it.each(["network", "disk_full"] as const)("that fails (%s) says what to do, keeps what has arrived, and can be tried again", async (trouble) => {
    const { app, fake } = await modelsAt("downloads", { downloadTrouble: trouble });
    await second(fake);
    const item = row(SIX_BITS, part("Downloads"));
    expect(within(item).getByText(/then try again\.$/)).toBeTruthy();
    expect(within(item).getByText("What has arrived is kept: 7.1 GB.")).toBeTruthy();
    expect(app.announcement).toContain(`Download of ${SIX_BITS} failed`);
    fake.knobs.downloadTrouble = null;
    await fireEvent.click(within(item).getByRole("button", { name: `Try again: ${SIX_BITS}` }));
    await within(item).findByText(/^Waiting/);
  });

  it("of a gated model leads to the page of its licence", async () => {
    const { fake } = await modelsAt("downloads");
    const item = row(GATED, part("Downloads"));
    expect(within(item).getByText(/^Its licence has to be accepted/)).toBeTruthy();
    await fireEvent.click(within(item).getByRole("button", { name: `Open its page on the Hub: ${GATED}` }));
    expect(fake.opened).toBe(`https://huggingface.co/${GATED}`);
  });

  it("that failed and is dismissed leaves an incomplete model, which can go on", async () => {
    await modelsAt("downloads");
    const disk = part("On this disk");
    expect(within(disk).queryByText("mlx-community/Qwen3-8B-4bit")).toBeNull();
    await fireEvent.click(button("Dismiss: mlx-community/Qwen3-8B-4bit"));
    await within(disk).findByText("mlx-community/Qwen3-8B-4bit");
    expect(within(disk).getByRole("button", { name: "Resume: mlx-community/Qwen3-8B-4bit" })).toBeTruthy();
  });

  it("that is whole opens the load dialog, is in the list, and is dismissed", async () => {
    const { app } = await modelsAt("downloads");
    const name = "mlx-community/Qwen3-0.6B-4bit";
    const item = row(name, part("Downloads"));
    await fireEvent.click(within(item).getByRole("button", { name: `Load: ${name}` }));
    await screen.findByRole("dialog", { name: "Load a model" });
    expect(app.loadDialog).toContain("Qwen3-0.6B-4bit");
    app.loadDialog = null;
    await tick();
    await fireEvent.click(within(item).getByRole("button", { name: `Dismiss: ${name}` }));
    await waitFor(() => expect(within(part("Downloads")).queryByText(name)).toBeNull());
    expect(within(part("On this disk")).getByText(name)).toBeTruthy();
  });

  it("that is whole goes from the list with its model", async () => {
    const { app } = await modelsAt("downloads");
    const name = "mlx-community/Qwen3-0.6B-4bit";
    await fireEvent.click(button(`Delete: ${name}`));
    await fireEvent.click(await screen.findByRole("button", { name: "Delete" }));
    await waitFor(() => expect(app.downloads.some((download) => download.name === name)).toBe(false));
  });

  it("that ends puts its model into the list", async () => {
    const { app, fake } = await modelsAt("downloads");
    fake.downloads.bytesPerSecond = 100e9;
    await second(fake);
    expect(app.announcement).toBe(`${SIX_BITS} is downloaded`);
    await within(part("On this disk")).findByRole("button", { name: `Load: ${SIX_BITS}` });
  });

  it("shows beside the view's name how far it is, and nothing without one", async () => {
    const { app, fake } = await modelsAt("downloads");
    expect(button("Models").title).toBe("Downloading 28 %");
    for (const { name } of app.downloads) await fake.cancelDownload(name);
    await tick();
    expect(button("Models").title).toBe("");
  });

  it("is announced at its beginning and its end, and not at each tick", async () => {
    const { app, fake } = await modelsAt();
    await fake.download(FOUR_BITS);
    app.announcement = "";
    await second(fake, 10);
    expect(app.announcement).toBe("");
    fake.downloads.bytesPerSecond = 100e9;
    await second(fake);
    expect(app.announcement).toBe(`${FOUR_BITS} is downloaded`);
  });
});
