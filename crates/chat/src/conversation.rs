//! What a client says: the one conversation type that every HTTP dialect is parsed into.

use serde_json::{Map, Value};

/// Messages, tools and template settings of one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversation {
    /// The messages, oldest first. Any order of roles is allowed here; the model's template may refuse it.
    pub messages: Vec<Message>,
    /// The tools the model may call, in the client's order.
    pub tools: Vec<Tool>,
    /// Whether the model may, must or must not call a tool.
    pub tool_choice: ToolChoice,
    /// Extra variables for the template, such as `enable_thinking`. They cannot replace the conversation's own.
    pub template_kwargs: Map<String, Value>,
}

/// One message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// The text; none where the client sent none, which is not the same as an empty text to every template.
    pub content: Option<String>,
    /// The reasoning that came before an assistant's text.
    pub reasoning: Option<String>,
    /// The calls an assistant made, in order.
    pub tool_calls: Vec<ToolCall>,
    /// In a tool's message: the call that this is the result of.
    pub tool_call_id: Option<String>,
    /// In a tool's message: the tool's name. Elsewhere: the participant's.
    pub name: Option<String>,
}

impl Message {
    /// A message of `role` that holds only text.
    pub fn text(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: Some(content.into()), ..Self::default() }
    }
}

/// Who speaks in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// The operator's instructions.
    System,
    /// The same under OpenAI's newer name; rendered as `system` unless the template knows `developer`.
    Developer,
    /// The person or program that asks.
    #[default]
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

/// One call of a tool in an assistant's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The id that the tool's result refers to.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as the client sent them: JSON text, as a rule of an object.
    pub arguments: String,
}

/// A tool the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// The name the model calls it by.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// The JSON Schema of its arguments.
    pub parameters: Value,
    /// The tool in OpenAI's form (`{"type": "function", "function": {...}}`) with every field the client sent, in
    /// the client's order. This is what templates see.
    pub json: Value,
    /// Whether the tool can be called although no template sees it: the conversation itself shows it where it is
    /// found, and the list of tools at the front of the prompt stays the same.
    pub deferred: bool,
}

impl Tool {
    /// A tool from OpenAI's JSON form; `None` unless it is `{"function": {"name": "...", ...}, ...}`.
    pub fn from_json(json: Value) -> Option<Self> {
        let function = json.get("function")?;
        let name = function.get("name")?.as_str()?.to_owned();
        let description = function.get("description").and_then(Value::as_str).map(str::to_owned);
        let parameters = function.get("parameters").cloned().unwrap_or(Value::Null);
        Some(Self { name, description, parameters, json, deferred: false })
    }
}

/// Whether the model may, must or must not call a tool.
///
/// `Required` and `Named` reach the template as the variable `tool_choice`; nothing yet forces the model's hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// No tool is rendered into the prompt, and no call is looked for in the output.
    None,
    /// At least one call is wanted.
    Required,
    /// A call of this tool is wanted.
    Named(String),
}

impl Conversation {
    /// The tools that the model may call: none when the choice is [`ToolChoice::None`].
    pub fn offered_tools(&self) -> &[Tool] {
        match self.tool_choice {
            ToolChoice::None => &[],
            _ => &self.tools,
        }
    }

    /// Those that the template lists: all but the deferred ones.
    pub fn listed_tools(&self) -> impl Iterator<Item = &Tool> {
        self.offered_tools().iter().filter(|tool| !tool.deferred)
    }
}
