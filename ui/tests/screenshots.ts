// Pictures of every view, as the README shows them.

import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Page } from "playwright-core";
import { type OpenOptions, startBrowser } from "./browser";

interface Shot extends OpenOptions {
  name: string;
  prepare?: (page: Page) => Promise<void>;
}

const view = (name: string) => async (page: Page) => {
  await page.getByRole("navigation").getByRole("button", { name, exact: true }).click();
};

/** A minute of history without waiting for it. */
async function aMinute(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const fake = window.shornFake;
    if (!fake) return;
    const now = Date.now;
    const begin = now();
    for (let second = 0; second < 60; second += 1) {
      Date.now = () => begin + second * 1000;
      fake.tick();
    }
  });
}

async function openLoadDialog(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Options…" }).click();
  await page.getByText("KV cache per token").waitFor();
}

async function chatted(page: Page): Promise<void> {
  await view("Chat")(page);
  await page.getByLabel("Message").fill("Write a function that groups lines by their first word.");
  await page.keyboard.press("Enter");
  await page.getByText("tok/s").last().waitFor();
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
  await page.getByText("Advanced KV settings").click();
  await page.getByLabel("Keys and values separately").check();
}

/** With a key and another port. */
async function changedSettings(page: Page): Promise<void> {
  await view("Settings")(page);
  await page.getByRole("button", { name: "Make a key" }).click();
  await page.getByRole("button", { name: "Apply: Key" }).click();
  await page.getByLabel("Port", { exact: true }).fill("4321");
  await page.getByRole("button", { name: "Apply: Port" }).click();
  await page.getByText("The server was restarted").waitFor();
}

async function pickModel(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: /^Load/ }).first().waitFor();
}

const SHOTS: Shot[] = [
  { name: "home", every: 0, prepare: aMinute },
  { name: "load", every: 0, height: 820, prepare: openLoadDialog },
  { name: "load-too-large", every: 0, prepare: tooLarge },
  { name: "load-greyed", every: 0, height: 820, prepare: greyed },
  { name: "loading", scenario: "loading", every: 0 },
  { name: "empty", scenario: "empty", every: 0 },
  { name: "port-taken", scenario: "port-taken", every: 0 },
  { name: "crashed", scenario: "crashed", every: 0 },
  { name: "models", every: 0, prepare: view("Models") },
  { name: "connect", every: 0, height: 760, prepare: view("Connect") },
  { name: "chat", prepare: chatted },
  { name: "chat-empty", scenario: "stopped", every: 0, prepare: view("Chat") },
  { name: "settings", every: 0, height: 1240, prepare: view("Settings") },
  { name: "settings-other-system", scenario: "other-system", every: 0, height: 1240, prepare: changedSettings },
  { name: "first-start", scenario: "first-start", every: 0 },
  { name: "first-start-models", scenario: "first-start", every: 0, prepare: pickModel },
  { name: "home-narrow", every: 0, width: 400, height: 1240, prepare: aMinute },
  { name: "load-narrow", every: 0, width: 400, height: 1300, prepare: openLoadDialog },
  { name: "report", every: 0, prepare: (page) => page.getByRole("button", { name: /^Report/ }).first().click() },
];

/** `ONLY=home,chat` takes some of them, `SIZE=420x640` all in one size. */
export async function takeScreenshots(folder: string): Promise<void> {
  const only = process.env.ONLY?.split(",");
  const [width, height] = process.env.SIZE?.split("x").map(Number) ?? [];
  mkdirSync(folder, { recursive: true });
  const browser = await startBrowser();
  try {
    for (const { name, prepare, ...options } of SHOTS.filter((shot) => !only || only.includes(shot.name))) {
      for (const scheme of ["light", "dark"] as const) {
        const page = await browser.open({ platform: "MacIntel", ...options, scheme, ...(width && height && { width, height }) });
        await prepare?.(page);
        await page.waitForTimeout(250);
        await page.screenshot({ path: resolve(folder, `${name}-${scheme}.png`) });
        await page.context().close();
      }
    }
  } finally {
    await browser.close();
  }
}
