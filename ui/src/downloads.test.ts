import { describe, expect, it } from "vitest";
import type { Download, DownloadState } from "./backend/types";
import { downloadChanges, progressInWords, shareOfAll, stateInShort } from "./downloads";

const GB = 1e9;

function download(state: DownloadState, part: Partial<Download> = {}): Download {
  return {
    name: "org/model",
    commit: null,
    state,
    files: [],
    bytes: 10 * GB,
    done: 2 * GB,
    bytes_per_second: null,
    seconds_left: null,
    retrying: null,
    ...part,
  };
}

const RUNNING = download({ state: "downloading" }, { bytes_per_second: 96e6, seconds_left: 83 });
const FAILED: DownloadState = { state: "failed", problem: { code: "network", message: "no network", link: null } };

describe("a download in words", () => {
  it("has percent, speed and time left while it runs", () => {
    expect(progressInWords(RUNNING)).toBe("20 % · 96.0 MB/s · 1 min left");
    expect(stateInShort(RUNNING)).toBe("20 %");
  });

  it("leaves out what is not known, and never says 0", () => {
    expect(progressInWords(download({ state: "downloading" }))).toBe("20 %");
    expect(progressInWords(download({ state: "downloading" }, { bytes: null }))).toBe("");
    expect(stateInShort(download({ state: "downloading" }, { bytes: null }))).toBe("–");
  });

  it("is not at 100 % before everything is there", () => {
    expect(stateInShort(download({ state: "downloading" }, { done: 10 * GB - 1 }))).toBe("99 %");
  });

  it("says what is kept after a failure", () => {
    expect(progressInWords(download(FAILED))).toBe("What has arrived is kept: 2.0 GB.");
    expect(progressInWords(download(FAILED, { done: 0 }))).toBe("");
  });
});

describe("all downloads together", () => {
  it("are as far as those that are under way", () => {
    const paused = download({ state: "paused" }, { done: 0 });
    const unknown = download({ state: "preparing" }, { bytes: null });
    expect(shareOfAll([RUNNING, paused, unknown, download({ state: "queued" }, { done: 6 * GB })])).toBe(0.4);
    expect(shareOfAll([paused, unknown])).toBeNull();
  });
});

describe("what a screen reader is told of downloads", () => {
  it("is that they begin and how they end", () => {
    const steps = [[], [download({ state: "queued" })], [RUNNING], [download({ state: "ready", directory: "/m" })]];
    const told = steps.slice(1).map((now, index) => downloadChanges(steps[index] ?? [], now));
    expect(told).toEqual([["Download of org/model begins"], [], ["org/model is downloaded"]]);
  });

  it("is not each figure, nor a pause that the person made", () => {
    expect(downloadChanges([RUNNING], [{ ...RUNNING, done: 3 * GB }])).toEqual([]);
    expect(downloadChanges([RUNNING], [download({ state: "paused" })])).toEqual([]);
  });

  it("is a failure once, and a new beginning", () => {
    const failed = download(FAILED);
    expect(downloadChanges([RUNNING], [failed])).toEqual(["Download of org/model failed: no network"]);
    expect(downloadChanges([failed], [failed])).toEqual([]);
    expect(downloadChanges([failed], [RUNNING])).toEqual(["Download of org/model begins"]);
  });

  it("is a cancellation, and not a dismissal", () => {
    expect(downloadChanges([RUNNING], [])).toEqual(["Download of org/model is cancelled"]);
    expect(downloadChanges([download(FAILED)], [])).toEqual([]);
  });
});
