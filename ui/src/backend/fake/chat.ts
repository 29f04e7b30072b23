// The fake's reply in the chat view.

import type { ChatEvent } from "../types";

const REASONING =
  "The person asks for a small function. I should check the edge cases first: an empty list, and one with a single entry.";

const REPLY = `Here is a function that groups lines by their **first word**:

\`\`\`python
def group(lines):
    groups = {}
    for line in lines:
        word = line.split(maxsplit=1)[0]
        groups.setdefault(word, []).append(line)
    return groups
\`\`\`

- It keeps the order in which words first appear.
- An empty line would end it with an \`IndexError\`; see [the manual](https://docs.python.org/3/library/stdtypes.html).`;

/** The events of one reply, in the order in which they come. */
export function replyEvents(question: string): ChatEvent[] {
  const pieces = (text: string) => text.match(/\s*\S+\s*/g) ?? [];
  const events: ChatEvent[] = pieces(REASONING).map((text) => ({ type: "reasoning", text }));
  if (/weather|tool|file/i.test(question)) {
    events.push({ type: "tool_call_start", index: 0, name: "read_file" });
    for (const json of ['{"path":', ' "src/', 'main.rs"}']) {
      events.push({ type: "tool_call_arguments", index: 0, json });
    }
    return events;
  }
  return [...events, ...pieces(REPLY).map((text): ChatEvent => ({ type: "content", text }))];
}
