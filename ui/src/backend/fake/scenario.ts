// Moments in which the fake can begin, chosen by `?scenario=` in the address.

import { FakeBackend } from "../fake";
import { NOTHING_SAVED } from "../none";
import { kvOf } from "./fit";
import { CODER_DIRECTORY } from "./models";
import { refused } from "./requests";

export const SCENARIOS = [
  "serving",
  "idle",
  "loading",
  "empty",
  "stopped",
  "crashed",
  "port-taken",
  "unknown",
  "other-system",
  "first-start",
] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** A fake at that moment. `every` is the time between two snapshots in milliseconds. */
export async function fakeAt(scenario: Scenario, every = 1000): Promise<FakeBackend> {
  const fake = new FakeBackend({ every });
  if (scenario === "port-taken") fake.knobs.portTakenBy = "LM Studio (process 812)";
  if (scenario === "unknown") fake.knobs.memoryUnknown = true;
  if (scenario === "other-system") Object.assign(fake.knobs, { otherSystem: true, tray: false });
  if (scenario === "first-start") await fake.changeSettings({ first_start_done: false });
  if (scenario !== "stopped") await fake.startServer().catch(() => undefined);
  if (scenario === "empty" || scenario === "first-start") return fake;

  const load = fake.load({
    model: CODER_DIRECTORY,
    settings: {
      ...NOTHING_SAVED,
      load: { ...NOTHING_SAVED.load, context_length: 131_072, kv: kvOf(8, 64, 0), idle_seconds: 1800 },
    },
    anyway: false,
  });
  // Its end may never come: a scenario can stop half-way.
  load.catch(() => undefined);
  if (scenario === "loading") {
    fake.tick();
    fake.tick();
    return fake;
  }
  fake.engine.finishLoad();
  await load;
  pastRequests(fake);
  if (scenario === "crashed") fake.engine.unload("the worker was killed by signal 9 (out of memory?)");
  if (scenario === "serving" || scenario === "unknown" || scenario === "other-system") fake.engine.begin(41_200);
  fake.tick();
  return fake;
}

function pastRequests(fake: FakeBackend): void {
  const { engine } = fake;
  engine.end("pi/1.5.2", 9_812, 214, "tool_calls");
  engine.requests = [refused(engine.model?.name ?? "", Date.now() - 95_000), ...engine.requests];
  engine.end("pi/1.5.2", 24_530, 1_204, "stop");
  engine.end("opencode/1.0.4", 31_077, 96, "cancelled");
  engine.end("pi/1.5.2", 38_410, 2_048, "length");
  engine.end("curl/8.7.1", 18, 42, "stop");
  engine.end("pi/1.5.2", 40_702, 311, "tool_calls");
  // As if they had come one after the other.
  const now = Date.now();
  engine.requests = engine.requests.map((request, index) => ({ ...request, arrived: now - 9_000 - index * 41_000 }));
}
