// What is said about a request.

import type { SamplingOrigin } from "../backend/types";

/** `pi 1.5.2` for `pi/1.5.2 (darwin; arm64)`. */
export function clientInShort(client: string | null): string {
  const first = client?.trim().split(/\s/)[0];
  return first ? first.replace("/", " ") : "Unknown";
}

export function finishInWords(finish: string): string {
  const words: Record<string, string> = {
    stop: "Complete",
    tool_calls: "Tool call",
    length: "Length limit",
    cancelled: "Cancelled",
    error: "Error",
  };
  return words[finish] ?? finish;
}

/** Who decided a sampling value. */
export function originInWords(origin: SamplingOrigin | undefined): string {
  switch (origin) {
    case "request":
      return "the request";
    case "saved":
      return "your settings";
    case "generation_config":
      return "the model's makers";
    case "default":
      return "default";
    case undefined:
      return "–";
  }
}
