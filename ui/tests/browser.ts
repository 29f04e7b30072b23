// The built window in a real browser, served by `vite preview`.

import { existsSync, readFileSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { preview } from "vite";

const UI = new URL("..", import.meta.url).pathname;
/** What the desktop shell allows: what the content security policy forbids is logged as an error. */
const { csp: POLICY, freezePrototype: FREEZE } = JSON.parse(readFileSync(`${UI}../src-tauri/tauri.conf.json`, "utf8")).app.security;
const BROWSERS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

export interface OpenOptions {
  /** A moment of `fake/scenario.ts`. */
  scenario?: string;
  /** Milliseconds between two snapshots; 0 for none. */
  every?: number;
  scheme?: "light" | "dark";
  width?: number;
  height?: number;
  /** What the page takes the system for, such as `MacIntel`. */
  platform?: string;
}

export interface Window {
  /** Opens the window anew. What its page logs as an error is in `errors`. */
  open(options?: OpenOptions): Promise<Page>;
  errors: string[];
  close(): Promise<void>;
}

/** Starts a server on a free port and a browser. */
export async function startBrowser(): Promise<Window> {
  const executablePath = process.env.CHROMIUM ?? BROWSERS.find((path) => existsSync(path));
  if (executablePath === undefined) throw new Error(`no browser found; install chromium, or set CHROMIUM to one`);
  const server = await preview({
    root: UI,
    configFile: `${UI}vite.config.ts`,
    mode: "fake",
    logLevel: "error",
    preview: { port: 0, host: "127.0.0.1", headers: { "Content-Security-Policy": POLICY } },
  });
  const base = server.resolvedUrls?.local[0];
  if (base === undefined) throw new Error("vite preview has no address");
  const browser: Browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const errors: string[] = [];
  return {
    errors,
    async open({ scenario = "serving", every = 1000, scheme = "light", width = 900, height = 640, platform } = {}) {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: scheme,
        reducedMotion: "reduce",
        deviceScaleFactor: 2,
      });
      if (FREEZE) await context.addInitScript("Object.freeze(Object.prototype)");
      if (platform !== undefined) {
        await context.addInitScript((name) => Object.defineProperty(navigator, "platform", { get: () => name }), platform);
      }
      const page = await context.newPage();
      page.setDefaultTimeout(8_000);
      page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
      page.on("pageerror", (error) => errors.push(error.message));
      await page.goto(`${base}?scenario=${scenario}&every=${every}`);
      await page.locator("main").waitFor().catch((error: Error) => {
        throw new Error(`the window does not open: ${errors.join("; ") || error.message}`);
      });
      return page;
    },
    async close() {
      await browser.close();
      await server.close();
    },
  };
}
