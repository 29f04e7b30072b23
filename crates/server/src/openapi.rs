//! `GET /openapi.json`: every route, in OpenAPI 3.1, written by hand beside the routes in `openapi/`.
//!
//! The tests compare it with the router and with the fields that bodies are read into; `tests/tests/openapi.rs` has
//! schemathesis compare it with what a server answers. What is sent is closed (`additionalProperties: false`), so that a
//! new field of an answer fails there; what is received is open where unknown fields are ignored.

use std::sync::LazyLock;

use axum::Json;
use serde_json::Value;

/// The frame, with what all parts use, and the parts.
const PARTS: [&str; 11] = [
    include_str!("openapi/document.json"),
    include_str!("openapi/chat_completions.json"),
    include_str!("openapi/completions.json"),
    include_str!("openapi/responses.json"),
    include_str!("openapi/response_items.json"),
    include_str!("openapi/messages.json"),
    include_str!("openapi/models.json"),
    include_str!("openapi/status.json"),
    include_str!("openapi/management.json"),
    include_str!("openapi/fit.json"),
    include_str!("openapi/hub.json"),
];

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = Value::Null;
    for part in PARTS {
        let part = serde_json::from_str(part).expect("the parts are JSON, which a test checks");
        merge(&mut document, part);
    }
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    document
});

/// The route.
pub async fn openapi() -> Json<&'static Value> {
    Json(&DOCUMENT)
}

/// Adds the fields of an object to another, object by object.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{chat_completions, completions, downloads, management, messages, responses};

    fn schema(name: &str) -> &'static Value {
        let schema = &DOCUMENT["components"]["schemas"][name];
        assert!(schema.is_object(), "there is no schema {name}");
        schema
    }

    /// The properties of a schema and of those that it is put together from.
    fn properties(schema: &'static Value) -> BTreeSet<&'static str> {
        let own = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        let parts = schema["allOf"].as_array().into_iter().flatten();
        own.chain(parts.flat_map(|part| properties(referred(part)))).collect()
    }

    fn referred(schema: &'static Value) -> &'static Value {
        match schema["$ref"].as_str() {
            Some(to) => DOCUMENT.pointer(to.trim_start_matches('#')).unwrap_or_else(|| panic!("no {to}")),
            None => schema,
        }
    }

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    /// The routes in the text of `lib.rs`, since a router does not tell them.
    fn routes() -> BTreeSet<String> {
        let source = include_str!("lib.rs").lines().filter_map(|line| line.trim().strip_prefix(".route(\""));
        source
            .flat_map(|route| {
                let (path, handlers) = route.split_once('"').unwrap();
                let methods = ["get", "post", "put", "patch", "delete"];
                let found = methods.into_iter().filter(|method| handlers.contains(&format!("{method}(")));
                found.map(|method| format!("{method} {}", path.replace('*', ""))).collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn every_route_is_documented_and_no_other() {
        let methods = |operations: &'static Value| {
            let names = operations.as_object().unwrap().keys().map(String::as_str);
            names.filter(|name| *name != "parameters")
        };
        let paths = DOCUMENT["paths"].as_object().unwrap().iter();
        let documented: BTreeSet<String> = paths
            .flat_map(|(path, operations)| methods(operations).map(move |method| format!("{method} {path}")))
            .collect();
        assert!(routes().len() > 20, "{:?}", routes());
        assert_eq!(documented, routes());
    }

    #[test]
    fn every_field_that_a_body_is_read_into_is_documented_and_no_other() {
        for (name, fields) in [
            ("ChatRequest", chat_completions::fields()),
            ("CompletionRequest", completions::fields()),
            ("ResponsesRequest", responses::fields()),
            // One type is read for both; a count has the fields that make up the prompt.
            ("MessagesRequest", messages::fields()),
            ("LoadRequest", management::load_fields()),
            ("UnloadRequest", management::unload_fields()),
            ("DownloadRequest", downloads::fields()),
        ] {
            assert_eq!(properties(schema(name)), fields.iter().copied().collect(), "in {name}");
        }
    }

    #[test]
    fn whatever_is_referred_to_is_there_and_no_part_replaces_another() {
        let mut found = Vec::new();
        references(&DOCUMENT, &mut found);
        for reference in &found {
            assert!(DOCUMENT.pointer(reference.trim_start_matches('#')).is_some(), "there is no {reference}");
        }
        let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap();
        for name in schemas.keys() {
            assert!(
                found.iter().any(|reference| reference.ends_with(&format!("/{name}"))),
                "nothing uses {name}"
            );
        }
        let in_parts = |field: &str| -> usize {
            let count = |part: &str| {
                let part: Value = serde_json::from_str(part).unwrap();
                part.pointer(field).and_then(Value::as_object).map_or(0, serde_json::Map::len)
            };
            PARTS.into_iter().map(count).sum()
        };
        assert_eq!(in_parts("/components/schemas"), schemas.len());
        assert_eq!(in_parts("/paths"), DOCUMENT["paths"].as_object().unwrap().len());
    }
}
