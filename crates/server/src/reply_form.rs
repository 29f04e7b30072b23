//! What a request says its reply has to be.

use serde_json::{Value, json};
use shorn_chat::output::ReplyForm;

use crate::error::ApiError;

/// Reads `{"type": "json_schema", ...}` and its siblings. The schema stands under `json_schema` in the chat dialect and
/// beside the type in the others.
///
/// # Errors
/// 400, naming the field.
pub fn reply_form(format: Option<&Value>, field: &str) -> Result<ReplyForm, ApiError> {
    let refuse = |problem: &str| Err(ApiError::bad_parameter(field, format!("{field}: {problem}")));
    let Some(format) = format.filter(|format| !format.is_null()) else { return Ok(ReplyForm::Free) };
    match format.get("type").and_then(Value::as_str) {
        Some("text") => Ok(ReplyForm::Free),
        Some("json_object") => Ok(ReplyForm::Json(json!({"type": "object"}))),
        Some("json_schema") => {
            let schema = format.get("json_schema").unwrap_or(format).get("schema");
            match schema {
                Some(schema @ Value::Object(_)) => Ok(ReplyForm::Json(schema.clone())),
                _ => refuse("`json_schema` needs a `schema`, which has to be an object"),
            }
        }
        Some(other) => refuse(&format!("`{other}` is not one of text, json_object, json_schema")),
        None => refuse("must have a `type`: text, json_object or json_schema"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_stands_where_each_dialect_has_it() {
        let schema = json!({"type": "array"});
        let expected = ReplyForm::Json(schema.clone());
        let chat =
            json!({"type": "json_schema", "json_schema": {"name": "x", "strict": true, "schema": schema}});
        let other = json!({"type": "json_schema", "name": "x", "schema": schema});
        assert_eq!(reply_form(Some(&chat), "response_format"), Ok(expected.clone()));
        assert_eq!(reply_form(Some(&other), "text.format"), Ok(expected));
        for free in [None, Some(&Value::Null), Some(&json!({"type": "text"}))] {
            assert_eq!(reply_form(free, "f"), Ok(ReplyForm::Free));
        }
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for wrong in [
            json!({}),
            json!("json"),
            json!({"type": "grammar"}),
            json!({"type": "json_schema"}),
            json!({"type": "json_schema", "json_schema": {"schema": 5}}),
        ] {
            let error = reply_form(Some(&wrong), "text.format").unwrap_err().to_event_data();
            assert!(error.contains("\"param\":\"text.format\""), "{error}");
        }
    }
}
