// Moments in which the fake can begin, chosen by `?scenario=` in the address.

import { FakeBackend } from "../fake";
import type { LibraryModel, ModelState } from "../types";
import { NO_MEMORY, NOTHING_SAVED } from "../none";
import { kvOf } from "./fit";
import { CODER_DIRECTORY } from "./models";
import { MISSED, refused, REUSED } from "./requests";

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
  "downloads",
  "others",
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
  if (scenario === "downloads") downloadAll(fake);
  if (scenario === "others") fake.engine.others = othersOf(fake, (await fake.library()).models);
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
  const missed = engine.end("pi/1.5.2", 38_410, 2_048, "length");
  missed.cache = MISSED;
  if (missed.report) missed.report.cached_tokens = MISSED.cached_tokens;
  engine.end("curl/8.7.1", 18, 42, "stop");
  engine.end("pi/1.5.2", 40_702, 311, "tool_calls").cache = REUSED;
  // As if they had come one after the other.
  const now = Date.now();
  engine.requests = engine.requests.map((request, index) => ({ ...request, arrived: now - 9_000 - index * 41_000 }));
}

/** A download in each state: one is ready, two have failed, one is paused, one runs and one waits. */
function downloadAll(fake: FakeBackend): void {
  const { downloads, knobs } = fake;
  const add = (name: string, seconds: number) => {
    downloads.add(name, 0);
    for (let second = 0; second < seconds; second += 1) downloads.second();
  };
  downloads.bytesPerSecond = 400e6;
  add("mlx-community/Qwen3-0.6B-4bit", 4);
  downloads.bytesPerSecond = 96e6;
  add("northwind-labs/Qwen3-Coder-30B-A3B-Support-4bit", 3);
  add("mlx-community/Qwen3-8B-4bit", 12);
  knobs.downloadTrouble = "disk_full";
  downloads.second();
  knobs.downloadTrouble = null;
  add("mlx-community/Qwen3-32B-4bit", 24);
  downloads.pause("mlx-community/Qwen3-32B-4bit");
  add("mlx-community/Qwen3-Coder-30B-A3B-Instruct-6bit", 74);
  add("mlx-community/Qwen3-14B-6bit", 0);
}

/** Two models that requests named: one answers, one is being loaded. */
function othersOf(fake: FakeBackend, models: LibraryModel[]): ModelState[] {
  const { model } = fake.engine;
  if (model === null) return [];
  const other = (id: number, name: string): ModelState => ({
    ...structuredClone(model),
    id,
    name,
    directory: models.find((found) => found.name === name)?.directory ?? "",
    running: 0,
  });
  const weights = 4_274_000_000;
  const memory = { ...NO_MEMORY, weights, mlx_active: weights + 812_000_000, mlx_cache: 90_000_000 };
  return [
    { ...other(91, "mlx-community/Qwen3-4B-Instruct-2507-8bit"), memory, running: 2 },
    {
      ...other(92, "shorn-embedded"),
      memory: { ...NO_MEMORY, weights: 20_000_000, mlx_active: 20_000_000 },
      phase: { phase: "loading", done: 20_000_000, total: 48_600_000 },
    },
  ];
}
