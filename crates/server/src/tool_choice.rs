//! Which tools a request wants called, in OpenAI's two dialects.

use serde_json::Value;
use shorn_chat::conversation::ToolChoice;

use crate::error::ApiError;

/// Reads `tool_choice`. `name` makes a tool's name of its own and its namespace.
///
/// # Errors
/// 400 for what names no tool of the client's.
pub fn tool_choice(
    choice: Option<&Value>,
    name: impl Fn(&str, Option<&str>) -> String,
) -> Result<ToolChoice, ApiError> {
    let refuse =
        |problem: String| Err(ApiError::bad_parameter("tool_choice", format!("tool_choice: {problem}")));
    let choice = match choice {
        None | Some(Value::Null) => return Ok(ToolChoice::Auto),
        Some(Value::String(word)) => {
            return match word.as_str() {
                "auto" => Ok(ToolChoice::Auto),
                "none" => Ok(ToolChoice::None),
                "required" => Ok(ToolChoice::Required),
                other => refuse(format!("`{other}` is not one of auto, none, required")),
            };
        }
        Some(choice) => choice,
    };
    let kind = choice.get("type").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "function" | "custom" => match named(choice, &name) {
            Some(named) => Ok(ToolChoice::Named(named)),
            None => refuse(format!("a {kind} needs a name")),
        },
        "allowed_tools" => {
            // The chat dialect has it under the type's name once more.
            let allowed = choice.get("allowed_tools").unwrap_or(choice);
            let tools = allowed.get("tools").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let names: Option<Vec<String>> = tools.iter().map(|tool| named(tool, &name)).collect();
            let required = match allowed.get("mode").and_then(Value::as_str) {
                None | Some("auto") => false,
                Some("required") => true,
                Some(other) => return refuse(format!("mode `{other}` is not one of auto, required")),
            };
            match names {
                Some(names) if !names.is_empty() => Ok(ToolChoice::Allowed { names, required }),
                _ => refuse(
                    "allowed_tools needs `tools`, each a function or a custom tool with a name".to_owned(),
                ),
            }
        }
        other => {
            refuse(format!("`{other}` is no tool that can be called here; name a function or a custom tool"))
        }
    }
}

/// The name of a function or a custom tool, which stands under the type's name in the chat dialect.
fn named(tool: &Value, name: impl Fn(&str, Option<&str>) -> String) -> Option<String> {
    let kind = tool.get("type").and_then(Value::as_str)?;
    if !matches!(kind, "function" | "custom") {
        return None;
    }
    let fields = tool.get(kind).unwrap_or(tool);
    let namespace = fields.get("namespace").and_then(Value::as_str);
    Some(name(fields.get("name")?.as_str()?, namespace))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(choice: Value) -> Result<ToolChoice, ApiError> {
        tool_choice(Some(&choice), |name, _| name.to_owned())
    }

    #[test]
    fn both_dialects_name_tools_in_their_own_way() {
        let named = ToolChoice::Named("read".to_owned());
        let chat = json!({"type": "function", "function": {"name": "read"}});
        let responses = json!({"type": "function", "name": "read"});
        let custom = json!({"type": "custom", "custom": {"name": "read"}});
        for choice in [chat.clone(), responses.clone(), custom] {
            assert_eq!(parse(choice), Ok(named.clone()));
        }
        let allowed = |required| ToolChoice::Allowed { names: vec!["read".to_owned()], required };
        let of_chat =
            json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [chat]}});
        assert_eq!(parse(of_chat), Ok(allowed(true)));
        let of_responses = json!({"type": "allowed_tools", "mode": "auto", "tools": [responses]});
        assert_eq!(parse(of_responses), Ok(allowed(false)));
    }

    #[test]
    fn what_cannot_be_called_here_is_refused() {
        for wrong in [
            json!("always"),
            json!({"type": "web_search"}),
            json!({"type": "function"}),
            json!({"type": "allowed_tools", "mode": "auto", "tools": []}),
            json!({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}]}),
            json!(5),
        ] {
            let error = parse(wrong).unwrap_err().to_event_data();
            assert!(error.contains("\"param\":\"tool_choice\""), "{error}");
        }
    }
}
