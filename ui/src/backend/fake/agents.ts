// The fake's coding agents: which are connected, and what their files would say.

import type {
  Added,
  Agent,
  AgentConfig,
  AgentConnection,
  AppSettings,
  BackendError,
  ConfigText,
  ModelState,
  Removed,
} from "../types";
import { HOME } from "./models";

/** What an agent has to know about the fake's server and model. */
export interface Provider {
  base_url: string;
  model: string;
  context_window: number;
  api_key: string;
}

export function providerOf(model: ModelState, settings: AppSettings): Provider {
  return {
    base_url: `http://127.0.0.1:${settings.port}/v1`,
    model: model.name,
    context_window: model.settings.context_length,
    api_key: settings.api_key ?? "none",
  };
}

interface FakeAgent {
  name: string;
  path: string;
  /** Without its command. */
  options: (model: string) => string;
  files: (provider: Provider) => ConfigText[];
}

const json = (path: string, value: unknown): ConfigText => ({ path, text: `${JSON.stringify(value, null, 2)}\n` });

const AGENTS: Record<Agent, FakeAgent> = {
  pi: {
    name: "Pi",
    path: `${HOME}/.pi/agent/models.json`,
    options: (model) => `--provider shorn --model ${model}`,
    files: ({ base_url, model, context_window, api_key }) => {
      const models = [{ id: model, name: model, input: ["text"], contextWindow: context_window, maxTokens: 16384 }];
      const shorn = { name: "Shorn", baseUrl: base_url, api: "openai-completions", apiKey: api_key, models };
      return [json(AGENTS.pi.path, { providers: { shorn } })];
    },
  },
  codex: {
    name: "Codex",
    path: `${HOME}/.codex/shorn.config.toml`,
    options: () => "--profile shorn",
    files: ({ base_url, model, context_window }) => [
      json(`${HOME}/.codex/shorn.models.json`, { models: [{ slug: model, context_window }] }),
      {
        path: AGENTS.codex.path,
        text:
          `model = "${model}"\nmodel_provider = "shorn"\nmodel_catalog_json = "shorn.models.json"\n\n` +
          `[model_providers.shorn]\nname = "Shorn"\nbase_url = "${base_url}"\nwire_api = "responses"\n`,
      },
    ],
  },
  claude: {
    name: "Claude Code",
    path: `${HOME}/.claude/shorn.settings.json`,
    options: () => `--settings ${AGENTS.claude.path}`,
    files: ({ base_url, model, context_window, api_key }) => {
      const env = {
        ANTHROPIC_BASE_URL: base_url.replace("/v1", ""),
        ANTHROPIC_AUTH_TOKEN: api_key,
        ANTHROPIC_MODEL: model,
        CLAUDE_CODE_MAX_CONTEXT_TOKENS: String(context_window),
      };
      return [json(AGENTS.claude.path, { env })];
    },
  },
  opencode: {
    name: "opencode",
    path: `${HOME}/.config/opencode/opencode.json`,
    options: (model) => `--model shorn/${model}`,
    files: ({ base_url, model, context_window, api_key }) => {
      const models = { [model]: { name: model, limit: { context: context_window, output: 16384 } } };
      const options = { baseURL: base_url, apiKey: api_key };
      const shorn = { npm: "@ai-sdk/openai-compatible", name: "Shorn", options, models };
      return [json(AGENTS.opencode.path, { $schema: "https://opencode.ai/config.json", provider: { shorn } })];
    },
  },
};

/** How Pi's file is; of the others Codex is not there, and the rest are not connected. */
export type PiFile = "not_installed" | "not_connected" | "unusable";

/** What is in the agents' files. */
export class FakeAgents {
  private readonly pi: () => PiFile;
  private readonly connected = new Map<Agent, Provider>();

  constructor(pi: () => PiFile) {
    this.pi = pi;
  }

  /** `now` is what would be written now; `null` without a model. */
  connections(now: Provider | null): AgentConnection[] {
    return (Object.keys(AGENTS) as Agent[]).map((agent) => {
      const { name, path } = AGENTS[agent];
      return { agent, name, path, status: this.status(agent, now) };
    });
  }

  config(agent: Agent, provider: Provider): AgentConfig {
    const { files, options } = AGENTS[agent];
    return { files: files(provider), command: `${agent} ${options(provider.model)}` };
  }

  add(agent: Agent, provider: Provider): Added {
    if (agent === "pi" && this.pi() === "unusable") throw UNUSABLE;
    const before = this.connected.get(agent);
    this.connected.set(agent, provider);
    if (before !== undefined) return { kind: "updated" };
    return agent === "pi" ? { kind: "added", backup: `${AGENTS.pi.path}.before-shorn` } : { kind: "created" };
  }

  remove(agent: Agent): Removed {
    if (!this.connected.delete(agent)) return "nothing_there";
    return agent === "pi" ? "restored" : "deleted";
  }

  private status(agent: Agent, now: Provider | null): AgentConnection["status"] {
    const provider = this.connected.get(agent);
    if (agent === "pi" && this.pi() === "unusable") return { kind: "unusable", error: UNUSABLE };
    if (provider !== undefined) {
      return { kind: "connected", model: provider.model, current: JSON.stringify(provider) === JSON.stringify(now) };
    }
    const there = agent === "pi" ? this.pi() === "not_connected" : agent !== "codex";
    return { kind: there ? "not_connected" : "not_installed" };
  }
}

const UNUSABLE: BackendError = {
  code: "agent_file_unusable",
  message:
    `${AGENTS.pi.path}, line 4, column 7: expected a comma; expected a file that Pi can read. ` +
    "Nothing was changed; correct the file and try again",
};
