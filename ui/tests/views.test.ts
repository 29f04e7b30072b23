// Every view in a real browser: what only layout, focus and colours can show.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type OpenOptions, startBrowser, type Window } from "./browser";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let browser: Window;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());
afterEach(() => {
  expect(browser.errors.splice(0), "errors that the page logged").toEqual([]);
});

interface Moment extends OpenOptions {
  prepare?: (page: Page) => Promise<unknown>;
}

const view = (name: string) => (page: Page) =>
  page.getByRole("navigation").getByRole("button", { name, exact: true }).click();

async function dialog(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Options…" }).click();
  await page.getByText("KV cache per token").waitFor();
}

async function tooLarge(page: Page): Promise<void> {
  await view("Models")(page);
  await page.getByRole("button", { name: /^Load: .*bf16/ }).click();
  await page.getByText("What would help").waitFor();
}

async function greyed(page: Page): Promise<void> {
  await view("Models")(page);
  await page.getByRole("button", { name: /^Load: shorn-embedded/ }).click();
  await page.getByLabel("KV cache quantization").check();
  await page.getByText("choose 32 or 64").waitFor();
  await page.getByText("Advanced KV settings").click();
}

async function deleting(page: Page): Promise<void> {
  await view("Models")(page);
  await page.getByRole("button", { name: /^Delete: .*14B/ }).click();
  await page.getByRole("dialog").waitFor();
}

/** A name as people who merge models give them. */
async function longName(page: Page): Promise<void> {
  await page.evaluate(() => {
    const model = window.shornFake?.engine.model;
    if (model) model.name = `organisation/${"Qwen3-Coder-30B-A3B-Instruct-abliterated-".repeat(3)}4bit_DWQ_g64`;
    window.shornFake?.publish();
  });
  await page.getByText("DWQ_g64").waitFor();
}

async function longNameInChat(page: Page): Promise<void> {
  await longName(page);
  await view("Chat")(page);
}

async function search(page: Page): Promise<void> {
  await view("Models")(page);
  await page.getByLabel("Words of the name").fill("");
  await page.keyboard.press("Enter");
}

/** All pages: what fits, what does not, what is gated, unknown or not supported. */
async function found(page: Page): Promise<void> {
  await search(page);
  for (const shown of ["12 models, and more", "24 models, and more"]) {
    await page.getByText(shown).waitFor();
    await page.getByRole("button", { name: "More" }).click();
  }
  await page.getByText("32 models").waitFor();
}

/** Names as people who merge models give them. */
async function foundLongName(page: Page): Promise<void> {
  await page.evaluate(() => {
    const fake = window.shornFake;
    const real = fake?.searchModels.bind(fake);
    if (!fake || !real) return;
    fake.searchModels = async (asked) => {
      const { models } = await real(asked);
      const name = `organisation/${"Qwen3-Coder-30B-A3B-Instruct-abliterated-".repeat(3)}4bit_DWQ_g64`;
      return { models: models.map((model, index) => (index === 0 ? { ...model, name } : model)), next: null };
    };
  });
  await search(page);
  await page.getByText("DWQ_g64").waitFor();
}

async function nothingFound(page: Page): Promise<void> {
  await view("Models")(page);
  await page.getByLabel("Words of the name").fill("yak");
  await page.getByText("has “yak” in its name").waitFor();
}

async function hubFails(page: Page): Promise<void> {
  await page.evaluate(() => {
    if (window.shornFake) window.shornFake.knobs.hubFails = "the Hub cannot be reached: no route to host";
  });
}

async function searchFails(page: Page): Promise<void> {
  await hubFails(page);
  await search(page);
  await page.getByText("no route to host").waitFor();
}

async function offline(page: Page): Promise<void> {
  await hubFails(page);
  await page.context().setOffline(true);
  await search(page);
  await page.getByText("This machine is offline").waitFor();
}

async function filesOpen(page: Page): Promise<void> {
  await view("Models")(page);
  await page.getByText("11 files").click();
}

async function retrying(page: Page): Promise<void> {
  await view("Models")(page);
  await page.evaluate(() => {
    if (window.shornFake) window.shornFake.knobs.downloadTrouble = "retrying";
    window.shornFake?.tick();
  });
  await page.getByText("Next try in").waitFor();
}

async function cancelling(page: Page): Promise<void> {
  await view("Models")(page);
  await page.getByRole("button", { name: "Cancel: mlx-community/Qwen3-Coder-30B-A3B-Instruct-6bit" }).click();
  await page.getByText("will be thrown away").waitFor();
}

