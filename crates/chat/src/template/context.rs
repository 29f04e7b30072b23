//! A conversation as the variables a template sees.

use std::fmt;

use minijinja::Value;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::python;
use crate::conversation::{Conversation, Message, Role, ToolCall, ToolChoice};

/// What a template wants to find in messages, where templates differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MessageShape {
    /// A call's arguments as an object rather than as JSON text.
    pub(super) object_arguments: bool,
    /// The content of an assistant's message without text as `none` rather than as the empty text.
    pub(super) null_content: bool,
    /// Whether the role `developer` stays itself rather than becoming `system`.
    pub(super) developer_role: bool,
    /// Whether a system message that is not the first one stays itself rather than becoming one of the user.
    pub(super) late_system: bool,
}

/// The variables for one rendering, in the order in which later ones replace earlier ones: special tokens, the
/// client's own, the conversation's.
pub(super) fn variables(
    conversation: &Conversation,
    special_tokens: &[(String, String)],
    shape: MessageShape,
    add_generation_prompt: bool,
) -> Value {
    let mut variables: Vec<(String, Value)> = Vec::new();
    variables.extend(special_tokens.iter().map(|(name, token)| (name.clone(), Value::from(token))));
    variables
        .extend(conversation.template_kwargs.iter().map(|(name, value)| (name.clone(), from_json(value))));
    let tools: Vec<Value> = conversation.listed_tools().map(|tool| from_json(&tool.json)).collect();
    let tools = if tools.is_empty() { Value::from(()) } else { Value::from(tools) };
    let messages = conversation.messages.iter().enumerate();
    let messages = messages.map(|(index, message)| render_message(message, index == 0, shape));
    variables.push(("messages".into(), messages.collect()));
    variables.push(("tools".into(), tools));
    variables.push(("documents".into(), Value::from(())));
    variables.push(("add_generation_prompt".into(), Value::from(add_generation_prompt)));
    match &conversation.tool_choice {
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Allowed { required: false, .. } => {}
        ToolChoice::Required | ToolChoice::Allowed { required: true, .. } => {
            variables.push(("tool_choice".into(), Value::from("required")))
        }
        ToolChoice::Named(name) => {
            let function = Value::from_pairs([("name", Value::from(name))]);
            let choice = Value::from_pairs([("type", Value::from("function")), ("function", function)]);
            variables.push(("tool_choice".into(), choice));
        }
    }
    Value::from_pairs(variables)
}

fn render_message(message: &Message, first: bool, shape: MessageShape) -> Value {
    let role = match message.role {
        Role::System | Role::Developer if !first && !shape.late_system => "user",
        Role::Developer if shape.developer_role => "developer",
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let content = match &message.content {
        Some(content) => Value::from(content),
        None if shape.null_content && message.role == Role::Assistant => Value::from(()),
        None => Value::from(""),
    };
    let mut fields = vec![("role", Value::from(role)), ("content", content)];
    if let Some(reasoning) = &message.reasoning {
        // The two names that templates read it by.
        fields.push(("reasoning_content", Value::from(reasoning)));
        fields.push(("thinking", Value::from(reasoning)));
    }
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter().map(|call| render_call(call, shape));
        fields.push(("tool_calls", calls.collect()));
    }
    if let Some(id) = &message.tool_call_id {
        fields.push(("tool_call_id", Value::from(id)));
    }
    if let Some(name) = &message.name {
        fields.push(("name", Value::from(name)));
    }
    Value::from_pairs(fields)
}

fn render_call(call: &ToolCall, shape: MessageShape) -> Value {
    let object = match shape.object_arguments {
        // A call without arguments is one with an empty object.
        true if call.arguments.trim().is_empty() => Some(Value::from_pairs::<_, String, Value>([])),
        true => parse(&call.arguments, 0),
        false => None,
    };
    let arguments = object.unwrap_or_else(|| Value::from(&call.arguments));
    let function = Value::from_pairs([("name", Value::from(&call.name)), ("arguments", arguments)]);
    Value::from_pairs([
        ("id", Value::from(&call.id)),
        ("type", Value::from("function")),
        ("function", function),
    ])
}

/// A JSON value as a template sees it.
fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(bool) => Value::from(*bool),
        serde_json::Value::Number(number) => python::number(&number.to_string()),
        serde_json::Value::String(text) => Value::from(text),
        serde_json::Value::Array(items) => items.iter().map(from_json).collect(),
        serde_json::Value::Object(fields) => {
            Value::from_pairs(fields.iter().map(|(name, value)| (name.as_str(), from_json(value))))
        }
    }
}

/// JSON nested deeper than this is left as text.
const DEEPEST: usize = 100;

/// JSON text as a template sees it: keys in order, integers of any length digit for digit. `None` if it is no JSON.
fn parse(json: &str, depth: usize) -> Option<Value> {
    let json = json.trim();
    let inner = |value: &RawValue| parse(value.get(), depth + 1);
    Some(match json.as_bytes().first()? {
        b'{' | b'[' if depth > DEEPEST => return None,
        b'{' => {
            let fields = fields(json)?.into_iter().map(|(key, value)| Some((key, inner(value)?)));
            Value::from_pairs(fields.collect::<Option<Vec<_>>>()?)
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            items.into_iter().map(inner).collect::<Option<Vec<_>>>()?.into()
        }
        b'-' | b'0'..=b'9' => {
            let number: &RawValue = serde_json::from_str(json).ok()?;
            python::number(number.get())
        }
        _ => from_json(&serde_json::from_str(json).ok()?),
    })
}

/// The fields of a JSON object, in order, each with its value's text.
fn fields(json: &str) -> Option<Vec<(String, &RawValue)>> {
    struct InOrder;

    impl<'de> Visitor<'de> for InOrder {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields = Vec::new();
            while let Some(field) = map.next_entry()? {
                fields.push(field);
            }
            Ok(fields)
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(json);
    let fields = deserializer.deserialize_map(InOrder).ok()?;
    deserializer.end().ok()?;
    Some(fields)
}
