// The fake's Pi: whether it is connected, and what its file would say.

import type { AppSettings, BackendError, ModelState, PiAdded, PiConnection, PiProvider, PiRemoved } from "../types";

/** A whole `models.json`, as `PiProvider::models_json` writes it. */
export function modelsJson(provider: PiProvider): string {
  const entry = {
    name: "Shorn",
    baseUrl: provider.base_url,
    api: "openai-completions",
    apiKey: provider.api_key ?? "none",
    compat: {
      supportsStore: false,
      supportsDeveloperRole: false,
      supportsReasoningEffort: provider.reasoning,
      maxTokensField: "max_tokens",
      supportsStrictMode: false,
    },
    models: [
      {
        id: provider.model,
        name: provider.display_name,
        reasoning: provider.reasoning,
        input: provider.images ? ["text", "image"] : ["text"],
        contextWindow: provider.context_window,
        maxTokens: provider.max_tokens,
        cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
      },
    ],
  };
  return `${JSON.stringify({ providers: { shorn: entry } }, null, 2)}\n`;
}

/** What Pi has to know about the fake's server and model. */
export function providerOf(model: ModelState, settings: AppSettings): PiProvider {
  return {
    base_url: `http://127.0.0.1:${settings.port}/v1`,
    model: model.name,
    display_name: model.name.split("/").at(-1) ?? model.name,
    context_window: model.settings.context_length,
    max_tokens: Math.min(8192, model.settings.context_length),
    reasoning: false,
    images: false,
    api_key: settings.api_key,
  };
}

/** What is in Pi's file. */
export class FakePi {
  private readonly state: () => "not_installed" | "not_connected" | "unusable";
  private connected: PiProvider | null = null;

  constructor(state: () => "not_installed" | "not_connected" | "unusable") {
    this.state = state;
  }

  /** `now` is what would be written now; `null` without a model. */
  connection(now: PiProvider | null): PiConnection {
    const models_path = FILE;
    const state = this.state();
    if (state === "not_installed") return { models_path, status: { kind: "not_installed" } };
    if (state === "unusable") return { models_path, status: { kind: "unusable", error: UNUSABLE } };
    if (this.connected === null) return { models_path, status: { kind: "not_connected" } };
    const current = JSON.stringify(this.connected) === JSON.stringify(now);
    return { models_path, status: { kind: "connected", provider: this.connected, current } };
  }

  add(provider: PiProvider): PiAdded {
    if (this.state() === "unusable") throw UNUSABLE;
    const before = this.connected;
    this.connected = provider;
    return before === null ? { kind: "added", backup: `${FILE}.before-shorn` } : { kind: "updated" };
  }

  remove(): PiRemoved {
    const before = this.connected;
    this.connected = null;
    return before === null ? "nothing_there" : "restored";
  }
}

const FILE = "/Users/ada/.pi/agent/models.json";

const UNUSABLE: BackendError = {
  code: "pi_unusable",
  message:
    `${FILE}, line 4, column 7: expected a comma; expected JSON as Pi reads it. ` +
    "Nothing was changed; correct the file and try again",
};
