//! Renders conversations with a model's chat template: `render FOLDER CONVERSATIONS.json`.
//!
//! The file holds a list of `{"messages": [...], "tools": [...], "kwargs": {...}}` in OpenAI's form. Prints a list of
//! `{"text": ...}` or `{"error": ...}`. `compare_templates.py` sets the results beside Jinja2's.

use std::error::Error;
use std::path::Path;

use serde_json::{Map, Value, json};
use shorn_chat::conversation::{Conversation, Message, Role, Tool, ToolCall};
use shorn_chat::template::ChatTemplate;

fn main() -> Result<(), Box<dyn Error>> {
    let [folder, file] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "usage: render FOLDER FILE")?;
    let template = ChatTemplate::from_folder(Path::new(&folder))?;
    let conversations: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let rendered: Vec<Value> = conversations
        .iter()
        .map(|value| match template.render(&conversation(value), true) {
            Ok(text) => json!({ "text": text }),
            Err(error) => json!({ "error": error.to_string() }),
        })
        .collect();
    println!("{}", Value::from(rendered));
    Ok(())
}

fn conversation(value: &Value) -> Conversation {
    let list = |name: &str| value[name].as_array().cloned().unwrap_or_default();
    Conversation {
        messages: list("messages").iter().map(message).collect(),
        tools: list("tools").into_iter().filter_map(Tool::from_json).collect(),
        template_kwargs: value["kwargs"].as_object().cloned().unwrap_or_else(Map::new),
        ..Conversation::default()
    }
}

fn message(value: &Value) -> Message {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    let role = match value["role"].as_str() {
        Some("system") => Role::System,
        Some("developer") => Role::Developer,
        Some("assistant") => Role::Assistant,
        Some("tool") => Role::Tool,
        _ => Role::User,
    };
    let calls = value["tool_calls"].as_array().cloned().unwrap_or_default();
    let call = |call: &Value| ToolCall {
        id: call["id"].as_str().unwrap_or_default().to_owned(),
        name: call["function"]["name"].as_str().unwrap_or_default().to_owned(),
        arguments: call["function"]["arguments"].as_str().unwrap_or_default().to_owned(),
    };
    Message {
        role,
        content: text("content"),
        reasoning: text("reasoning_content"),
        tool_calls: calls.iter().map(call).collect(),
        tool_call_id: text("tool_call_id"),
        name: text("name"),
    }
}
