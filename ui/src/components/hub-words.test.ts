import { describe, expect, it } from "vitest";
import { appAt } from "../test-app";
import { factsOf, settingInWords, speedInWords } from "./hub-words";

async function found(text: string) {
  const { fake } = await appAt("idle");
  const { models } = await fake.searchModels({ text, order: "trending" });
  const [model] = models;
  if (!model) throw new Error(`nothing found for ${text}`);
  return model;
}

describe("a model on the Hub", () => {
  it("has facts, the last of them what it is ordered by", async () => {
    const model = await found("coder instruct 8bit");
    expect(factsOf(model, "trending")).toEqual([
      "qwen3_moe, 30.5 B parameters",
      "8-bit, groups of 64",
      "256K context",
      "12,907 downloads",
    ]);
    expect(factsOf(model, "updated").at(-1)).toBe("updated 2 Aug 2026");
  });

  it("has no facts that are not known", async () => {
    expect(factsOf(await found("untitled-merge"), "size")).toEqual(["17 downloads"]);
  });

  it("says with which KV cache and context it fits, or what it would need", async () => {
    const [eight, large] = [(await found("coder instruct 8bit")).fit, (await found("235b")).fit];
    expect([eight && settingInWords(eight), large && settingInWords(large)]).toEqual([
      "with 8-bit KV, 256K context",
      "needs 135.8 of 51.5 GB",
    ]);
  });
});

describe("an estimated speed", () => {
  it("is a range, and named an estimate", () => {
    expect(speedInWords({ slowest: 38.4, fastest: 122.3 })).toBe("38 to 122 tok/s, estimated");
    expect(speedInWords({ slowest: 2.24, fastest: 4.6 })).toBe("2.2 to 4.6 tok/s, estimated");
    expect(speedInWords({ slowest: 20.1, fastest: 20.3 })).toBe("about 20 tok/s, estimated");
  });
});
