//! Messages of Anthropic's form as those of a conversation: one of the user's may hold several results of tools with
//! text between them, which become messages of their own, in order.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use shorn_chat::conversation::{Message, Role, Tool, ToolCall};

use super::tools::shown;
use crate::error::ApiError;

/// What stands between two blocks of text.
const BETWEEN: &str = "\n\n";

/// How the system text begins that Claude Code puts before all others for Anthropic's accounting. It changes when a
/// conversation is compacted and says nothing to a model.
const BILLING: &str = "x-anthropic-billing-header:";

/// One message as it is sent.
#[derive(Deserialize)]
pub(super) struct BodyMessage {
    /// `user`, `assistant`, or `system` for instructions in the midst of a conversation.
    role: String,
    /// A text or a list of blocks.
    content: Value,
}

/// A block of the user's.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum UserBlock {
    Text(TextBlock),
    ToolResult(ToolResultBlock),
}

/// A block of the model's.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum AssistantBlock {
    Text(TextBlock),
    Thinking(ThinkingBlock),
    /// Reasoning that only Anthropic can read: it is dropped.
    RedactedThinking,
    ToolUse(ToolUseBlock),
}

/// A block where there can only be text.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum SystemBlock {
    Text(TextBlock),
}

/// A block of what a tool answered.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResultBlock {
    Text(TextBlock),
    ToolReference(ToolReferenceBlock),
}

#[derive(Deserialize)]
struct TextBlock {
    text: String,
}

/// Reasoning, as it was sent in an earlier reply. Its signature is not looked at: anyone may change a local
/// conversation.
#[derive(Deserialize)]
struct ThinkingBlock {
    thinking: String,
}

/// A call.
#[derive(Deserialize)]
struct ToolUseBlock {
    id: String,
    name: String,
    /// The arguments.
    input: Map<String, Value>,
}

/// The result of a call.
#[derive(Deserialize)]
struct ToolResultBlock {
    /// The call's id.
    tool_use_id: String,
    /// A text, a list of blocks, or nothing.
    #[serde(default)]
    content: Value,
    /// Whether the call failed.
    #[serde(default)]
    is_error: Option<bool>,
}

/// A deferred tool that a search for tools has found.
#[derive(Deserialize)]
struct ToolReferenceBlock {
    tool_name: String,
}

/// Instructions: those of the top-level field, or of a message; `None` if nothing is left of them.
pub(super) fn system(content: Value, field: &str) -> Result<Option<Message>, ApiError> {
    let mut texts = Vec::new();
    for (index, block) in blocks(content, field)?.into_iter().enumerate() {
        let SystemBlock::Text(TextBlock { text }) = read_block(block, &format!("{field}[{index}]"))?;
        if !text.starts_with(BILLING) {
            texts.push(text);
        }
    }
    let text = joined(texts);
    Ok((!text.is_empty()).then(|| Message::text(Role::System, text)))
}

