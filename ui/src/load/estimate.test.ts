import { describe, expect, it } from "vitest";
import { FakeBackend } from "../backend/fake";
import { kvOf } from "../backend/fake/fit";
import { CODER_DIRECTORY, fakeModels } from "../backend/fake/models";
import { NO_OPTIONS } from "../backend/none";
import { estimateSegments, groupSizeRefusals, savingInWords, choiceOf, verdictInWords } from "./estimate";

const GIB = 2 ** 30;
const fake = new FakeBackend({ every: 0 });
const whole = { ...NO_OPTIONS, context_length: 262_144 };

describe("the estimate of Qwen3-Coder-30B-A3B", () => {
  // Figures of issue 3: 98,304 bytes a token, 24 GiB at 256K, about 12.8 GiB in 8 bits with groups of 64.
  it("has the KV bytes of its real configuration", async () => {
    const dense = (await fake.estimate(CODER_DIRECTORY, whole)).fit;
    expect([dense.kv_dense_bytes_per_token, dense.kv]).toEqual([98_304, 24 * GIB]);
    const eight = (await fake.estimate(CODER_DIRECTORY, { ...whole, kv: kvOf(8) })).fit;
    expect(eight.kv / GIB).toBeCloseTo(12.75);
  });

  it("is a picture whose parts make the total", async () => {
    const { fit } = await fake.estimate(CODER_DIRECTORY, whole);
    const { segments, limitAt } = estimateSegments(fit);
    expect(segments.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(fit.total);
    expect(segments.at(-1)).toMatchObject({ share: fit.buffer_cache / fit.limit });
    expect(limitAt).toBe(1);
    expect(verdictInWords({ ...fit, total: fit.limit + 2e9, verdict: "too_large" })).toBe("Does not fit: 2.0 GB too much.");
  });

  it("says what each choice saves", async () => {
    const { kv_choices } = await fake.estimate(CODER_DIRECTORY, whole);
    expect(savingInWords(kv_choices, choiceOf(kv_choices, 8))).toBe("13.7 GB, saves 12.1 GB");
    expect(savingInWords([], undefined)).toBe("–");
  });
});

describe("group sizes that a model cannot take", () => {
  it("come with the reason", async () => {
    const embedded = fakeModels().find(({ model }) => model.origin === "embedded")?.model.directory ?? "";
    const refusals = await groupSizeRefusals(fake, embedded);
    expect([refusals[32], refusals[64]]).toEqual([null, null]);
    expect(refusals[128]).toContain("head dimension 64; choose 32 or 64");
  });
});
