// The chat view's conversation. It lives as long as the window, so that changing views loses nothing.

import { asBackendError, type Backend } from "../backend/backend";
import type { BackendError, ChatEvent, CompletedRequest } from "../backend/types";

export interface ToolCall {
  index: number;
  name: string;
  /** JSON, perhaps not ended yet. */
  json: string;
}

export interface Turn {
  question: string;
  reasoning: string;
  answer: string;
  calls: ToolCall[];
  /** What it cost; `null` while it runs. */
  request: CompletedRequest | null;
  error: BackendError | null;
}

export class Conversation {
  turns = $state.raw<Turn[]>([]);
  running = $state(false);
  private abort: AbortController | null = null;

  async send(backend: Backend, question: string): Promise<void> {
    if (this.running || question.trim() === "") return;
    const answered = this.turns.filter(({ answer }) => answer !== "");
    const messages = answered.flatMap(({ question: asked, answer }) => [
      { role: "user" as const, content: asked },
      { role: "assistant" as const, content: answer },
    ]);
    this.turns = [...this.turns, { question, reasoning: "", answer: "", calls: [], request: null, error: null }];
    this.running = true;
    const abort = new AbortController();
    this.abort = abort;
    // A reply that goes on after `clear` belongs to no turn any more.
    const change = (step: (turn: Turn) => Turn) => this.abort === abort && this.changeLast(step);
    try {
      const all = [...messages, { role: "user" as const, content: question }];
      await backend.chat(all, (event) => change((turn) => applied(turn, event)), abort.signal);
    } catch (thrown) {
      change((turn) => ({ ...turn, error: asBackendError(thrown) }));
    } finally {
      if (this.abort === abort) this.running = false;
    }
  }

  stop(): void {
    this.abort?.abort();
  }

  clear(): void {
    this.stop();
    this.abort = null;
    this.running = false;
    this.turns = [];
  }

  private changeLast(step: (last: Turn) => Turn): void {
    const last = this.turns.at(-1);
    if (last) this.turns = [...this.turns.slice(0, -1), step(last)];
  }
}

/** A turn after an event. */
export function applied(turn: Turn, event: ChatEvent): Turn {
  switch (event.type) {
    case "reasoning":
      return { ...turn, reasoning: turn.reasoning + event.text };
    case "content":
      return { ...turn, answer: turn.answer + event.text };
    case "tool_call_start":
      return { ...turn, calls: [...turn.calls, { index: event.index, name: event.name, json: "" }] };
    case "tool_call_arguments": {
      const add = (call: ToolCall) => (call.index === event.index ? { ...call, json: call.json + event.json } : call);
      return { ...turn, calls: turn.calls.map(add) };
    }
    case "finished":
      return { ...turn, request: event.request };
  }
}
