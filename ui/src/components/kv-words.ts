// KV caches and bits in words.

import type { KvCache } from "../backend/types";
import { count } from "../format";

/** `8-bit, groups of 64, from the first token`. */
export function kvInWords(kv: KvCache): string {
  if (kv === "dense") return "Unquantized";
  const { key_bits, value_bits, group_size, start } = kv.quantized;
  const width = key_bits === value_bits ? `${key_bits}-bit` : `${key_bits}-bit keys, ${value_bits}-bit values`;
  const from = start === 0 ? "from the first token" : `from ${count(start)} tokens`;
  return `${width}, groups of ${group_size}, ${from}`;
}

/** `8-bit`, `8/4-bit` or `unquantized`. */
export function kvInShort(kv: KvCache): string {
  if (kv === "dense") return "unquantized";
  const { key_bits, value_bits } = kv.quantized;
  return key_bits === value_bits ? `${key_bits}-bit` : `${key_bits}/${value_bits}-bit`;
}
