// The fake's downloads: one at a time, three files of it in parallel, further with each second.

import type { Download, DownloadFile, DownloadProblem, ProblemCode } from "../types";
import { type ListedModel, ON_THE_HUB } from "./hub-models";
import type { FakeKnobs } from "./knobs";
import { fakeError } from "./plan";

const PARALLEL = 3;
const SHARD = 5_300_000_000;
const SMALL_FILES: [string, number][] = [
  ["tokenizer.json", 11_422_654],
  ["vocab.json", 2_776_833],
  ["merges.txt", 1_671_853],
  ["chat_template.jinja", 6_207],
  ["config.json", 1_184],
  ["generation_config.json", 180],
];
const TRIES_EVERY = 8;

export class FakeDownloads {
  list: Download[] = [];
  bytesPerSecond = 96_000_000;
  private readonly trouble: () => FakeKnobs["downloadTrouble"];
  private readonly onready: (model: ListedModel) => string;

  /** `onready` puts a model on the disk, and answers with its folder. */
  constructor(trouble: () => FakeKnobs["downloadTrouble"], onready: (model: ListedModel) => string) {
    this.trouble = trouble;
    this.onready = onready;
  }

  /** `already` is what an earlier download left on the disk, in bytes. */
  add(name: string, already: number): void {
    const listed = listedAs(name);
    const there = this.list.find((download) => download.name === name);
    if (there !== undefined) return this.resume(there.name);
    if (listed.download_bytes === null) throw fakeError("not_on_hub", `${name} has no files that could be downloaded`);
    this.list.push({
      name,
      commit: null,
      state: { state: "queued" },
      files: [],
      bytes: null,
      done: already,
      bytes_per_second: null,
      seconds_left: null,
      retrying: null,
    });
  }

  find(name: string): Download {
    const found = this.list.find((download) => download.name === name);
    if (found === undefined) throw fakeError("not_on_hub", `there is no download of ${name}`);
    return found;
  }

  pause(name: string): void {
    this.stop(this.find(name), { state: "paused" });
  }

  resume(name: string): void {
    const download = this.find(name);
    const { state } = download.state;
    if (state === "paused" || state === "failed") download.state = { state: "queued" };
  }

  /** Takes it off the list. */
  remove(name: string): void {
    const gone = this.find(name);
    this.list = this.list.filter((download) => download !== gone);
  }

  /** One second passes. */
  second(): void {
    const active = ["downloading", "preparing", "queued"];
    const download = active.flatMap((name) => this.list.filter(({ state }) => state.state === name))[0];
    if (download === undefined) return;
    const trouble = listedAs(download.name).gated ? "gated" : this.trouble();
    if (trouble === "retrying") this.wait(download);
    else if (trouble !== null) this.stop(download, { state: "failed", problem: problemOf(trouble, download.name) });
    else if (download.state.state === "queued") download.state = { state: "preparing" };
    else this.receive(download);
  }

  private receive(download: Download): void {
    if (download.commit === null) prepare(download);
    let budget = this.bytesPerSecond;
    let waiting: DownloadFile[];
    while (budget > 0 && (waiting = download.files.filter(({ verified }) => !verified).slice(0, PARALLEL)).length > 0) {
      const each = Math.ceil(budget / waiting.length);
      for (const file of waiting) {
        const received = Math.min(file.bytes - file.done, each, budget);
        file.done += received;
        file.verified = file.done === file.bytes;
        budget -= received;
      }
    }
    download.done = sum(download.files, "done");
    const left = (download.bytes ?? 0) - download.done;
    if (left === 0) {
      this.stop(download, { state: "ready", directory: this.onready(listedAs(download.name)) });
      return;
    }
    download.state = { state: "downloading" };
    download.retrying = null;
    download.bytes_per_second = this.bytesPerSecond;
    download.seconds_left = Math.ceil(left / this.bytesPerSecond);
  }

  private wait(download: Download): void {
    const seconds = (download.retrying?.seconds ?? TRIES_EVERY + 1) - 1;
    this.stop(download, { state: "downloading" });
    download.retrying = { why: "the connection broke off", seconds: seconds > 0 ? seconds : TRIES_EVERY };
  }

  private stop(download: Download, state: Download["state"]): void {
    Object.assign(download, { state, bytes_per_second: null, seconds_left: null, retrying: null });
  }
}

function listedAs(name: string): ListedModel {
  const listed = ON_THE_HUB.find((model) => model.name === name);
  if (listed === undefined) throw fakeError("not_on_hub", `there is no model ${name} on the Hub`);
  return listed;
}

/** The Hub says which files there are, and what of them is on the disk already. */
function prepare(download: Download): void {
  let weights = (listedAs(download.name).download_bytes ?? 0) - SMALL_FILES.reduce((all, [, bytes]) => all + bytes, 0);
  const shards = Math.ceil(weights / SHARD);
  const files: [string, number][] = [];
  for (let shard = 1; shard <= shards; shard += 1) {
    const bytes = Math.min(weights, SHARD);
    const number = (value: number) => String(value).padStart(5, "0");
    files.push([shards === 1 ? "model.safetensors" : `model-${number(shard)}-of-${number(shards)}.safetensors`, bytes]);
    weights -= bytes;
  }
  let already = download.done;
  download.files = [...files, ...SMALL_FILES].map(([path, bytes]) => {
    const done = Math.min(already, bytes);
    already -= done;
    return { path, bytes, done, verified: done === bytes };
  });
  download.commit = "b1d7e6a90f3c42d18c55a0e2f7c1d9e83b6a4410";
  download.bytes = sum(download.files, "bytes");
}

const sum = (files: DownloadFile[], field: "bytes" | "done") => files.reduce((all, file) => all + file[field], 0);

function problemOf(code: Exclude<FakeKnobs["downloadTrouble"], "retrying" | null>, name: string): DownloadProblem {
  const page = `https://huggingface.co/${name}`;
  const problems: Record<typeof code, [message: string, link: string | null]> = {
    gated: ["its licence has to be accepted on the Hub first: accept it there, then try again", page],
    network: ["the connection to the Hub broke off five times: check the network, then try again", null],
    disk_full: ["the disk has 3.1 GB left, and 14.0 GB are still to come: free some space, then try again", null],
  };
  const [message, link] = problems[code];
  return { code: code satisfies ProblemCode, message, link };
}