async function pickModel(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("Recommended for this machine").waitFor();
}

async function firstDownload(page: Page): Promise<void> {
  await pickModel(page);
  await page.getByRole("button", { name: /^Download: / }).click();
  await page.evaluate(() => [1, 2, 3].forEach(() => window.shornFake?.tick()));
  await page.getByText("MB/s").waitFor();
}

/** With one agent connected and all files to be seen. */
async function connected(page: Page): Promise<void> {
  await view("Connect")(page);
  await page.getByRole("button", { name: "Add to my Claude Code" }).click();
  await page.getByText("Written to a new file.").waitFor();
  for (const files of await page.getByText("What is written").all()) await files.click();
}

async function lastStep(page: Page): Promise<void> {
  for (const _ of ["model", "agent"]) await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Add to my opencode" }).waitFor();
}

/** With every choice open, begun with two KV caches and some seconds old. */
async function evalRunning(page: Page): Promise<void> {
  await view("Eval")(page);
  for (const name of ["8-bit", "4-bit"]) await page.getByRole("checkbox", { name, exact: true }).check();
  await page.getByText("6 of 6 tasks").click();
  await page.getByRole("button", { name: "Start" }).click();
  await page.evaluate(() => [...Array(21)].forEach(() => window.shornFake?.tick()));
  await page.getByText("4 of 6 tasks").waitFor();
}

async function evalCompared(page: Page): Promise<void> {
  await evalRunning(page);
  await page.evaluate(() => [1, 2, 3, 4].forEach(() => window.shornFake?.tick()));
  await page.locator("summary").filter({ hasText: "6 of 6, 5 of 6" }).click();
  await page.getByText("Tests fail").click();
}

async function madeKey(page: Page): Promise<void> {
  await view("Settings")(page);
  await page.getByRole("button", { name: "Make a key" }).click();
  await page.getByRole("button", { name: "Apply: Key" }).click();
  await page.getByText("The server was restarted").waitFor();
}

async function answered(page: Page): Promise<void> {
  await view("Chat")(page);
  await page.getByLabel("Message").fill("Write a function");
  await page.keyboard.press("Enter");
  await page.getByText("tok/s").waitFor();
}

async function chatted(page: Page): Promise<void> {
  await view("Chat")(page);
  await page.getByLabel("Message").fill("Read a file");
  await page.keyboard.press("Enter");
  await page.getByText("Tool call ·").waitFor();
}

/** Everything that there is to see. */
const MOMENTS: Record<string, Moment> = {
  home: {},
  "home without a model": { scenario: "empty" },
  "home with a stopped server": { scenario: "stopped" },
  "home with a taken port": { scenario: "port-taken" },
  "home after a crash": { scenario: "crashed" },
  "home without figures": { scenario: "unknown" },
  "home while loading": { scenario: "loading" },
  "home with a long name": { prepare: longName },
  report: { prepare: (page) => page.getByRole("button", { name: /^Report/ }).first().click() },
  "report of a cache miss": {
    prepare: (page) => page.getByRole("row").filter({ hasText: "tokens not reused" }).getByRole("button").click(),
  },
  "load dialog": { prepare: dialog },
  "load dialog, too large": { prepare: tooLarge },
  "load dialog, greyed": { prepare: greyed },
  models: { prepare: view("Models") },
  "models found": { scenario: "idle", prepare: found },
  "models found, with a long name": { scenario: "idle", prepare: foundLongName },
  "no model found": { scenario: "idle", prepare: nothingFound },
  "a search that fails": { scenario: "idle", prepare: searchFails },
  "a search without a network": { scenario: "idle", prepare: offline },
  downloads: { scenario: "downloads", prepare: filesOpen },
  "a download that waits for the next try": { scenario: "downloads", prepare: retrying },
  "cancelling a download": { scenario: "downloads", prepare: cancelling },
  "home with other models": { scenario: "others" },
  "deleting a model": { prepare: deleting },
  connect: { prepare: connected },
  "connect without a model": { scenario: "empty", prepare: view("Connect") },
  eval: { scenario: "idle", prepare: view("Eval") },
  "eval, something missing": { scenario: "stopped", prepare: view("Eval") },
  "eval, running": { scenario: "idle", prepare: evalRunning },
  "eval, past runs": { scenario: "idle", prepare: evalCompared },
  chat: { every: 1000, prepare: chatted },
  "chat with code": { every: 1000, prepare: answered },
  "chat with a long name": { prepare: longNameInChat },
  "chat without a server": { scenario: "stopped", prepare: view("Chat") },
  settings: { prepare: view("Settings") },
  "settings on another system": { scenario: "other-system", prepare: view("Settings") },
  "settings with a new key": { prepare: madeKey },
  "first start": { scenario: "first-start" },
  "first start, picking a model": { scenario: "first-start", prepare: pickModel },
  "first start with a download": { scenario: "first-start", prepare: firstDownload },
  "first start, connecting an agent": { scenario: "first-start", prepare: lastStep },
};

