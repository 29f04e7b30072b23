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
    /// Whether a call has to follow the schema of the arguments to the letter, and not only the form of a call.
    pub strict: bool,
}

impl Tool {
    /// A tool from OpenAI's JSON form; `None` unless it is `{"function": {"name": "...", ...}, ...}`.
    pub fn from_json(json: Value) -> Option<Self> {
        let function = json.get("function")?;
        let name = function.get("name")?.as_str()?.to_owned();
        let description = function.get("description").and_then(Value::as_str).map(str::to_owned);
        let parameters = function.get("parameters").cloned().unwrap_or(Value::Null);
        let strict = function.get("strict") == Some(&Value::Bool(true));
        Some(Self { name, description, parameters, json, deferred: false, strict })
    }
}

/// Whether the model may, must or must not call a tool. A grammar makes it so; `Required` and `Named` also reach the
/// template as the variable `tool_choice`.
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
    /// Only these may be called, though the model is told of all.
    Allowed {
        /// Their names.
        names: Vec<String>,
        /// Whether one has to be.
        required: bool,
    },
}

impl ToolChoice {
    /// Whether the reply has to hold a call.
    pub fn must_call(&self) -> bool {
        matches!(self, Self::Required | Self::Named(_) | Self::Allowed { required: true, .. })
    }

    /// The only tools that may be called; none where any may.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Named(name) => std::slice::from_ref(name),
            Self::Allowed { names, .. } => names,
            Self::Auto | Self::None | Self::Required => &[],
        }
    }

    /// Whether the tool of this name may be called.
    pub fn allows(&self, name: &str) -> bool {
        let names = self.names();
        *self != Self::None && (names.is_empty() || names.iter().any(|allowed| allowed == name))
    }
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
