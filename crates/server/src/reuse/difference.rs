//! The first difference between a request and the one that it goes on from.

use serde_json::Value;
use shorn_chat::conversation::{Conversation, Message, Role, Tool};
use shorn_chat::meaning::{ArgumentDifference, argument_difference, same_message};
use shorn_runtime::MissCause;

use super::excerpt::{around, differ_in_space_only};

/// Where two conversations part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Why.
    pub cause: MissCause,
    /// A path: `messages[3].content`.
    pub field: String,
    /// The message, counted from 0; `None` where it is before all messages.
    pub message: Option<usize>,
    /// The text around it, as it was and as it is.
    pub excerpts: Option<(String, String)>,
}

impl Difference {
    fn new(cause: MissCause, field: String, message: Option<usize>) -> Self {
        Self { cause, field, message, excerpts: None }
    }

    fn with(self, before: &str, now: &str) -> Self {
        Self { excerpts: Some(around(before, now)), ..self }
    }
}

/// The first difference between what was sent and said, and what is sent now. Messages up to and including `known` are in
/// the prompt as they were. A conversation that only goes on has none.
pub fn first(
    past: &Conversation,
    reply: Option<&Message>,
    now: &Conversation,
    known: Option<usize>,
) -> Option<Difference> {
    let from = known.map_or(0, |known| known + 1);
    let tools = if from == 0 { tools(past, now) } else { None };
    let messages: Vec<&Message> = past.messages.iter().chain(reply).collect();
    tools.or_else(|| first_message(&messages, reply.is_some(), now, from)).or_else(|| settings(past, now))
}

/// The template's variables.
fn settings(past: &Conversation, now: &Conversation) -> Option<Difference> {
    let (past, now) = (&past.template_kwargs, &now.template_kwargs);
    let name = past.keys().chain(now.keys()).find(|name| past.get(*name) != now.get(*name))?;
    let text = |value: Option<&Value>| value.map_or("not sent".to_owned(), Value::to_string);
    let difference =
        Difference::new(MissCause::TemplateSettings, format!("chat_template_kwargs.{name}"), None);
    Some(difference.with(&text(past.get(name)), &text(now.get(name))))
}

fn tools(past: &Conversation, now: &Conversation) -> Option<Difference> {
    let listed = |conversation: &Conversation| conversation.listed_tools().cloned().collect::<Vec<_>>();
    let (past, now) = (listed(past), listed(now));
    let index = (0..past.len().max(now.len())).find(|index| {
        past.get(*index).map(|tool| tool.json.to_string())
            != now.get(*index).map(|tool| tool.json.to_string())
    })?;
    let names = |tools: &[Tool]| tools.iter().map(|tool| tool.name.clone()).collect::<Vec<_>>();
    let sorted = |tools: &[Tool]| {
        let mut names = names(tools);
        names.sort();
        names
    };
    let field = format!("tools[{index}]");
    let (before, after) = (names(&past), names(&now));
    if before == after {
        let (path, before, after) = json_difference(&past[index].json, &now[index].json);
        let difference = Difference::new(MissCause::ToolSchema, format!("{field}{path}"), None);
        return Some(difference.with(&before, &after));
    }
    let cause = if sorted(&past) == sorted(&now) { MissCause::ToolOrder } else { MissCause::ToolList };
    Some(Difference::new(cause, field, None).with(&before.join(", "), &after.join(", ")))
}

/// Where two values differ as texts, and what is there. One difference is enough.
fn json_difference(before: &Value, now: &Value) -> (String, String, String) {
    match (before, now) {
        (Value::Object(past), Value::Object(new)) if past.keys().eq(new.keys()) => {
            let mut fields = past.iter().zip(new.values());
            match fields.find(|((_, before), now)| before.to_string() != now.to_string()) {
                Some(((key, before), now)) => inner(&format!(".{key}"), before, now),
                None => (String::new(), before.to_string(), now.to_string()),
            }
        }
        (Value::Array(past), Value::Array(new)) if past.len() == new.len() => {
            let mut items = past.iter().zip(new).enumerate();
            match items.find(|(_, (before, now))| before.to_string() != now.to_string()) {
                Some((index, (before, now))) => inner(&format!("[{index}]"), before, now),
                None => (String::new(), before.to_string(), now.to_string()),
            }
        }
        (Value::String(before), Value::String(now)) => (String::new(), before.clone(), now.clone()),
        _ => (String::new(), before.to_string(), now.to_string()),
    }
}