/// Turns messages into those of a conversation.
pub(super) struct Reader<'a> {
    /// The tools that can be called, listed or not.
    tools: &'a [Tool],
    /// The names of the tools that were called, by the call's id: some templates want them with the results.
    called: HashMap<String, String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tools: &'a [Tool]) -> Self {
        Self { tools, called: HashMap::new() }
    }

    /// The messages that one becomes; `field` is its path in the body.
    ///
    /// # Errors
    /// 400, naming the field.
    pub(super) fn read(&mut self, message: BodyMessage, field: &str) -> Result<Vec<Message>, ApiError> {
        let BodyMessage { role, content } = message;
        let inside = format!("{field}.content");
        match role.as_str() {
            "user" => self.user(content, &inside),
            "assistant" => Ok(vec![self.assistant(content, &inside)?]),
            "system" => Ok(Vec::from_iter(system(content, &inside)?)),
            other => {
                let field = format!("{field}.role");
                let message = format!("{field}: `{other}` is not one of user, assistant, system");
                Err(ApiError::bad_parameter(field, message))
            }
        }
    }

    fn user(&self, content: Value, field: &str) -> Result<Vec<Message>, ApiError> {
        let mut messages = Vec::new();
        let mut texts = Vec::new();
        for (index, block) in blocks(content, field)?.into_iter().enumerate() {
            let field = format!("{field}[{index}]");
            match read_block(block, &field)? {
                UserBlock::Text(TextBlock { text }) => texts.push(text),
                UserBlock::ToolResult(result) => {
                    messages.extend(user_message(&mut texts));
                    messages.push(self.tool_result(result, &field)?);
                }
            }
        }
        messages.extend(user_message(&mut texts));
        if messages.is_empty() {
            messages.push(Message::text(Role::User, ""));
        }
        Ok(messages)
    }

    fn tool_result(&self, result: ToolResultBlock, field: &str) -> Result<Message, ApiError> {
        let field = format!("{field}.content");
        let mut texts = Vec::new();
        for (index, block) in blocks(result.content, &field)?.into_iter().enumerate() {
            texts.push(match read_block(block, &format!("{field}[{index}]"))? {
                ResultBlock::Text(TextBlock { text }) => text,
                ResultBlock::ToolReference(ToolReferenceBlock { tool_name }) => shown(&tool_name, self.tools),
            });
        }
        let text = joined(texts);
        // No template has a place for it.
        let text = if result.is_error == Some(true) { format!("Error: {text}") } else { text };
        Ok(Message {
            name: self.called.get(&result.tool_use_id).cloned(),
            tool_call_id: Some(result.tool_use_id),
            ..Message::text(Role::Tool, text)
        })
    }

    fn assistant(&mut self, content: Value, field: &str) -> Result<Message, ApiError> {
        let (mut texts, mut reasoning, mut tool_calls) = (Vec::new(), Vec::new(), Vec::new());
        for (index, block) in blocks(content, field)?.into_iter().enumerate() {
            match read_block(block, &format!("{field}[{index}]"))? {
                AssistantBlock::Text(TextBlock { text }) => texts.push(text),
                AssistantBlock::Thinking(ThinkingBlock { thinking }) => reasoning.push(thinking),
                AssistantBlock::RedactedThinking => {}
                AssistantBlock::ToolUse(ToolUseBlock { id, name, input }) => {
                    self.called.insert(id.clone(), name.clone());
                    let arguments = Value::Object(input).to_string();
                    tool_calls.push(ToolCall { id, name, arguments });
                }
            }
        }
        let (text, reasoning) = (joined(texts), joined(reasoning));
        Ok(Message {
            role: Role::Assistant,
            // A message that only calls tools has no content, which is not the same as an empty one to templates.
            content: (!text.is_empty() || tool_calls.is_empty()).then_some(text),
            reasoning: (!reasoning.is_empty()).then_some(reasoning),
            tool_calls,
            ..Message::default()
        })
    }
}

/// The user's message of the texts so far, if there are any.
fn user_message(texts: &mut Vec<String>) -> Option<Message> {
    let texts = std::mem::take(texts);
    (!texts.is_empty()).then(|| Message::text(Role::User, joined(texts)))
}

/// Content as a list of blocks: a text is the same as a list of one block of text.
fn blocks(content: Value, field: &str) -> Result<Vec<Value>, ApiError> {
    match content {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![serde_json::json!({"type": "text", "text": text})]),
        Value::Array(blocks) => Ok(blocks),
        _ => Err(ApiError::bad_parameter(field, format!("{field}: must be a string or a list of blocks"))),
    }
}

/// A block of a kind that can stand here.
fn read_block<T: DeserializeOwned>(block: Value, field: &str) -> Result<T, ApiError> {
    let kind = block.get("type").and_then(Value::as_str);
    if let Some(kind @ ("image" | "document")) = kind {
        let message = format!("{field}: this model takes text only, not a block of type `{kind}`");
        return Err(ApiError::bad_parameter(field, message));
    }
    serde_json::from_value(block)
        .map_err(|problem| ApiError::bad_parameter(field, format!("{field}: {problem}")))
}

fn joined(texts: Vec<String>) -> String {
    texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(BETWEEN)
}
