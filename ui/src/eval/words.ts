// What is said about an eval.

import type { Confinement, EvalAgent, EvalOutcome, EvalRun, EvalSetting, EvalTaskResult, KvCache } from "../backend/types";

const AGENTS: Record<EvalAgent, string> = { built_in: "Shorn's own agent", pi: "Pi", other: "Another program" };

const CONFINED: Record<Confinement, string> = {
  bubblewrap: "confined by bubblewrap",
  seatbelt: "confined by Seatbelt",
  none: "not confined",
};

export const agentInWords = (agent: EvalAgent): string => AGENTS[agent];
export const confinementInWords = (confinement: Confinement): string => CONFINED[confinement];

export function outcomeInWords(outcome: EvalOutcome): string {
  if (outcome.kind === "passed") return "Passed";
  switch (outcome.reason) {
    case "tests":
      return "Tests fail";
    case "tampered":
      return "Changed what must stay";
    case "time_limit":
      return "Out of time";
    case "turn_limit":
      return "Out of turns";
    case "agent":
      return "Agent failed";
  }
}

/** How a run ended; empty for one that tried everything. */
export function endInWords({ end }: EvalRun): string {
  switch (end?.kind) {
    case undefined:
      return "Running";
    case "completed":
      return "";
    case "cancelled":
      return "Cancelled";
    case "failed":
      return `Failed: ${end.why}`;
  }
}

export const passed = (setting: EvalSetting): number =>
  setting.tasks.filter(({ outcome }) => outcome.kind === "passed").length;

/** The task that filled the KV cache the most. */
export function longest({ tasks }: EvalSetting): EvalTaskResult | null {
  return tasks.reduce<EvalTaskResult | null>(
    (most, task) => (most === null || task.context_tokens > most.context_tokens ? task : most),
    null,
  );
}

/** Generated tokens per second over all tasks that tell. */
export function decodeRate({ tasks }: EvalSetting): number | null {
  let [tokens, time] = [0, 0];
  for (const { decode_tokens_per_second: rate, generated_tokens } of tasks) {
    if (rate === null || rate <= 0) continue;
    tokens += generated_tokens;
    time += generated_tokens / rate;
  }
  return time === 0 ? null : tokens / time;
}

/** What can be chosen for the KV health check, from the first token on: short tasks then say something about long ones. */
export function kvChoices(group_size: number): [name: string, kv: KvCache][] {
  const bits = [[8, 8], [8, 4], [4, 4], [3, 3], [2, 2]] as const;
  const quantized = bits.map(([key_bits, value_bits]): [string, KvCache] => [
    key_bits === value_bits ? `${key_bits}-bit` : `${key_bits}-bit keys, ${value_bits}-bit values`,
    { quantized: { key_bits, value_bits, group_size, start: 0 } } as KvCache,
  ]);
  return [["Unquantized", "dense"], ...quantized];
}
