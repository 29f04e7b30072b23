// The fake's Pi: whether it is connected, and what its file would say.

import type { AppSettings } from "../backend";
import type { ModelState, PiProvider } from "../types";

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
