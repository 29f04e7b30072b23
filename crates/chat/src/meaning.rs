//! Whether what a client sends back means the same as what the model wrote.
//!
//! Agents parse a call's arguments and write them anew: spaces go, keys move into the schema's order, `10.0` becomes `10`,
//! values that the schema gives as defaults are added. None of this changes what was called. Everything else does.

use serde_json::{Map, Number, Value};

use crate::conversation::{Message, Role, Tool};
use crate::output::{Reply, ReplyToolCall};

/// From here on not every integer has a float of its own: whether two such numbers are the same is not known.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// How two texts of a call's arguments differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentDifference {
    /// In spaces or escapes only.
    Format,
    /// In the order of keys, too.
    Order,
    /// In how a number is written, too.
    Numbers,
    /// In what they say, or one of them is no JSON.
    Value,
}

/// How two texts of a call's arguments differ; `None` if they are the same text.
pub fn argument_difference(before: &str, now: &str) -> Option<ArgumentDifference> {
    if before == now {
        return None;
    }
    let parsed = serde_json::from_str::<Value>(before).ok().zip(serde_json::from_str::<Value>(now).ok());
    let text = Value::to_string;
    Some(match parsed {
        Some((before, now)) if text(&before) == text(&now) => ArgumentDifference::Format,
        // Maps are equal in any order, numbers only if they are written as the same kind.
        Some((before, now)) if before == now => ArgumentDifference::Order,
        Some((before, now)) if same_value(&before, &now, None) => ArgumentDifference::Numbers,
        _ => ArgumentDifference::Value,
    })
}

