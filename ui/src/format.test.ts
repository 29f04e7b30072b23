import { describe, expect, it } from "vitest";
import { bytes, capitalized, contextLength, count, date, duration, megabytes, parameters, percent, portion, rate, seconds, sentence, timeLeft } from "./format";

describe("what is not known", () => {
  it("is a dash and never 0", () => {
    for (const format of [bytes, megabytes, count, seconds, duration, timeLeft, contextLength, rate, percent, parameters]) {
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

  it("beside each other are in megabytes at least, and only nothing is 0", () => {
    expect([0, 1, 49_999, 400_000, 999_400, 999_960, 48_600_000, 17_180_000_000].map(megabytes)).toEqual([
      "0 MB",
      "<0.1 MB",
      "<0.1 MB",
      "0.4 MB",
      "1.0 MB",
      "1.0 MB",
      "48.6 MB",
      "17.2 GB",
    ]);
  });

  it("of a whole share its unit where they have the same", () => {
    expect(portion(19_140_000_000, 51_539_607_552)).toBe("19.1 of 51.5 GB");
    expect(portion(48_600_000, 51_539_607_552)).toBe("48.6 MB of 51.5 GB");
    expect(portion(24_300_000, 48_600_000)).toBe("24.3 of 48.6 MB");
    expect(portion(0, 17_180_000_000)).toBe("0 of 17.2 GB");
    expect(portion(1e9, null)).toBe("1.0 GB of –");
    expect(portion(null, null)).toBe("– of –");
  });
});

describe("times", () => {
  it("have the digits that matter", () => {
    expect([0.004, 2.191, 12.34, 59.96, 185].map(seconds)).toEqual(["0.00 s", "2.19 s", "12.3 s", "1 min", "3 min 5 s"]);
  });

  it("that are left are rough, and never nothing while something is left", () => {
    expect([0.2, 40, 59.5, 61, 250, 3599, 4320].map(timeLeft)).toEqual(["1 s", "40 s", "60 s", "1 min", "4 min", "1 h 0 min", "1 h 12 min"]);
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

describe("context lengths", () => {
  it("are in thousands of 1024 where they are whole", () => {
    expect([8192, 40_960, 131_072, 262_144, 1_048_576, 200_000].map(contextLength)).toEqual(["8K", "40K", "128K", "256K", "1M", "200,000"]);
  });
});

describe("dates", () => {
  it("are those of the Hub, whatever the time zone here", () => {
    expect(date("2026-10-21T23:59:00.000Z")).toBe("21 Oct 2026");
    expect([date(null), date("yesterday")]).toEqual(["–", "–"]);
  });
});

describe("messages", () => {
  it("begin with a capital letter, unless they begin with a name", () => {
    expect(["no network", "config.json is not JSON", "macOS 14", ""].map(capitalized)).toEqual(["No network", "config.json is not JSON", "macOS 14", ""]);
  });

  it("end with one full stop", () => {
    expect(["no network", "Try again.", "Why?", ""].map(sentence)).toEqual(["No network.", "Try again.", "Why?", ""]);
  });
});
