//! Claude Code: a settings file of our own, `shorn.settings.json`, for `claude --settings`. Its variables go before those
//! of the person's own settings and shell, and only in a session that is started with it.
//!
//! Seen with Claude Code 2.1.330.

use std::ffi::OsString;
use std::path::Path;

use serde_json::{Value, json};

use super::{Folder, Integration};
use crate::config::{ConfigFile, Dialect, JsonEntry};
use crate::provider::Provider;

pub struct Claude;

const ENTRY: JsonEntry = JsonEntry {
    dialect: Dialect::Plain,
    place: &["env"],
    marks: &["/CLAUDE_CODE_ATTRIBUTION_HEADER"],
    schema: None,
};

const FILE: &str = "shorn.settings.json";

impl Integration for Claude {
    fn folder(&self) -> Folder {
        Folder { variable: "CLAUDE_CONFIG_DIR", tilde: false, below_variable: "", below_home: ".claude" }
    }

    fn files(&self, folder: &Path) -> Vec<ConfigFile> {
        vec![ConfigFile::json(folder.join(FILE), ENTRY, entry)]
    }

    fn model(&self, entry: &Value) -> Option<String> {
        entry["ANTHROPIC_MODEL"].as_str().map(str::to_owned)
    }

    fn options(&self, folder: &Path, _: &str) -> Vec<OsString> {
        vec!["--settings".into(), folder.join(FILE).into()]
    }
}

/// The variables. The names of Anthropic's models need none: the server takes them for the chosen model.
fn entry(provider: &Provider) -> Value {
    json!({
        "ANTHROPIC_BASE_URL": provider.root_url(),
        // It goes before a subscription, which is not used then.
        "ANTHROPIC_AUTH_TOKEN": provider.key(),
        "ANTHROPIC_MODEL": provider.model,
        // Else a model that Claude Code does not know is taken to have a million tokens.
        "CLAUDE_CODE_MAX_CONTEXT_TOKENS": provider.context_window.to_string(),
        "CLAUDE_CODE_MAX_OUTPUT_TOKENS": provider.max_tokens.to_string(),
        // A line at the very front of the prompt that differs between conversations.
        "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        // Milliseconds.
        "API_TIMEOUT_MS": "3000000",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::tests::provider;

    #[test]
    fn claude_code_is_told_the_server_without_a_version_and_the_models_limits() {
        let said = entry(&Provider { api_key: Some("k".to_owned()), ..provider("m") });
        assert_eq!(said["ANTHROPIC_BASE_URL"], "http://127.0.0.1:1234");
        assert_eq!(said["ANTHROPIC_AUTH_TOKEN"], "k");
        assert_eq!(said["CLAUDE_CODE_MAX_CONTEXT_TOKENS"], "65536");
        assert_eq!(said["CLAUDE_CODE_MAX_OUTPUT_TOKENS"], "16384");
        assert!(said.as_object().unwrap().values().all(Value::is_string), "an environment holds texts");
    }
}