/// Whether two messages mean the same: they are equal, or both are the assistant's and the second is the first come back.
pub fn same_message(before: &Message, now: &Message, tools: &[Tool]) -> bool {
    if before == now {
        return true;
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut reply = Reply::default();
    reply.content = text(&before.content);
    reply.reasoning = text(&before.reasoning);
    reply.tool_calls.extend(
        before
            .tool_calls
            .iter()
            .map(|call| ReplyToolCall { name: call.name.clone(), arguments: call.arguments.clone() }),
    );
    before.role == Role::Assistant && is_reply(now, &reply, tools)
}

/// Whether a message that a client sends back is this reply of the model's. A client may leave the reasoning out, and the
/// white space around texts; it may not change either.
pub fn is_reply(message: &Message, reply: &Reply, tools: &[Tool]) -> bool {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_owned();
    let reasoning = text(&message.reasoning);
    message.role == Role::Assistant
        && text(&message.content) == reply.content.trim()
        && (reasoning.is_empty() || reasoning == reply.reasoning.trim())
        && message.tool_calls.len() == reply.tool_calls.len()
        && message.tool_calls.iter().zip(&reply.tool_calls).all(|(sent, written)| {
            let tool = tools.iter().find(|tool| tool.name == written.name);
            let schema = tool.map(|tool| &tool.parameters);
            sent.name == written.name && same_arguments(&written.arguments, &sent.arguments, schema)
        })
}

/// Whether arguments that a client sends back mean what the model wrote; defaults of the schema may have been added.
fn same_arguments(written: &str, sent: &str, schema: Option<&Value>) -> bool {
    if written == sent {
        return true;
    }
    let parsed = serde_json::from_str(written).ok().zip(serde_json::from_str(sent).ok());
    parsed.is_some_and(|(written, sent)| same_value(&written, &sent, schema))
}

fn same_value(written: &Value, sent: &Value, schema: Option<&Value>) -> bool {
    match (written, sent) {
        (Value::Number(written), Value::Number(sent)) => same_number(written, sent),
        (Value::Array(written), Value::Array(sent)) => {
            let schema = schema.and_then(|schema| schema.get("items"));
            let mut pairs = written.iter().zip(sent);
            written.len() == sent.len() && pairs.all(|(written, sent)| same_value(written, sent, schema))
        }
        (Value::Object(written), Value::Object(sent)) => same_object(written, sent, schema),
        (written, sent) => written == sent,
    }
}

fn same_object(written: &Map<String, Value>, sent: &Map<String, Value>, schema: Option<&Value>) -> bool {
    let field = |key: &str| schema?.get("properties")?.get(key);
    let kept = |(key, written): (&String, &Value)| {
        sent.get(key).is_some_and(|sent| same_value(written, sent, field(key)))
    };
    let added_by_default = |(key, sent): (&String, &Value)| {
        let default = || field(key).and_then(|schema| schema.get("default"));
        written.contains_key(key) || default().is_some_and(|default| same_value(default, sent, None))
    };
    written.iter().all(kept) && sent.iter().all(added_by_default)
}

fn same_number(written: &Number, sent: &Number) -> bool {
    let integers = |number: &Number| number.is_i64() || number.is_u64();
    if integers(written) && integers(sent) {
        return written == sent;
    }
    let both = written.as_f64().zip(sent.as_f64());
    both.is_some_and(|(written, sent)| written == sent && written.abs() < EXACT_INTEGERS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::conversation::ToolCall;
    use crate::output::Delta;

    const WRITTEN: &str = r#"{"path": "a/b.rs", "limit": 10.0, "edits": [{"old": "\u00e9", "new": "e"}]}"#;

    fn schema() -> Value {
        let edit = json!({"properties": {"all": {"type": "boolean", "default": false}}});
        json!({"properties": {"edits": {"items": edit}, "depth": {"default": 5}}})
    }

    fn same(written: &str, sent: &str) -> bool {
        same_arguments(written, sent, Some(&schema()))
    }

    #[test]
    fn spaces_escapes_order_and_the_form_of_numbers_do_not_change_arguments() {
        assert!(same(WRITTEN, r#"{"path":"a\/b.rs","limit":10,"edits":[{"old":"é","new":"e"}]}"#));
        assert!(same(WRITTEN, r#"{"edits":[{"new":"e","old":"é"}],"limit":1e1,"path":"a/b.rs"}"#));
    }

    #[test]
    fn defaults_of_the_schema_may_be_added_at_any_depth() {
        let sent = r#"{"path":"a/b.rs","limit":10,"edits":[{"old":"é","new":"e","all":false}],"depth":5}"#;
        assert!(same(WRITTEN, sent));
        assert!(!same(WRITTEN, &sent.replace("false", "true")), "not what the schema says");
        assert!(!same(WRITTEN, &sent.replace("depth", "width")), "not in the schema");
    }

    #[test]
    fn another_value_is_another_call() {
        for (written, sent) in [
            (r#"{"a": 1}"#, r#"{"a": 2}"#),
            (r#"{"a": 1}"#, r#"{"a": "1"}"#),
            (r#"{"a": 1}"#, "{}"),
            (r#"{"a": "x"}"#, r#"{"a": "x "}"#),
            (r#"{"a": [1, 2]}"#, r#"{"a": [2, 1]}"#),
            (r#"{"a": [1, 2]}"#, r#"{"a": [1]}"#),
            (r#"{"a": 1}"#, r#"{"a": 1"#),
            (r#"{"a": 9007199254740993}"#, r#"{"a": 9007199254740992}"#),
            (r#"{"a": 12345678901234567890123}"#, r#"{"a": 12345678901234567890124}"#),
        ] {
            assert!(!same(written, sent), "{written} {sent}");
        }
    }

    #[test]
    fn how_two_texts_differ_is_told_apart() {
        let differences = [
            (r#"{"a":1,"b":2}"#, None),
            (r#"{"a": 1, "b": 2}"#, Some(ArgumentDifference::Format)),
            (r#"{"b":2,"a":1}"#, Some(ArgumentDifference::Order)),
            (r#"{"a":1.0,"b":2}"#, Some(ArgumentDifference::Numbers)),
            (r#"{"a":1,"b":3}"#, Some(ArgumentDifference::Value)),
            ("no JSON", Some(ArgumentDifference::Value)),
        ];
        for (now, expected) in differences {
            assert_eq!(argument_difference(r#"{"a":1,"b":2}"#, now), expected, "{now}");
        }
    }

    fn reply() -> Reply {
        let mut reply = Reply::default();
        reply.extend([Delta::Reasoning("Hm.".into()), Delta::Content("I read it.\n".into())]);
        reply.tool_calls.push(ReplyToolCall { name: "read".into(), arguments: r#"{"path": "a"}"#.into() });
        reply
    }

    fn message() -> Message {
        let call = ToolCall { id: "call_1".into(), name: "read".into(), arguments: r#"{"path":"a"}"#.into() };
        Message { tool_calls: vec![call], ..Message::text(Role::Assistant, "I read it.") }
    }

    #[test]
    fn a_reply_is_known_again_with_its_reasoning_and_without() {
        assert!(is_reply(&message(), &reply(), &[]));
        let with = |reasoning: &str| Message { reasoning: Some(reasoning.to_owned()), ..message() };
        assert!(is_reply(&with("Hm.\n"), &reply(), &[]) && is_reply(&with(""), &reply(), &[]));
        assert!(!is_reply(&with("Hm?"), &reply(), &[]));
    }

    #[test]
    fn a_reply_that_was_edited_is_another() {
        let text = Message { content: Some("I read them.".into()), ..message() };
        let no_call = Message { tool_calls: Vec::new(), ..message() };
        let mut renamed = message();
        renamed.tool_calls[0].name = "write".into();
        let user = Message { role: Role::User, ..message() };
        for edited in [text, no_call, renamed, user] {
            assert!(!is_reply(&edited, &reply(), &[]), "{edited:?}");
        }
    }
}
