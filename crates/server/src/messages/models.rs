//! The list of models as Anthropic's clients read it.

use axum::http::HeaderMap;
use jiff::Timestamp;
use serde::Serialize;

/// The header that Anthropic's clients send with every request.
const VERSION: &str = "anthropic-version";

/// Whether a request comes from a client that reads Anthropic's shapes.
pub fn asks_for_own_shape(headers: &HeaderMap) -> bool {
    headers.contains_key(VERSION)
}

/// One model.
#[derive(Serialize)]
pub struct ModelInfo {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    display_name: String,
    /// RFC 3339.
    created_at: String,
    /// `active`: it can be used.
    lifecycle: &'static str,
    /// Tokens of context.
    max_input_tokens: u32,
}

impl ModelInfo {
    /// A model that was made so many seconds after 1970, with so many tokens of context.
    pub fn new(id: String, display_name: String, created: u64, context_length: u32) -> Self {
        let created = i64::try_from(created).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        Self {
            kind: "model",
            id,
            display_name,
            created_at: created.unwrap_or_default().to_string(),
            lifecycle: "active",
            max_input_tokens: context_length,
        }
    }
}

/// All models, on one page.
#[derive(Serialize)]
pub struct ModelList {
    data: Vec<ModelInfo>,
    has_more: bool,
    first_id: Option<String>,
    last_id: Option<String>,
}

impl ModelList {
    /// The list of these.
    pub fn new(data: Vec<ModelInfo>) -> Self {
        let first_id = data.first().map(|model| model.id.clone());
        let last_id = data.last().map(|model| model.id.clone());
        Self { data, has_more: false, first_id, last_id }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_model_has_anthropics_fields() {
        let model = ModelInfo::new("a/B".to_owned(), "a/B".to_owned(), 1_700_000_000, 4096);
        let list = serde_json::to_value(ModelList::new(vec![model])).unwrap();
        let model = json!({
            "type": "model", "id": "a/B", "display_name": "a/B", "created_at": "2023-11-14T22:13:20Z",
            "lifecycle": "active", "max_input_tokens": 4096
        });
        assert_eq!(list, json!({"data": [model], "has_more": false, "first_id": "a/B", "last_id": "a/B"}));
    }
}