async function openAt({ prepare, ...options }: Moment, scheme: "light" | "dark", width = 900, height = 640): Promise<Page> {
  const page = await browser.open({ every: 0, ...options, scheme, width, height });
  await prepare?.(page);
  await page.waitForTimeout(100);
  return page;
}

interface AxeFinding {
  id: string;
  impact: string | null;
  nodes: { html: string; any: { message: string }[] }[];
}

/** What axe finds that is more than a hint. */
async function findings(page: Page): Promise<string[]> {
  // Not as an element of the page, which its policy would refuse.
  await page.evaluate(AXE);
  const violations: AxeFinding[] = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: AxeFinding[] }> } };
    return (await axe.run()).violations;
  });
  const found = violations.filter(({ impact }) => impact !== "minor");
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html} (${any[0]?.message})`).join(" | ")}`);
}

describe.each(Object.entries(MOMENTS))("%s", (_, moment) => {
  it.each(["light", "dark"] as const)("has no findings of axe, %s", async (scheme) => {
    const page = await openAt(moment, scheme);
    expect(await findings(page)).toEqual([]);
    await page.context().close();
  });

  it.each([
    [400, 640],
    [420, 480],
    [900, 640],
  ])("fits %i by %i pixels", async (width, height) => {
    const page = await openAt(moment, "light", width, height);
    expect(await page.evaluate(outside)).toEqual([]);
    await page.context().close();
  });
});

/** What is cut off: too far to the right, or below the window in a dialog, whose buttons do not scroll. */
function outside(): string[] {
  const [right, bottom] = [window.innerWidth + 0.5, window.innerHeight + 0.5];
  const words = (elements: Element[]) => elements.map((element) => element.outerHTML.slice(0, 90));
  const inScroller = (element: Element) => element.closest(".scroll, pre, .hidden-text, [aria-hidden]") !== null;
  const shown = [...document.querySelectorAll("button, input, select, textarea, h1, h2, p, dd, li, span")];
  const tooFar = shown.filter((element) => !inScroller(element) && element.getBoundingClientRect().right > right);
  const fixed = [...document.querySelectorAll("[role=dialog] > *, nav button, form textarea")];
  const tooLow = fixed.filter((element) => element.getBoundingClientRect().bottom > bottom);
  const scrolls = document.documentElement.scrollWidth > window.innerWidth ? ["the window scrolls sideways"] : [];
  return [...words(tooFar), ...words(tooLow), ...scrolls];
}

describe("the window", () => {
  it("obeys the desktop shell's policy, which the other tests rely on", async () => {
    const page = await openAt({}, "light");
    const ran = await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.head.append(script);
      return "ran" in window;
    });
    expect(ran).toBe(false);
    expect(browser.errors.splice(0).join()).toMatch(/Content Security Policy/);
    await page.context().close();
  });

  it("opens at the view that its address names", async () => {
    const page = await openAt({}, "light");
    await page.goto(`${page.url()}#settings`);
    await page.reload();
    await page.getByRole("main", { name: "Settings", exact: true }).waitFor();
    await page.context().close();
  });

  it("shows a megabyte in a bar of many gigabytes", async () => {
    const page = await openAt({ scenario: "idle" }, "light");
    const width = () => page.locator('[data-segment="kv"]').evaluate((element) => element.getBoundingClientRect().width);
    expect(await width()).toBe(0);
    await page.evaluate(() => {
      const memory = window.shornFake?.engine.model?.memory;
      if (memory) memory.kv_in_use = 400_000;
      window.shornFake?.publish();
    });
    await page.getByText("0.4 MB", { exact: true }).waitFor();
    expect(await width()).toBeGreaterThanOrEqual(2);
    await page.context().close();
  });
});
