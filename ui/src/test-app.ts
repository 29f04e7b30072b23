// What component tests begin with.

import { render } from "@testing-library/svelte";
import { type Component, tick } from "svelte";
import { APP_KEY, AppState } from "./app.svelte";
import type { FakeBackend } from "./backend/fake";
import { fakeAt, type Scenario } from "./backend/fake/scenario";

export interface TestApp {
  app: AppState;
  fake: FakeBackend;
}

/** An app whose fake stands still at a moment: time passes only with `fake.tick`. */
export async function appAt(scenario: Scenario): Promise<TestApp> {
  const fake = await fakeAt(scenario, 0);
  const app = new AppState(fake);
  await app.open();
  return { app, fake };
}

export function show<Props extends Record<string, unknown>>(
  component: Component<Props>,
  app: AppState,
  props: Props,
): void {
  render(component as Component, { props, context: new Map([[APP_KEY, app]]) });
}

/** A second passes, and the window shows it. */
export async function second(fake: FakeBackend, times = 1): Promise<void> {
  for (let time = 0; time < times; time += 1) fake.tick();
  await tick();
}
