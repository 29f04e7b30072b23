import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), svelteTesting()],
  clearScreen: false,
  // WKWebView of macOS 14; WebKitGTK and Chromium are newer.
  build: { target: "safari16.4", outDir: mode === "production" ? "dist" : `dist-${mode}` },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.ts"],
    setupFiles: ["src/test-setup.ts"],
    testTimeout: 60_000,
  },
}));
