//! opencode: one provider in its global `opencode.json` or `opencode.jsonc`.
//!
//! Seen with opencode 1.18.33: it reads both files, takes comments and trailing commas in either, brings the code of
//! `@ai-sdk/openai-compatible` along, and writes the address of its schema into a file that lacks it.

use std::ffi::OsString;
use std::path::Path;

use serde_json::{Value, json};

use super::{Folder, Integration};
use crate::config::{ConfigFile, Dialect, JsonEntry};
use crate::provider::{NAME, PROVIDER, Provider};

pub struct Opencode;

const ENTRY: JsonEntry = JsonEntry {
    dialect: Dialect::Jsonc,
    place: &["provider", PROVIDER],
    marks: &["/name", "/npm"],
    schema: Some("https://opencode.ai/config.json"),
};

impl Integration for Opencode {
    fn folder(&self) -> Folder {
        Folder {
            variable: "XDG_CONFIG_HOME",
            tilde: false,
            below_variable: "opencode",
            below_home: ".config/opencode",
        }
    }

    fn files(&self, folder: &Path) -> Vec<ConfigFile> {
        let file = |name| ConfigFile::json(folder.join(name), ENTRY, entry);
        let present: Vec<_> = ["opencode.jsonc", "opencode.json"].map(file).into_iter().collect();
        // The one that has our entry, else the one that opencode itself would change, else a new one.
        let ours = present.iter().position(|file| matches!(file.entry(), Ok(Some(_))));
        let chosen = ours.or_else(|| present.iter().position(ConfigFile::exists)).unwrap_or(1);
        present.into_iter().skip(chosen).take(1).collect()
    }

    fn model(&self, entry: &Value) -> Option<String> {
        entry["models"].as_object()?.keys().next().cloned()
    }

    fn options(&self, _: &Path, model: &str) -> Vec<OsString> {
        vec!["--model".into(), format!("{PROVIDER}/{model}").into()]
    }
}

/// The entry under `provider`.
fn entry(provider: &Provider) -> Value {
    let mut model = json!({
        "name": provider.model,
        "tool_call": true,
        "reasoning": provider.reasoning,
        "attachment": provider.images,
        "limit": {"context": provider.context_window, "output": provider.max_tokens},
    });
    if provider.reasoning {
        // Under this name reasoning comes back to us, too.
        model["interleaved"] = json!({"field": "reasoning_content"});
    }
    json!({
        "npm": "@ai-sdk/openai-compatible",
        "name": NAME,
        // By default a reply is given up after five minutes.
        "options": {"baseURL": provider.base_url, "apiKey": provider.key(), "timeout": false},
        "models": {provider.model.as_str(): model},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::tests::provider;

    #[test]
    fn opencode_is_told_the_models_limits() {
        let said = entry(&provider("org/m"));
        assert_eq!(said["models"]["org/m"]["limit"], json!({"context": 65536, "output": 16384}));
        assert_eq!(Opencode.model(&said).as_deref(), Some("org/m"));
        assert_eq!(Opencode.options(Path::new("/"), "org/m"), ["--model", "shorn/org/m"]);
    }

    #[test]
    fn the_file_that_opencode_would_change_itself_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let chosen = || {
            let files = Opencode.files(folder.path());
            assert_eq!(files.len(), 1);
            files[0].path().file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(chosen(), "opencode.json");
        std::fs::write(folder.path().join("opencode.json"), "{}").unwrap();
        assert_eq!(chosen(), "opencode.json");
        std::fs::write(folder.path().join("opencode.jsonc"), "{}").unwrap();
        assert_eq!(chosen(), "opencode.jsonc");
        let ours = json!({"provider": {"shorn": entry(&provider("m"))}});
        std::fs::write(folder.path().join("opencode.json"), ours.to_string()).unwrap();
        assert_eq!(chosen(), "opencode.json", "where we are already");
    }
}