fn inner(path: &str, before: &Value, now: &Value) -> (String, String, String) {
    let (rest, before, now) = json_difference(before, now);
    (format!("{path}{rest}"), before, now)
}

/// The first message that is not what it was. `replied`: the last of the past ones is the model's reply.
fn first_message(past: &[&Message], replied: bool, now: &Conversation, from: usize) -> Option<Difference> {
    let index = (from..past.len()).find(|index| {
        let is_reply = replied && index + 1 == past.len();
        match now.messages.get(*index) {
            // A reply comes back with ids and in another form.
            Some(message) if is_reply => !same_message(past[*index], message, &now.tools),
            message => message != Some(past[*index]),
        }
    })?;
    let whole = |cause| Difference::new(cause, format!("messages[{index}]"), Some(index));
    let before = past[index];
    let is_at =
        |message: Option<&&Message>, now: Option<&Message>| message.is_some() && message.copied() == now;
    let Some(message) = now.messages.get(index) else {
        // What was last is asked for once more, or the last messages were taken back.
        return Some(whole(MissCause::MessageRemoved));
    };
    if is_at(Some(&before), now.messages.get(index + 1)) {
        return Some(whole(MissCause::MessageInserted).with("", &words(message)));
    }
    if is_at(past.get(index + 1), Some(message)) {
        return Some(whole(MissCause::MessageRemoved).with(&words(before), &words(message)));
    }
    let first_of_user = past.iter().position(|message| message.role == Role::User).unwrap_or(0);
    let replaced = index <= first_of_user + 1 && now.messages.len() + 1 < past.len();
    if replaced && !same_kind(before, message) {
        return Some(whole(MissCause::Compaction).with(&words(before), &words(message)));
    }
    let is_reply = replied && index + 1 == past.len();
    let changed = if is_reply { MissCause::ReplyChanged } else { MissCause::MessageChanged };
    Some(inside(before, message, index, changed))
}

/// Whether one message can be the other, edited: the same call's result, or instructions.
fn same_kind(before: &Message, now: &Message) -> bool {
    let instructions = |message: &Message| matches!(message.role, Role::System | Role::Developer);
    let results = before.tool_call_id.is_some() && before.tool_call_id == now.tool_call_id;
    let replies = before.role == Role::Assistant && now.role == Role::Assistant;
    (instructions(before) && instructions(now)) || results || replies
}

fn words(message: &Message) -> String {
    message.content.clone().unwrap_or_default()
}

/// What is different in a message. `changed` is the cause where it says something else.
fn inside(before: &Message, now: &Message, index: usize, changed: MissCause) -> Difference {
    let at = |cause, field: &str| Difference::new(cause, format!("messages[{index}].{field}"), Some(index));
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    if before.role != now.role {
        return at(changed, "role").with(&words(before), &words(now));
    }
    // In the order in which templates write them.
    if text(&before.reasoning) != text(&now.reasoning) {
        let dropped = text(&now.reasoning).is_empty();
        let cause = if dropped { MissCause::ReasoningDropped } else { MissCause::ReasoningChanged };
        return at(cause, "reasoning").with(&text(&before.reasoning), &text(&now.reasoning));
    }
    if before.content != now.content {
        let instructions = matches!(now.role, Role::System | Role::Developer);
        let cause = match differ_in_space_only(&words(before), &words(now)) {
            true => MissCause::WhiteSpace,
            false if instructions => MissCause::SystemChanged,
            false => changed,
        };
        return at(cause, "content").with(&words(before), &words(now));
    }
    let mut calls = before.tool_calls.iter().zip(&now.tool_calls).enumerate();
    let call = calls.find(|(_, (before, now))| before.name != now.name || before.arguments != now.arguments);
    match call {
        Some((call, (before, now))) if before.name == now.name => {
            let cause = match argument_difference(&before.arguments, &now.arguments) {
                Some(ArgumentDifference::Format) => MissCause::ArgumentFormat,
                Some(ArgumentDifference::Order) => MissCause::ArgumentOrder,
                Some(ArgumentDifference::Numbers) => MissCause::NumberFormat,
                _ => MissCause::ArgumentsChanged,
            };
            at(cause, &format!("tool_calls[{call}].arguments")).with(&before.arguments, &now.arguments)
        }
        Some((call, (before, now))) => {
            at(changed, &format!("tool_calls[{call}].name")).with(&before.name, &now.name)
        }
        None if before.tool_calls.len() != now.tool_calls.len() => at(changed, "tool_calls"),
        None => at(changed, "tool_call_id"),
    }
}
