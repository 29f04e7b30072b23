// What downloads say: where they stand, how far they are, and what changed.

import type { Download } from "./backend/types";
import { bytes, percent, timeLeft } from "./format";

/** It waits, or something arrives. */
export function isActive({ state: { state } }: Download): boolean {
  return state === "queued" || state === "preparing" || state === "downloading";
}

/** From 0 to 1; `null` where it is not known how much there is. */
export function shareOf({ bytes: whole, done }: Pick<Download, "bytes" | "done">): number | null {
  return whole === null || whole === 0 ? null : Math.min(1, done / whole);
}

/** Of all that is under way; `null` where nothing is, or nothing is known of it. */
export function shareOfAll(downloads: Download[]): number | null {
  const known = downloads.filter((download) => isActive(download) && download.bytes !== null);
  const sum = (field: "bytes" | "done") => known.reduce((all, download) => all + (download[field] ?? 0), 0);
  return shareOf({ bytes: sum("bytes"), done: sum("done") });
}

/** `99 %` until everything is there. */
export function percentDone(share: number | null): string {
  return percent(share === null ? null : Math.floor(share * 100) / 100);
}

/** In a word or two: `Waiting`, `42 %`, `Paused`. */
export function stateInShort(download: Download): string {
  switch (download.state.state) {
    case "queued":
      return "Waiting";
    case "preparing":
      return "Preparing";
    case "downloading":
      return percentDone(shareOf(download));
    case "paused":
      return "Paused";
    case "ready":
      return "Ready";
    case "failed":
      return "Failed";
  }
}

/** What is beside the bar: `19 % · 96.0 MB/s · 4 min left`. */
export function progressInWords(download: Download): string {
  const share = shareOf(download);
  const known = share === null ? [] : [percentDone(share)];
  switch (download.state.state) {
    case "queued":
      return ["Waiting for the downloads before it", ...known].join(" · ");
    case "preparing":
      return "Asking the Hub for its files…";
    case "paused":
      return ["Paused", ...known].join(" · ");
    case "downloading": {
      const { bytes_per_second: speed, seconds_left: left } = download;
      if (speed !== null) known.push(`${bytes(speed)}/s`);
      if (left !== null) known.push(`${timeLeft(left)} left`);
      return known.join(" · ");
    }
    case "ready":
      return `${bytes(download.bytes)}, verified`;
    case "failed":
      return download.done > 0 ? `What has arrived is kept: ${bytes(download.done)}.` : "";
  }
}

/** Begins and ends for somebody who does not see the window; nothing for mere progress. */
export function downloadChanges(before: Download[], now: Download[]): string[] {
  const changes = now.flatMap((download) => {
    const { name, state } = download;
    const old = before.find((candidate) => candidate.name === name);
    if (isActive(download)) return old !== undefined && isActive(old) ? [] : [`Download of ${name} begins`];
    if (old?.state.state === state.state) return [];
    if (state.state === "ready") return [`${name} is downloaded`];
    return state.state === "failed" ? [`Download of ${name} failed: ${state.problem.message}`] : [];
  });
  const gone = before.filter((old) => isActive(old) && !now.some(({ name }) => name === old.name));
  return [...changes, ...gone.map(({ name }) => `Download of ${name} is cancelled`)];
}
