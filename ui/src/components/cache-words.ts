// Why a prompt's cache was reused, or was not.

import type { CacheReuse, MissCause, SessionMark } from "../backend/types";

const CAUSES: Record<MissCause, string> = {
  other_model: "Another model",
  kv_changed: "Another KV cache setting",
  model_reloaded: "The model was loaded again",
  evicted: "No longer kept",
  still_running: "The last request still runs",
  system_changed: "The instructions changed",
  tool_order: "Tools in another order",
  tool_list: "Other tools",
  tool_schema: "A tool's schema changed",
  template_settings: "A setting of the template changed",
  template_date: "The template writes the time",
  template_rewrites: "The template rewrites earlier messages",
  reasoning_dropped: "Reasoning was left out",
  reasoning_changed: "Reasoning came back changed",
  argument_order: "Arguments in another order",
  number_format: "A number in another notation",
  argument_format: "Arguments in another notation",
  arguments_changed: "Arguments changed",
  white_space: "White space",
  message_changed: "A message changed",
  message_inserted: "A message came in between",
  message_removed: "A message is gone",
  compaction: "The history was compacted",
  reply_changed: "The last reply came back changed",
  reply_not_kept: "The last reply is not remembered",
};

const MARKS: Record<SessionMark, string> = {
  session_id: "the client's session id",
  previous_response: "the response it goes on from",
  same_beginning: "its beginning",
};

export const causeInWords = (cause: MissCause): string => CAUSES[cause];
export const markInWords = (mark: SessionMark): string => MARKS[mark];

/** Tokens from the cache over those that it could have held; 1 when there were none. */
export function reusedShare({ cached_tokens, unchanged_tokens }: CacheReuse): number {
  return unchanged_tokens === 0 ? 1 : Math.min(1, cached_tokens / unchanged_tokens);
}
