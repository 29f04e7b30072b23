// Chooses the backend: the desktop shell's in the app, the fake everywhere else. The app ships without the fake.

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
  // Known when it is built, so that the other branch and all it imports is left out.
  if (import.meta.env.MODE === "production") {
    const { TauriBackend } = await import("./tauri");
    return new TauriBackend();
  }
  const { SCENARIOS, fakeAt } = await import("./fake/scenario");
  const scenario = SCENARIOS.find((name) => name === address.get("scenario")) ?? ("serving" satisfies Scenario);
  const fake = await fakeAt(scenario, Number(address.get("every") ?? 1000));
  window.shornFake = fake;
  return fake;
}
