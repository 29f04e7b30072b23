import { describe, expect, it } from "vitest";
import { bytes, count, duration, gigabytes, parameters, percent, rate, seconds } from "./format";

describe("what is not known", () => {
  it("is a dash and never 0", () => {
    for (const format of [bytes, gigabytes, count, seconds, duration, rate, percent, parameters]) {
      expect([format(null), format(undefined), format(Number.NaN)]).toEqual(["–", "–", "–"]);
    }
  });
});

describe("bytes", () => {
  it("are in powers of 1000, as everywhere in Shorn", () => {
    expect(bytes(2 ** 30)).toBe("1.1 GB");
    expect([0, 512, 52_224, 469_000_000, 17_180_000_000].map(bytes)).toEqual([
      "0 B",
      "512 B",
      "52.2 kB",
      "469 MB",
      "17.2 GB",
    ]);
  });

  it("take the next unit when they round up to it", () => {
    expect(bytes(999_960_000)).toBe("1.0 GB");
    expect(bytes(999_900_000)).toBe("1000 MB");
  });

  it("can go without their unit", () => {
    expect(gigabytes(51_539_607_552)).toBe("51.5");
  });
});

describe("times", () => {
  it("have the digits that matter", () => {
    expect([0.004, 2.191, 12.34, 59.96, 185].map(seconds)).toEqual(["0.00 s", "2.19 s", "12.3 s", "1 min", "3 min 5 s"]);
  });

  it("of settings are said whole", () => {
    expect([90, 60, 1800, 3600, 7200].map(duration)).toEqual(["90 seconds", "1 minute", "30 minutes", "1 hour", "2 hours"]);
  });
});

describe("counts", () => {
  it("have separators", () => {
    expect([0, 262_144].map(count)).toEqual(["0", "262,144"]);
  });

  it("of parameters are in billions or millions", () => {
    expect([30_532_122_624, 24_300_000, 900].map(parameters)).toEqual(["30.5 B", "24 M", "900"]);
  });
});
