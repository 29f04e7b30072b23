//! Pi: one provider in its `models.json`.
//!
//! Fields and defaults: `docs/models-configuration.md` of `@earendil-works/pi-coding-agent` 1.5.2; what each makes Pi
//! send was seen on the wire.

use std::ffi::OsString;
use std::path::Path;

use serde_json::{Value, json};

use super::{Folder, Integration};
use crate::config::{ConfigFile, Dialect, JsonEntry};
use crate::provider::{NAME, PROVIDER, Provider};

pub struct Pi;

/// Where the provider stands in `models.json`.
pub const ENTRY: JsonEntry = JsonEntry {
    dialect: Dialect::LineComments,
    place: &["providers", PROVIDER],
    marks: &["/name", "/api"],
    schema: None,
};

impl Integration for Pi {
    fn folder(&self) -> Folder {
        Folder { variable: "PI_CODING_AGENT_DIR", tilde: true, below_variable: "", below_home: ".pi/agent" }
    }

    fn files(&self, folder: &Path) -> Vec<ConfigFile> {
        vec![ConfigFile::json(folder.join("models.json"), ENTRY, entry)]
    }

    fn model(&self, entry: &Value) -> Option<String> {
        entry["models"][0]["id"].as_str().map(str::to_owned)
    }

    fn options(&self, _: &Path, model: &str) -> Vec<OsString> {
        ["--provider", PROVIDER, "--model", model].map(OsString::from).into()
    }
}

/// The entry under `providers`.
pub fn entry(provider: &Provider) -> Value {
    let mut model = json!({
        "id": provider.model,
        "name": provider.model,
        "reasoning": provider.reasoning,
        "input": if provider.images { json!(["text", "image"]) } else { json!(["text"]) },
        "contextWindow": provider.context_window,
        "maxTokens": provider.max_tokens,
        "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0},
    });
    if provider.reasoning {
        // Else Pi says nothing when thinking is off, and the model thinks.
        model["thinkingLevelMap"] = json!({"off": "none"});
    }
    json!({
        "name": NAME,
        "baseUrl": provider.base_url,
        "api": "openai-completions",
        "apiKey": as_literal(provider.key()),
        "compat": {
            "supportsStore": false,
            "supportsDeveloperRole": false,
            "supportsReasoningEffort": provider.reasoning,
            "maxTokensField": "max_tokens",
            "supportsStrictMode": false,
        },
        "models": [model],
    })
}

/// Pi reads `$NAME` in a key as a variable and a key that begins with `!` as a command to run.
fn as_literal(key: &str) -> String {
    let escaped = key.replace('$', "$$");
    if escaped.starts_with('!') { format!("${escaped}") } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::tests::provider;

    #[test]
    fn pi_is_told_what_the_server_can_and_cannot_do() {
        let plain = Provider { max_tokens: 8192, ..provider("m") };
        let said = entry(&plain);
        assert_eq!(said["api"], "openai-completions");
        assert_eq!(
            said["compat"],
            json!({
                "supportsStore": false, "supportsDeveloperRole": false, "supportsReasoningEffort": false,
                "maxTokensField": "max_tokens", "supportsStrictMode": false,
            })
        );
        assert_eq!(
            said["models"],
            json!([{
                "id": "m", "name": "m", "reasoning": false, "input": ["text"],
                "contextWindow": 65536, "maxTokens": 8192,
                "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0},
            }])
        );
        let said = entry(&Provider { reasoning: true, images: true, ..plain });
        assert_eq!(said["compat"]["supportsReasoningEffort"], true);
        assert_eq!(said["models"][0]["thinkingLevelMap"], json!({"off": "none"}));
        assert_eq!(said["models"][0]["input"], json!(["text", "image"]));
    }

    #[test]
    fn a_key_is_neither_run_nor_looked_up() {
        assert_eq!(as_literal("!rm -rf /"), "$!rm -rf /");
        assert_eq!(as_literal("a$HOME"), "a$$HOME");
    }
}
