//! One server and one model as an entry of Pi's `models.json`.
//!
//! Fields and defaults: `docs/models-configuration.md` of `@earendil-works/pi-coding-agent` 1.5.2; what each makes Pi
//! send was seen on the wire.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};
use ts_rs::TS;

use super::PiError;
use super::document::pretty;

/// Our key under `providers`: `pi --provider shorn`.
pub const PROVIDER: &str = "shorn";

/// The provider's display name, by which we know our own entry.
const NAME: &str = "Shorn";
const API: &str = "openai-completions";

/// Pi leaves out models of a provider without a key; a server without one takes any.
const NO_KEY: &str = "none";

/// What Pi has to know about a server and its model.
#[derive(Clone, PartialEq, Eq, Serialize, TS)]
pub struct PiProvider {
    /// Where the server is, with `/v1`: `http://127.0.0.1:1234/v1`.
    pub base_url: String,
    /// The model's name in requests.
    pub model: String,
    /// The model's name for people.
    pub display_name: String,
    /// Tokens of prompt and reply together; Pi compacts a session in time when this is right.
    pub context_window: u32,
    /// Tokens that Pi asks for at most in one reply.
    pub max_tokens: u32,
    /// Whether the model reasons before it answers, and can be told not to.
    pub reasoning: bool,
    /// Whether the model takes images.
    pub images: bool,
    /// The server's key, when it wants one. It is written into the file.
    pub api_key: Option<String>,
}

impl fmt::Debug for PiProvider {
    /// All but the key, which has no place in a log.
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .debug_struct("PiProvider")
            .field("base_url", &self.base_url)
            .field("model", &self.model)
            .field("display_name", &self.display_name)
            .field("context_window", &self.context_window)
            .field("max_tokens", &self.max_tokens)
            .field("reasoning", &self.reasoning)
            .field("images", &self.images)
            .field("api_key", &self.api_key.as_ref().map(|_| "..."))
            .finish()
    }
}

/// Tokens that an agent may ask for in one reply: a whole file, and not all of the context.
const LONGEST_REPLY: u32 = 16384;

impl PiProvider {
    /// What Pi has to know about a server at `base_url` and the model that it serves.
    pub fn new(
        base_url: String,
        model: &str,
        context_length: u32,
        reasoning: bool,
        api_key: Option<String>,
    ) -> Self {
        Self {
            base_url,
            model: model.to_owned(),
            display_name: model.to_owned(),
            context_window: context_length,
            max_tokens: LONGEST_REPLY.min(context_length / 4).max(1),
            reasoning,
            images: false,
            api_key,
        }
    }

    /// A whole `models.json` with this provider and nothing else, to copy.
    ///
    /// # Errors
    /// When Pi would refuse the file.
    pub fn models_json(&self) -> Result<String, PiError> {
        Ok(models_json(&self.entry()?))
    }

    /// The entry under `providers`.
    pub(super) fn entry(&self) -> Result<Value, PiError> {
        self.check()?;
        let mut model = json!({
            "id": self.model,
            "name": self.display_name,
            "reasoning": self.reasoning,
            "input": if self.images { json!(["text", "image"]) } else { json!(["text"]) },
            "contextWindow": self.context_window,
            "maxTokens": self.max_tokens,
            "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0},
        });
        if self.reasoning {
            // Else Pi says nothing when thinking is off, and the model thinks.
            model["thinkingLevelMap"] = json!({"off": "none"});
        }
        Ok(json!({
            "name": NAME,
            "baseUrl": self.base_url,
            "api": API,
            "apiKey": as_literal(self.api_key.as_deref().unwrap_or(NO_KEY)),
            "compat": {
                "supportsStore": false,
                "supportsDeveloperRole": false,
                "supportsReasoningEffort": self.reasoning,
                "maxTokensField": "max_tokens",
                "supportsStrictMode": false,
            },
            "models": [model],
        }))
    }

