// The fake's evals: a task is done every other second, and fewer bits fail more of them.

import type {
  EvalAgent,
  EvalProgress,
  EvalRequest,
  EvalRun,
  EvalSetup,
  EvalTask,
  EvalTaskResult,
  KvCache,
  LastEval,
  ModelState,
} from "../types";
import { fakeError } from "./plan";

const TASKS: EvalTask[] = [
  ["cross-file-bug", "A bug in another file", "finds a cause that is not where the test fails"],
  ["from-spec", "A function from its tests", "implements what failing tests describe"],
  ["quoting", "Quotes, tabs and backslashes", "lands an edit over several lines to the byte"],
  ["long-file", "A file of 1,500 lines", "edits a long file and nothing else in it"],
  ["rename", "A rename across files", "finds every use"],
  ["answer-only", "A question", "changes nothing when nothing is to be changed"],
].map(([name = "", title = "", checks = ""]) => ({ name, title, checks }));

/** Of so many bits: the tasks that fail. */
const FAILING: [bits: number, tasks: string[]][] = [
  [16, []],
  [8, []],
  [4, ["long-file"]],
  [3, ["long-file", "quoting"]],
  [2, ["long-file", "quoting", "rename", "from-spec"]],
];

const SECONDS_A_TASK = 2;

export class FakeEvals {
  progress: EvalProgress | null = null;
  private past: EvalRun[] = [];
  private queue: { kv: KvCache; task: EvalTask; first: boolean }[] = [];
  private model: ModelState | null = null;
  private ids = 0;
  private left = 0;
  private readonly missing: () => string[];

  constructor(missing: () => string[]) {
    this.missing = missing;
  }

  setup(): EvalSetup {
    return { tasks: TASKS, agents: ["built_in", "pi"], missing: this.missing() };
  }

  start({ agent, tasks, kv }: EvalRequest, model: ModelState | null, now = Date.now()): void {
    if (this.progress?.run.end === null) throw fakeError("unavailable", "an eval runs already; wait for its end or stop it");
    if (model === null) throw fakeError("unavailable", "no model is loaded; load one first");
    const chosen = TASKS.filter(({ name }) => tasks.length === 0 || tasks.includes(name));
    const caches = kv.length === 0 ? [model.settings.kv] : kv;
    this.model = model;
    this.queue = caches.flatMap((cache) => chosen.map((task, index) => ({ kv: cache, task, first: index === 0 })));
    this.progress = { run: this.run(agent, model.name, chosen, now), current: null };
    this.next(now);
  }

  cancel(): void {
    if (this.progress?.run.end === null) this.finish({ kind: "cancelled" });
  }

  list(): EvalRun[] {
    return structuredClone(this.past);
  }

  delete(id: string): void {
    this.past = this.past.filter((run) => run.id !== id);
  }

  last(model: string, kv: KvCache): LastEval | null {
    for (const run of this.past) {
      const setting = run.settings.find((setting) => run.model === model && bitsOf(setting.kv) === bitsOf(kv));
      if (setting === undefined) continue;
      const passed = setting.tasks.filter(({ outcome }) => outcome.kind === "passed").length;
      return { run: run.id, started: run.started, agent: run.agent, kv: setting.kv, passed, total: setting.tasks.length };
    }
    return null;
  }

  /** One second passes. */
  second(now = Date.now()): void {
    const { progress } = this;
    if (progress === null || progress.current === null) return;
    progress.run.seconds += 1;
    progress.current.turns += 2;
    this.left -= 1;
    if (this.left > 0) return;
    const { task, kv, turns } = progress.current;
    progress.run.settings.at(-1)?.tasks.push(this.result(task, kv, turns));
    this.next(now);
  }

  private next(now: number): void {
    const { progress } = this;
    if (progress === null) return;
    const next = this.queue.shift();
    if (next === undefined) return this.finish({ kind: "completed" });
    if (next.first) progress.run.settings.push({ kv: next.kv, tasks: [] });
    progress.current = { task: next.task.name, kv: next.kv, started: now, turns: 0 };
    this.left = SECONDS_A_TASK;
  }

  private finish(end: EvalRun["end"]): void {
    if (this.progress === null) return;
    this.progress = { run: { ...this.progress.run, end }, current: null };
    this.past = [structuredClone(this.progress.run), ...this.past];
  }

  private run(agent: EvalAgent, model: string, tasks: EvalTask[], started: number): EvalRun {
    this.ids += 1;
    const id = `${started}-${this.ids}`;
    return { id, started, seconds: 0, model, agent, confinement: "seatbelt", temperature: 0, tasks, settings: [], end: null };
  }

  private result(task: string, kv: KvCache, turns: number): EvalTaskResult {
    const bits = bitsOf(kv);
    const failing = FAILING.find(([most]) => bits >= most)?.[1] ?? [];
    const context_tokens = 6_000 + 1_500 * TASKS.findIndex(({ name }) => name === task);
    const detail = "FAILED tests/test_words.py::test_order - AssertionError: assert ['b', 'a'] == ['a', 'b']";
    return {
      task,
      outcome: failing.includes(task) ? { kind: "failed", reason: "tests", detail } : { kind: "passed" },
      seconds: 8.4,
      turns,
      prompt_tokens: context_tokens * turns,
      cached_tokens: Math.round(context_tokens * turns * 0.94),
      generated_tokens: 640,
      decode_tokens_per_second: 84.6,
      peak_memory: (this.model?.memory.weights ?? 0) + context_tokens * bits * 6_000,
      context_tokens,
      kv_bytes: context_tokens * bits * 6_000,
      unparsed_calls: 0,
      failed_calls: failing.includes(task) ? 2 : 0,
      extra_files: [],
    };
  }
}

/** Of keys and values, in the middle. */
const bitsOf = (kv: KvCache): number => (kv === "dense" ? 16 : (kv.quantized.key_bits + kv.quantized.value_bits) / 2);
