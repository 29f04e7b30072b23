import { describe, expect, it } from "vitest";
import { NO_OPTIONS, NOTHING_SAVED } from "../backend/none";
import type { KvCache, SavedSettings } from "../backend/types";
import { appAt } from "../test-app";
import { draftOf, isLoadedLikeThis, kvOfDraft, optionsOf, problems, settingsOf, withAdvice } from "./draft";

const LONGEST = 262_144;
const fresh = () => draftOf(NOTHING_SAVED, LONGEST);

describe("a draft where nothing is saved", () => {
  it("is the model's whole context, unquantized", () => {
    expect(optionsOf(fresh(), NOTHING_SAVED)).toEqual({
      ...NO_OPTIONS,
      context_length: LONGEST,
      kv: "dense",
      max_concurrent: 4,
      idle_seconds: 0,
    });
  });

  it("offers 8 bits in groups of 64 from 5000 tokens", () => {
    const kv: KvCache = { quantized: { key_bits: 8, value_bits: 8, group_size: 64, start: 5000 } };
    expect(kvOfDraft({ ...fresh(), quantize: true })).toEqual(kv);
  });
});

describe("saved settings", () => {
  const saved: SavedSettings = {
    sampling: { ...NOTHING_SAVED.sampling, temperature: 0.2, seed: 7 },
    load: {
      context_length: 32_768,
      kv: { quantized: { key_bits: 8, value_bits: 4, group_size: 32, start: 0 } },
      max_concurrent: 2,
      prompt_cache_bytes: 2_500_000_000,
      memory_limit: 40_000_000_000,
      idle_seconds: 1800,
    },
  };

  it("come back as they were, with what the dialog does not show", () => {
    expect(settingsOf(draftOf(saved, LONGEST), saved)).toEqual(saved);
  });

  it("of a longer context than the model has are cut to it", () => {
    expect(draftOf(saved, 4096).context_length).toBe(4096);
  });
});

describe("problems", () => {
  it("name the field and what it takes", () => {
    const wrong = { ...fresh(), context_length: LONGEST + 1, max_concurrent: 0, idle: true, idle_minutes: null };
    const found = problems(wrong, LONGEST);
    expect(Object.keys(found).sort()).toEqual(["context_length", "idle_minutes", "max_concurrent"]);
    expect(found.context_length).toContain("262,144");
  });

  it("are not looked for in fields that do not count", () => {
    const unused = { ...fresh(), start: null, idle_minutes: null, seed: null, prompt_cache_gigabytes: null };
    expect(problems(unused, LONGEST)).toEqual({});
  });

  it("are found in all that do", () => {
    const used = {
      ...fresh(),
      quantize: true,
      start: -1,
      fixed_seed: true,
      seed: 1.5,
      own_prompt_cache: true,
      prompt_cache_gigabytes: null,
    };
    expect(Object.keys(problems(used, LONGEST)).sort()).toEqual(["prompt_cache_gigabytes", "seed", "start"]);
  });
});

describe("advice", () => {
  it("changes what it names and nothing else", () => {
    const kv: KvCache = { quantized: { key_bits: 4, value_bits: 4, group_size: 64, start: 0 } };
    const advised = withAdvice(fresh(), kv, null);
    expect(kvOfDraft(advised)).toEqual(kv);
    expect(advised.context_length).toBe(LONGEST);
    expect(withAdvice(fresh(), null, 8192)).toEqual({ ...fresh(), context_length: 8192 });
  });
});

describe("a loaded model", () => {
  it("is as the settings say until one of them changes", async () => {
    const { app } = await appAt("idle");
    const settings = app.model?.settings;
    if (!settings) throw new Error("nothing is loaded");
    const like = (change: object, idle = 1800) => isLoadedLikeThis(app.model, { ...settings, ...change }, idle);
    expect(like({})).toBe(true);
    expect([like({ kv: "dense" }), like({ context_length: 4096 }), like({ max_concurrent: 1 }), like({}, 0)]).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});
