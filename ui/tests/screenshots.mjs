// `npm run screenshots -- FOLDER`: every view, light and dark.

import { runnerImport } from "vite";

const { module } = await runnerImport(new URL("screenshots.ts", import.meta.url).pathname);
await module.takeScreenshots(process.argv[2] ?? "screenshots");
process.exit(0);
