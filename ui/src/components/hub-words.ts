// What is said about a model on the Hub.

import type { HubFit, HubModel, SearchOrder } from "../backend/types";
import { contextLength, count, date, parameters, portion } from "../format";
import { kvInShort } from "./kv-words";

/** What it fits with: `8-bit KV, 128K context`; where it does not fit, what it would take. */
export function settingInWords(fit: HubFit): string {
  if (fit.verdict === "too_large") return `needs ${portion(fit.total, fit.limit)}`;
  return `with ${kvInShort(fit.kv)} KV, ${contextLength(fit.context_length)} context`;
}

/** `38 to 92 tok/s, estimated`. */
export function speedInWords({ slowest, fastest }: { slowest: number; fastest: number }): string {
  const digits = fastest < 10 ? 1 : 0;
  const [low, high] = [slowest.toFixed(digits), fastest.toFixed(digits)];
  return `${low === high ? `about ${low}` : `${low} to ${high}`} tok/s, estimated`;
}

/** What it is, as far as it is known; the last fact is what it was ordered by. */
export function factsOf(model: HubModel, order: SearchOrder): string[] {
  const { family, parameters: size, bits, group_size, context_length, downloads, updated } = model;
  return [
    [family, size === null ? null : `${parameters(size)} parameters`].filter((fact) => fact !== null).join(", "),
    bits === null ? "" : group_size === null ? `${bits}-bit` : `${bits}-bit, groups of ${group_size}`,
    context_length === null ? "" : `${contextLength(context_length)} context`,
    order === "updated" ? `updated ${date(updated)}` : `${count(downloads)} downloads`,
  ].filter((fact) => fact !== "");
}
