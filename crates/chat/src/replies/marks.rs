//! Where a template puts a reply: the reply is rendered with marks in it, and its end is found by them.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::store::Remembered;
use crate::conversation::{Conversation, Message, Role};

/// Characters that are looked at for the markup which closes a call.
const LONGEST_CLOSING: usize = 200;

/// A number that no text which is sent to this process can know.
static SALT: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("marks") % 1_000_000);

/// What stands for a text of the reply with this number.
fn text_mark(id: u64) -> String {
    format!("shorn{:06}x{id:09}x", *SALT)
}

/// What stands for its reasoning.
fn reasoning_mark(id: u64) -> String {
    format!("{}reasoning", text_mark(id))
}

/// What stands for a number, a truth value or nothing: a number that every template writes in digits.
fn number_mark(id: u64) -> u64 {
    (1_000_000 + *SALT) * 1_000_000_000 + id % 1_000_000_000
}

/// A text that a template wrote, told by its length and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Skeleton {
    /// In bytes.
    length: usize,
    hash: [u8; 32],
}

impl Skeleton {
    pub fn of(text: &str) -> Self {
        Self { length: text.len(), hash: Sha256::digest(text).into() }
    }

    fn begins(&self, text: &str) -> bool {
        let beginning = text.as_bytes().get(..self.length);
        beginning.is_some_and(|beginning| <[u8; 32]>::from(Sha256::digest(beginning)) == self.hash)
    }
}

/// How a reply's text ends.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// Its last characters that are no white space.
    characters: String,
    /// The white space after them.
    space: String,
}

impl Ending {
    pub fn of(text: &str) -> Self {
        let trimmed = text.trim_end();
        let mut characters: Vec<char> = trimmed.chars().rev().filter(|c| !c.is_whitespace()).collect();
        characters.truncate(LONGEST_CLOSING);
        Self { characters: characters.iter().rev().collect(), space: text[trimmed.len()..].to_owned() }
    }
}

/// Why a reply cannot stand as it was generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutReason {
    /// The template leaves its reasoning out now that the user has said more.
    ReasoningLeftOut,
    /// The template writes what is before it in another way than it did.
    Rewritten,
    /// The template writes the reply's end in another way than the model did.
    EndNotFound,
}

/// The conversation with these replies as marks.
pub(super) fn marked(conversation: &Conversation, replies: &[Arc<Remembered>]) -> Conversation {
    let mut conversation = conversation.clone();
    for reply in replies {
        if let Some(message) = conversation.messages.get_mut(reply.index) {
            mark(message, reply);
        }
    }
    conversation
}

/// Makes a message what the reply was, whatever form it came back in, with marks for its reasoning and where it ends.
fn mark(message: &mut Message, remembered: &Remembered) {
    let (id, reply) = (remembered.id, &remembered.reply);
    message.reasoning = (!reply.reasoning.is_empty()).then(|| reasoning_mark(id));
    if reply.tool_calls.is_empty() {
        message.content = Some(text_mark(id));
        return;
    }
    message.content = (!reply.content.is_empty()).then(|| reply.content.clone());
    for (call, written) in message.tool_calls.iter_mut().zip(&reply.tool_calls) {
        call.arguments.clone_from(&written.arguments);
    }
    let Some(last) = message.tool_calls.last_mut() else { return };
    match serde_json::from_str(&last.arguments) {
        Ok(Value::Object(mut arguments)) if !arguments.is_empty() => {
            // Some templates sort them: any may be the last.
            arguments.values_mut().for_each(|value| mark_end(value, id));
            last.arguments = Value::Object(arguments).to_string();
        }
        _ => last.name = text_mark(id),
    }
}

/// Replaces the last thing in a value by a mark that is written the same way.
fn mark_end(value: &mut Value, id: u64) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.values_mut().next_back().into_iter().for_each(|inner| mark_end(inner, id));
        }
        Value::Array(items) if !items.is_empty() => {
            items.last_mut().into_iter().for_each(|inner| mark_end(inner, id));
        }
        Value::String(text) => *text = text_mark(id),
        _ => *value = Value::from(number_mark(id)),
    }
}

