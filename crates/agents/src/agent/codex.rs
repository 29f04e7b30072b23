//! Codex: a profile and a model catalog of our own beside its `config.toml`, which stays as it is.
//!
//! Seen with Codex 0.169.0: `--profile shorn` lays `shorn.config.toml` over `config.toml`, may name a provider that only
//! it defines, and is refused while `config.toml` still has a table `[profiles.shorn]`. Codex itself writes to the profile,
//! as when a reasoning effort is chosen. Without a catalog it takes a model that it does not know for one of its own: a
//! prompt of 17 kB, no `apply_patch`, another context window.

use std::ffi::OsString;
use std::path::Path;

use serde_json::{Value, json};

use super::{Folder, Integration};
use crate::config::{ConfigFile, Dialect, JsonEntry, TomlEntry};
use crate::provider::{NAME, PROVIDER, Provider};

pub struct Codex;

const CATALOG: &str = "shorn.models.json";

const CATALOG_ENTRY: JsonEntry =
    JsonEntry { dialect: Dialect::Plain, place: &["models"], marks: &["/0/description"], schema: None };

/// Where the profile defines the provider.
pub const PROFILE_ENTRY: TomlEntry = TomlEntry { table: ["model_providers", PROVIDER], mark: "name" };

impl Integration for Codex {
    fn folder(&self) -> Folder {
        Folder { variable: "CODEX_HOME", tilde: false, below_variable: "", below_home: ".codex" }
    }

    fn files(&self, folder: &Path) -> Vec<ConfigFile> {
        vec![
            ConfigFile::json(folder.join(CATALOG), CATALOG_ENTRY, catalog),
            ConfigFile::toml(folder.join("shorn.config.toml"), PROFILE_ENTRY, profile),
        ]
    }

    fn model(&self, entry: &Value) -> Option<String> {
        entry["model"].as_str().map(str::to_owned)
    }

    fn options(&self, _: &Path, _: &str) -> Vec<OsString> {
        ["--profile", PROVIDER].map(OsString::from).into()
    }
}

/// The keys of the profile.
pub fn profile(provider: &Provider) -> Value {
    let mut ours = json!({"name": NAME, "base_url": provider.base_url, "wire_api": "responses"});
    if let Some(key) = &provider.api_key {
        ours["experimental_bearer_token"] = json!(key);
    }
    json!({
        "model": provider.model,
        "model_provider": PROVIDER,
        // Codex looks for it beside the profile.
        "model_catalog_json": CATALOG,
        // It would be done by OpenAI's server.
        "web_search": "disabled",
        "model_providers": {PROVIDER: ours},
    })
}

/// The models of the catalog.
fn catalog(provider: &Provider) -> Value {
    let effort = |effort: &str, description: &str| json!({"effort": effort, "description": description});
    let mut model = json!({
        "slug": provider.model,
        "display_name": provider.model,
        "description": "Served by Shorn on this machine",
        "base_instructions": include_str!("codex/instructions.md"),
        "context_window": provider.context_window,
        "auto_compact_token_limit": provider.compact_at(),
        "input_modalities": if provider.images { json!(["text", "image"]) } else { json!(["text"]) },
        "supported_reasoning_levels": [],
        "shell_type": "unified_exec",
        "apply_patch_tool_type": "freeform",
        "supports_parallel_tool_calls": true,
        "truncation_policy": {"mode": "tokens", "limit": 10000.min(provider.context_window / 4)},
        "support_verbosity": false,
        "experimental_supported_tools": [],
        "visibility": "list",
        "supported_in_api": true,
        "priority": 1,
    });
    if provider.reasoning {
        model["supported_reasoning_levels"] =
            json!([effort("none", "Answers at once"), effort("medium", "Thinks before it answers")]);
        model["default_reasoning_level"] = json!("medium");
    }
    json!([model])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::tests::provider;

    #[test]
    fn codex_is_told_the_context_and_when_to_compact() {
        let model = &catalog(&provider("m"))[0];
        assert_eq!((&model["slug"], &model["context_window"]), (&json!("m"), &json!(65536)));
        assert_eq!(model["auto_compact_token_limit"], 52429);
        assert_eq!(model["supported_reasoning_levels"], json!([]));
        let thinks = &catalog(&Provider { reasoning: true, ..provider("m") })[0];
        assert_eq!(thinks["default_reasoning_level"], "medium");
    }

    #[test]
    fn a_key_is_sent_only_where_there_is_one() {
        let ours = |api_key: Option<&str>| {
            let said = profile(&Provider { api_key: api_key.map(str::to_owned), ..provider("m") });
            said["model_providers"]["shorn"].clone()
        };
        assert_eq!(ours(None).get("experimental_bearer_token"), None);
        assert_eq!(ours(Some("k"))["experimental_bearer_token"], "k");
    }
}