    /// Reads an entry that we wrote, also an older one.
    ///
    /// Ours bears our display name and API, has one model, and has no field that we never write: what somebody added by
    /// hand would be lost in an update. Values of our fields may be any.
    ///
    /// # Errors
    /// What tells that it is not ours.
    pub(super) fn read(entry: &Value) -> Result<Self, String> {
        let everything = Self { reasoning: true, ..Self::any() }.entry().unwrap_or_default();
        if let Some(field) = unknown_field(entry, &everything, "") {
            return Err(format!("it has `{field}`"));
        }
        for (field, ours) in [("name", NAME), ("api", API)] {
            if entry[field] != ours {
                return Err(format!("its `{field}` is not \"{ours}\""));
            }
        }
        let model = &entry["models"][0];
        if entry["models"].as_array().is_none_or(|models| models.len() != 1) {
            return Err("it does not have one model".to_owned());
        }
        let missing = |field: &'static str| move || format!("its `{field}` is missing or of another kind");
        let text = |value: &Value, field| value.as_str().map(str::to_owned).ok_or_else(missing(field));
        let count = |value: &Value, field| {
            value.as_u64().and_then(|count| u32::try_from(count).ok()).ok_or_else(missing(field))
        };
        let api_key = from_literal(&text(&entry["apiKey"], "apiKey")?);
        Ok(Self {
            base_url: text(&entry["baseUrl"], "baseUrl")?,
            model: text(&model["id"], "models[0].id")?,
            display_name: text(&model["name"], "models[0].name")?,
            context_window: count(&model["contextWindow"], "models[0].contextWindow")?,
            max_tokens: count(&model["maxTokens"], "models[0].maxTokens")?,
            reasoning: model["reasoning"] == true,
            images: model["input"].as_array().is_some_and(|input| input.iter().any(|kind| kind == "image")),
            api_key: Some(api_key).filter(|key| key != NO_KEY),
        })
    }

    /// One field that Pi does not take, and all providers in the file are gone: so it is never written.
    fn check(&self) -> Result<(), PiError> {
        let scheme = ["http://", "https://"].iter().find_map(|scheme| self.base_url.strip_prefix(scheme));
        let problem = if scheme.is_none_or(|host| host.is_empty() || host.contains(char::is_whitespace)) {
            "its base URL is not one: expected something like http://127.0.0.1:1234/v1"
        } else if self.model.is_empty() || self.display_name.is_empty() {
            "the model has no name"
        } else if self.context_window == 0 || self.max_tokens == 0 {
            "a context window or a reply of 0 tokens"
        } else if self.api_key.as_deref() == Some("") {
            "the key is empty: expected a key or none"
        } else {
            return Ok(());
        };
        Err(PiError::Provider { problem })
    }

    fn any() -> Self {
        Self {
            base_url: "http://localhost/v1".to_owned(),
            model: NAME.to_owned(),
            display_name: NAME.to_owned(),
            context_window: 1,
            max_tokens: 1,
            reasoning: false,
            images: false,
            api_key: None,
        }
    }
}

/// A whole `models.json` with this entry and nothing else.
pub(super) fn models_json(entry: &Value) -> String {
    pretty(&json!({"providers": {PROVIDER: entry}}), "  ") + "\n"
}

/// Where `found` has a field that `known` lacks. All elements of an array are alike.
fn unknown_field(found: &Value, known: &Value, path: &str) -> Option<String> {
    match found {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            match known.get(name) {
                Some(known) => unknown_field(value, known, &path),
                None => Some(path),
            }
        }),
        Value::Array(elements) => elements.iter().enumerate().find_map(|(index, element)| {
            unknown_field(element, known.get(0).unwrap_or(&Value::Null), &format!("{path}[{index}]"))
        }),
        _ => None,
    }
}

/// Pi reads `$NAME` in a key as a variable and a key that begins with `!` as a command to run.
fn as_literal(key: &str) -> String {
    let escaped = key.replace('$', "$$");
    if escaped.starts_with('!') { format!("${escaped}") } else { escaped }
}

