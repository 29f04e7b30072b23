//! Input items as messages.
//!
//! What one reply of the model was is one message again: its reasoning, its text and its calls come as items of their
//! own.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shorn_chat::conversation::{Message, Role, ToolCall};

use super::tools::{INPUT, Tools};
use crate::chat_completions::text_of;
use crate::error::ApiError;

/// What somebody said.
#[derive(Deserialize)]
struct MessageItem {
    role: String,
    /// A text, or parts.
    content: Option<Value>,
}

/// What the model thought.
#[derive(Deserialize)]
struct ReasoningItem {
    /// In the model's own words.
    content: Option<Vec<ReasoningPart>>,
    /// In those of another server, which keeps the model's own to itself.
    summary: Option<Vec<ReasoningPart>>,
}

#[derive(Deserialize)]
struct ReasoningPart {
    text: String,
}

/// A call of a function or of a custom tool.
#[derive(Deserialize)]
struct CallItem {
    call_id: String,
    name: String,
    namespace: Option<String>,
    /// A function's arguments: JSON text.
    arguments: Option<String>,
    /// A custom tool's text.
    input: Option<String>,
    /// `incomplete` for one that was cut off.
    status: Option<String>,
}

/// What a call came to.
#[derive(Deserialize)]
struct OutputItem {
    call_id: String,
    /// A text, or parts.
    output: Value,
}

/// Reads a value into its type.
///
/// # Errors
/// 400, naming the field within `field`.
pub fn typed<T: DeserializeOwned>(value: &Value, field: &str) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let field = match error.path().to_string().as_str() {
            "." => field.to_owned(),
            path => format!("{field}.{path}"),
        };
        ApiError::bad_parameter(&field, format!("{field}: {}", error.inner()))
    })
}

/// Messages that grow item by item.
#[derive(Debug, Default)]
pub struct Transcript {
    messages: Vec<Message>,
    /// The model's names of the tools that were called, by call id.
    called: HashMap<String, String>,
}

impl Transcript {
    /// The system message that `instructions` are.
    pub fn instructions(&mut self, text: &str) {
        self.messages.push(Message::text(Role::System, text));
    }

    /// All messages.
    pub fn finish(self) -> Vec<Message> {
        self.messages
    }

    /// Adds an item. References to items have been looked up before.
    ///
    /// # Errors
    /// 400, naming the field within `field`.
    pub fn item(&mut self, item: &Value, field: &str) -> Result<(), ApiError> {
        match kind(item) {
            "message" => self.message(typed(item, field)?, field),
            "reasoning" => {
                self.reasoning(typed(item, field)?);
                Ok(())
            }
            kind @ ("function_call" | "custom_tool_call") => {
                let call: CallItem = typed(item, field)?;
                let (present, missing) = match kind {
                    "function_call" => (call.arguments.is_some(), "arguments"),
                    _ => (call.input.is_some(), "input"),
                };
                if !present {
                    let field = format!("{field}.{missing}");
                    return Err(ApiError::bad_parameter(&field, format!("{field}: a {kind} must have it")));
                }
                self.call(call);
                Ok(())
            }
            "function_call_output" | "custom_tool_call_output" => self.output(typed(item, field)?, field),
            other => {
                let message = format!("{field}: items of type `{other}` are not supported; leave them out");
                Err(ApiError::bad_parameter(field, message))
            }
        }
    }

    fn message(&mut self, item: MessageItem, field: &str) -> Result<(), ApiError> {
        let role = match item.role.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            "developer" => Role::Developer,
            other => {
                let field = format!("{field}.role");
                let message = format!("{field}: `{other}` is not one of user, assistant, system, developer");
                return Err(ApiError::bad_parameter(field, message));
            }
        };
        let field = format!("{field}.content");
        let Some(text) = text_of(item.content, &field)? else {
            let message = format!("{field}: a message must have content");
            return Err(ApiError::bad_parameter(field, message));
        };
        if role != Role::Assistant {
            self.messages.push(Message::text(role, text));
            return Ok(());
        }
        // Text after calls was written in the same reply; text after text was not.
        let message = self.reply(|message| message.content.is_none() || !message.tool_calls.is_empty());
        message.content.get_or_insert_default().push_str(&text);
        Ok(())
    }

    /// Reasoning that another server has encrypted is of no use to this model and is left out.
    fn reasoning(&mut self, item: ReasoningItem) {
        let words = item.content.filter(|content| !content.is_empty());
        let separator = if words.is_some() { "" } else { "\n\n" };
        let parts: Vec<String> =
            words.or(item.summary).unwrap_or_default().into_iter().map(|part| part.text).collect();
        if !parts.is_empty() {
            let message = self.reply(|message| message.content.is_none() && message.tool_calls.is_empty());
            message.reasoning.get_or_insert_default().push_str(&parts.join(separator));
        }
    }

    /// A call that was cut off was never made: it is left out.
    fn call(&mut self, item: CallItem) {
        if item.status.as_deref() == Some("incomplete") {
            return;
        }
        let name = Tools::offered_name(&item.name, item.namespace.as_deref());
        self.called.insert(item.call_id.clone(), name.clone());
        let arguments = item.input.map(|input| json!({INPUT: input}).to_string()).or(item.arguments);
        let call = ToolCall { id: item.call_id, name, arguments: arguments.unwrap_or_default() };
        self.reply(|_| true).tool_calls.push(call);
    }

    fn output(&mut self, item: OutputItem, field: &str) -> Result<(), ApiError> {
        let content = text_of(Some(item.output), &format!("{field}.output"))?;
        self.messages.push(Message {
            role: Role::Tool,
            content: Some(content.unwrap_or_default()),
            name: self.called.get(&item.call_id).cloned(),
            tool_call_id: Some(item.call_id),
            ..Message::default()
        });
        Ok(())
    }

    /// The model's message that is being put together if it can take what comes next, else a new one.
    fn reply(&mut self, takes: impl Fn(&Message) -> bool) -> &mut Message {
        let fits = self.messages.last().is_some_and(|last| last.role == Role::Assistant && takes(last));
        if !fits {
            self.messages.push(Message { role: Role::Assistant, ..Message::default() });
        }
        let last = self.messages.len() - 1;
        &mut self.messages[last]
    }
}

/// An item's type, which a message may leave out.
pub fn kind(item: &Value) -> &str {
    match item.get("type").and_then(Value::as_str) {
        Some(kind) => kind,
        None if item.get("role").is_some() => "message",
        None if item.get("id").is_some() => "item_reference",
        None => "none",
    }
}

#[cfg(test)]
mod tests;
