// What a person does, in a real browser.

import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startBrowser, type Window } from "./browser";

let browser: Window;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());
afterEach(() => {
  expect(browser.errors.splice(0), "errors that the page logged").toEqual([]);
});

const focused = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    const label = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : element?.textContent;
    return (element?.getAttribute("aria-label") ?? label ?? "").trim();
  });

/** Presses Tab until something of this name has the focus. */
async function tabTo(page: Page, name: string | RegExp, most = 60): Promise<void> {
  const seen: string[] = [];
  for (let press = 0; press < most; press += 1) {
    const label = await focused(page);
    if (typeof name === "string" ? label === name : name.test(label)) return;
    seen.push(label);
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab never came to ${name}, only to: ${seen.join(", ")}`);
}

describe("with the keyboard alone", () => {
  it("a model is loaded with an 8-bit KV cache from 0", async () => {
    const page = await browser.open({ scenario: "empty", every: 150 });
    await page.keyboard.press("Tab");
    await tabTo(page, "Load a model…");
    await page.keyboard.press("Enter");
    await page.getByText("KV cache per token").waitFor();

    await tabTo(page, /Qwen3-Coder/);
    expect(await page.locator("#model").inputValue(), "the largest that fits is suggested").toContain("Coder-30B");
    await page.keyboard.type("shorn");
    await page.getByText("bfloat16, not quantized").waitFor();
    // A browser forgets what was typed after a second.
    await page.waitForTimeout(1200);
    await page.keyboard.type("mlx-community/Qwen3-Coder");
    await page.getByText("4-bit affine").waitFor();

    await tabTo(page, "Context length slider");
    const before = await page.getByLabel("Context length", { exact: true }).inputValue();
    await page.keyboard.press("Home");
    for (let press = 0; press < 31; press += 1) await page.keyboard.press("ArrowRight");
    expect(await page.getByLabel("Context length", { exact: true }).inputValue()).toBe("32768");
    expect(before).toBe("262144");

    await tabTo(page, "KV cache quantization");
    await page.keyboard.press("Space");
    await tabTo(page, /^8/);
    await page.keyboard.press("ArrowRight");
    expect(await page.locator('input[name="kv-bits"][value="6"]').isChecked()).toBe(true);
    await page.keyboard.press("ArrowLeft");
    await tabTo(page, "Start quantizing at");
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type("0");
    await page.locator('button:enabled:text-is("Load")').waitFor();
    await tabTo(page, "Load");
    await page.keyboard.press("Enter");

    await page.getByText("8-bit, groups of 64, from the first token").waitFor();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await page.evaluate(() => window.shornFake?.engine.model?.settings)).toMatchObject({
      context_length: 32_768,
      kv: { quantized: { key_bits: 8, value_bits: 8, group_size: 64, start: 0 } },
    });
    await page.context().close();
  });

  it("the dialog keeps the focus inside, Escape closes it, and the focus returns", async () => {
    const page = await browser.open({ every: 0 });
    await page.getByRole("button", { name: "Options…" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("KV cache per token").waitFor();
    for (let press = 0; press < 40; press += 1) {
      await page.keyboard.press("Tab");
      expect(await page.evaluate(() => document.activeElement?.closest("[role=dialog]") !== null)).toBe(true);
    }
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.waitForFunction(() => document.activeElement?.textContent?.includes("Options…"));
    await page.context().close();
  });

  it("a model is found, downloaded, paused, resumed and loaded", async () => {
    const page = await browser.open({ scenario: "idle", every: 200 });
    await page.keyboard.press("Control+2");
    await tabTo(page, "Find models");
    await page.keyboard.press("Enter");
    expect(await focused(page)).toBe("Words of the name");
    await page.keyboard.type("0.6b");
    await page.getByText("1 model", { exact: true }).waitFor();
    const name = "mlx-community/Qwen3-0.6B-4bit";
    await tabTo(page, `Download: ${name}`);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: `show the download: ${name}` }).waitFor();
    await page.keyboard.press("Enter");
    expect(await focused(page), "the download is shown").toBe("Downloads");
    await tabTo(page, `Pause: ${name}`);
    await page.keyboard.press("Enter");
    await page.getByText("Paused").first().waitFor();
    expect(await focused(page), "one button pauses and resumes").toBe(`Resume: ${name}`);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: `Load: ${name}`, exact: true }).first().waitFor();
    expect(await focused(page), "and loads in the end").toBe(`Load: ${name}`);
    await page.keyboard.press("Enter");
    await page.getByText("KV cache per token").waitFor();
    expect(await page.locator("#model").inputValue()).toContain("Qwen3-0.6B-4bit");
    await page.context().close();
  });

  it("a download is cancelled, and the focus has a place afterwards", async () => {
    const page = await browser.open({ scenario: "downloads", every: 0 });
    await page.keyboard.press("Control+2");
    const name = "mlx-community/Qwen3-Coder-30B-A3B-Instruct-6bit";
    await tabTo(page, `Cancel: ${name}`);
    await page.keyboard.press("Enter");
    await page.getByText("will be thrown away").waitFor();
    await tabTo(page, "Cancel download");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: `Cancel: ${name}` }).waitFor({ state: "detached" });
    await page.waitForFunction(() => document.activeElement?.textContent === "Models");
    await page.context().close();
  });

  it("every view is one shortcut away", async () => {
    const page = await browser.open({ every: 0 });
    for (const [key, title] of [["2", "Models"], ["3", "Connect"], ["4", "Chat"], ["5", "Eval"], ["6", "Settings"], ["1", "Home"], [",", "Settings"]]) {
      await page.keyboard.press(`Control+${key}`);
      await page.getByRole("main", { name: title, exact: true }).waitFor();
    }
    await page.context().close();
  });
});

describe("the gauge", () => {
  it("shows a KV cache that grows with each sample, and equals the snapshot", async () => {
    const page = await browser.open({ every: 0 });
    let before = 0;
    for (let sample = 0; sample < 12; sample += 1) {
      await page.evaluate(() => window.shornFake?.tick());
      const shown = Number(await page.locator('[data-segment="kv"]').getAttribute("data-bytes"));
      expect(shown).toBeGreaterThan(before);
      expect(shown).toBe(await page.evaluate(() => window.shornFake?.snapshot().runtime.model?.memory.kv_in_use));
      before = shown;
    }
    await page.context().close();
  });
});

describe("a first quarter of an hour", () => {
  it("from the first start over a load to a connected Pi and a chat", async () => {
    const page = await browser.open({ scenario: "first-start", every: 100 });
    await page.getByText("6 models found.").waitFor();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: /^Load: .*Coder/ }).click();
    await page.locator('button:enabled:text-is("Load")').click();
    await page.getByText("Coder-30B-A3B-Instruct-4bit is loaded.", { exact: false }).first().waitFor();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: "Add to my Pi" }).click();
    await page.getByText("Start it with pi --provider shorn --model").waitFor();
    await page.getByRole("button", { name: "Done" }).click();

    await page.getByRole("navigation").getByRole("button", { name: "Connect" }).click();
    await page.getByText("Connected", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Copy models.json" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    const copied = JSON.parse((await page.evaluate(() => window.shornFake?.copied)) ?? "");
    expect(copied.providers.shorn.models[0]).toMatchObject({ contextWindow: 262_144, input: ["text"] });

    await page.getByRole("navigation").getByRole("button", { name: "Chat" }).click();
    await page.getByLabel("Message").fill("Write a function");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText(/Cancelled · \d+ tokens/).waitFor();
    await page.getByRole("navigation").getByRole("button", { name: "Home" }).click();
    await page.getByRole("button", { name: /^Report of the request from Shorn/ }).waitFor();
    await page.context().close();
  });
});

describe("the load dialog", () => {
  it("begins at its first field", async () => {
    const page = await browser.open({ every: 0 });
    await page.getByRole("button", { name: "Options…" }).click();
    await page.waitForFunction(() => document.activeElement?.id === "model");
    await page.context().close();
  });
});
