import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  clearScreen: false,
  // The desktop shell loads this port in development.
  server: { port: 1420, strictPort: true },
  // WKWebView of macOS 14; WebKitGTK and Chromium are newer.
  build: { target: "safari16.4" },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.ts"],
    setupFiles: ["src/test-setup.ts"],
    testTimeout: 60_000,
  },
});