/// Whether a reply can stand as it was generated in the prompt that was rendered with marks.
///
/// The template must write everything before it as it did then. Reasoning from before the user's last message must be
/// something that the template still writes: some models are not to see it again. Reasoning of the reply that is under
/// way, with its calls, always stays.
pub(super) fn check(reply: &Remembered, conversation: &Conversation, text: &str) -> Result<(), CutReason> {
    if !reply.skeleton.begins(text) {
        return Err(CutReason::Rewritten);
    }
    let user_said_more =
        conversation.messages.iter().skip(reply.index).any(|message| message.role == Role::User);
    let reasons = !reply.reply.reasoning.is_empty();
    match user_said_more && reasons && !text.contains(&reasoning_mark(reply.id)) {
        true => Err(CutReason::ReasoningLeftOut),
        false => Ok(()),
    }
}

/// What the template wrote after a reply; `None` if it cannot be told where that begins, or if the template writes the
/// ids of calls: the model wrote others.
pub(super) fn after<'a>(reply: &Remembered, conversation: &Conversation, text: &'a str) -> Option<&'a str> {
    let marks = [text_mark(reply.id), number_mark(reply.id).to_string()];
    let ends = marks.iter().filter_map(|mark| text.rfind(mark).map(|at| at + mark.len()));
    let mut rest = &text[ends.max()?..];
    if !reply.reply.tool_calls.is_empty() {
        rest = &rest[closing(rest, &reply.ending.characters)?..];
    }
    let before = &text[..text.len() - rest.len()];
    let mut calls = conversation.messages.get(reply.index)?.tool_calls.iter();
    let writes_ids = calls.any(|call| !call.id.is_empty() && before.contains(&call.id));
    if writes_ids || marks.iter().any(|mark| rest.contains(mark)) {
        return None;
    }
    // White space that the model wrote after its call or text is not written twice.
    let space = reply.ending.space.bytes().zip(rest.bytes()).take_while(|(a, b)| a == b).count();
    rest.get(space..)
}

/// How much of a text is the markup that closes a call: as much of it as what the model wrote ends with, white space
/// aside.
fn closing(text: &str, written: &str) -> Option<usize> {
    let mut characters = String::new();
    let mut length = None;
    for (at, character) in text.char_indices().take(LONGEST_CLOSING) {
        if character.is_whitespace() {
            continue;
        }
        characters.push(character);
        if written.ends_with(&characters) {
            length = Some(at + character.len_utf8());
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calls_end_is_as_much_of_the_template_as_the_model_wrote() {
        let rest = "\"}}\n</tool_call><|im_end|>\n<|im_start|>user";
        assert_eq!(closing(rest, "{\"path\":\"a\"}}</tool_call>"), Some("\"}}\n</tool_call>".len()));
        assert_eq!(closing(rest, "{\"path\":\"a\"}}"), Some("\"}}".len()), "the model left its tag out");
        assert_eq!(closing(rest, "</function>"), None);
    }

    #[test]
    fn the_end_of_arguments_is_marked_by_what_is_written_alike() {
        let mut value = serde_json::json!({"a": 1, "b": [{"c": "x"}, {"d": "y", "e": "z"}]});
        mark_end(&mut value, 7);
        let marked = serde_json::json!({"a": 1, "b": [{"c": "x"}, {"d": "y", "e": text_mark(7)}]});
        assert_eq!(value, marked);
        for mut value in [serde_json::json!(2.5), serde_json::json!(null), serde_json::json!([])] {
            mark_end(&mut value, 7);
            assert_eq!(value, number_mark(7));
        }
    }

    #[test]
    fn a_skeleton_knows_its_own_beginning_only() {
        let skeleton = Skeleton::of("The text é");
        assert!(skeleton.begins("The text é and more"));
        assert!(!skeleton.begins("The text e and more") && !skeleton.begins("The text"));
    }
}