fn from_literal(text: &str) -> String {
    let text = if text.starts_with("$!") { &text[1..] } else { text };
    text.replace("$$", "$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pi_is_told_what_the_server_can_and_cannot_do() {
        let provider = PiProvider { context_window: 65536, max_tokens: 8192, ..PiProvider::any() };
        let entry = provider.entry().unwrap();
        assert_eq!(entry["api"], "openai-completions");
        assert_eq!(
            entry["compat"],
            json!({
                "supportsStore": false, "supportsDeveloperRole": false, "supportsReasoningEffort": false,
                "maxTokensField": "max_tokens", "supportsStrictMode": false,
            })
        );
        assert_eq!(
            entry["models"],
            json!([{
                "id": "Shorn", "name": "Shorn", "reasoning": false, "input": ["text"],
                "contextWindow": 65536, "maxTokens": 8192,
                "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0},
            }])
        );
        let entry = PiProvider { reasoning: true, images: true, ..provider }.entry().unwrap();
        assert_eq!(entry["compat"]["supportsReasoningEffort"], true);
        assert_eq!(entry["models"][0]["thinkingLevelMap"], json!({"off": "none"}));
        assert_eq!(entry["models"][0]["input"], json!(["text", "image"]));
    }

    #[test]
    fn the_text_to_copy_is_a_whole_file() {
        let text = PiProvider::any().models_json().unwrap();
        assert!(
            text.starts_with("{\n  \"providers\": {\n    \"shorn\": {\n      \"name\": \"Shorn\",\n"),
            "{text}"
        );
        assert!(text.ends_with("\n    }\n  }\n}\n"), "{text}");
    }

    #[test]
    fn an_entry_is_read_back_as_it_was_written() {
        let plain = PiProvider::any();
        let reasoning = PiProvider { reasoning: true, images: true, ..plain.clone() };
        let keys = ["!rm -rf /", "$HOME", "a$$b$!c", "$!x", "plain", "${A}"]
            .map(|key| PiProvider { api_key: Some(key.to_owned()), ..plain.clone() });
        for provider in keys.into_iter().chain([plain, reasoning]) {
            assert_eq!(PiProvider::read(&provider.entry().unwrap()), Ok(provider));
        }
    }

    #[test]
    fn a_key_is_neither_run_nor_looked_up() {
        assert_eq!(as_literal("!rm -rf /"), "$!rm -rf /");
        assert_eq!(as_literal("a$HOME"), "a$$HOME");
    }

    #[test]
    fn a_key_is_not_in_debug_output() {
        let provider = PiProvider { api_key: Some("secret".to_owned()), ..PiProvider::any() };
        assert!(!format!("{provider:?}").contains("secret"));
    }

    #[test]
    fn an_entry_of_an_older_version_with_fewer_fields_is_ours_and_one_with_more_is_not() {
        let mut entry = PiProvider::any().entry().unwrap();
        entry["compat"].as_object_mut().unwrap().remove("supportsStrictMode");
        assert!(PiProvider::read(&entry).is_ok());
        entry["models"][0]["samplingParams"] = json!({"temperature": 0});
        assert_eq!(PiProvider::read(&entry), Err("it has `models[0].samplingParams`".to_owned()));
    }

    #[test]
    fn what_pi_would_refuse_is_not_written() {
        let refused = |provider: PiProvider| provider.models_json().unwrap_err().to_string();
        let base_url = refused(PiProvider { base_url: "127.0.0.1:1234".to_owned(), ..PiProvider::any() });
        assert!(base_url.contains("expected something like http://127.0.0.1:1234/v1"), "{base_url}");
        let model = refused(PiProvider { model: String::new(), ..PiProvider::any() });
        assert!(model.contains("the model has no name"), "{model}");
        let tokens = refused(PiProvider { max_tokens: 0, ..PiProvider::any() });
        assert!(tokens.contains("0 tokens"), "{tokens}");
        let key = refused(PiProvider { api_key: Some(String::new()), ..PiProvider::any() });
        assert!(key.contains("the key is empty"), "{key}");
    }
}
