// Chooses the backend. So far there is the fake; the desktop shell's comes with the shell.

import type { Backend } from "./backend";
import type { Scenario } from "./fake/scenario";

declare global {
  interface Window {
    /** The fake, for browser tests to turn its knobs. */
    shornFake?: import("./fake").FakeBackend;
  }
}

/** `address` is the page's query: `?scenario=` and `?every=` say where and how fast the fake begins. */
export async function connect(address: URLSearchParams): Promise<Backend> {
  const { SCENARIOS, fakeAt } = await import("./fake/scenario");
  const scenario = SCENARIOS.find((name) => name === address.get("scenario")) ?? ("serving" satisfies Scenario);
  const fake = await fakeAt(scenario, Number(address.get("every") ?? 1000));
  window.shornFake = fake;
  return fake;
}
