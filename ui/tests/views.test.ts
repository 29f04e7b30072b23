// Every view in a real browser: what only layout, focus and colours can show.

import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type OpenOptions, startBrowser, type Window } from "./browser";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
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
  report: { prepare: (page) => page.getByRole("button", { name: /^Report/ }).first().click() },
  "load dialog": { prepare: dialog },
  "load dialog, too large": { prepare: tooLarge },
  "load dialog, greyed": { prepare: greyed },
  models: { prepare: view("Models") },
  "deleting a model": { prepare: deleting },
  connect: { prepare: view("Connect") },
  chat: { every: 1000, prepare: chatted },
  settings: { prepare: view("Settings") },
  "first start": { scenario: "first-start" },
};

async function openAt({ prepare, ...options }: Moment, scheme: "light" | "dark", width = 900): Promise<Page> {
  const page = await browser.open({ every: 0, ...options, scheme, width });
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
async function seriousFindings(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: AXE });
  const violations: AxeFinding[] = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: AxeFinding[] }> } };
    return (await axe.run()).violations;
  });
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html} (${any[0]?.message})`).join(" | ")}`);
}

describe.each(Object.entries(MOMENTS))("%s", (_, moment) => {
  it.each(["light", "dark"] as const)("has no serious findings of axe, %s", async (scheme) => {
    const page = await openAt(moment, scheme);
    expect(await seriousFindings(page)).toEqual([]);
    await page.context().close();
  });

  it("fits 400 pixels", async () => {
    const page = await openAt(moment, "light", 400);
    const { wide, out } = await page.evaluate(() => {
      const inScroller = (element: Element) => element.closest(".scroll, pre, .log, .hidden-text, [aria-hidden]") !== null;
      const buttons = [...document.querySelectorAll("button, input, select, textarea, h1, h2, p")];
      const tooFar = buttons.filter((element) => !inScroller(element) && element.getBoundingClientRect().right > 400.5);
      return { wide: document.documentElement.scrollWidth, out: tooFar.map((element) => element.outerHTML.slice(0, 90)) };
    });
    expect(out).toEqual([]);
    expect(wide).toBeLessThanOrEqual(400);
    await page.context().close();
  });
});
