//! A streamed chat completion, as it comes in.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use shorn_protocol::RequestReport;

/// How models begin a tool call. In a reply's content it is one that could not be read.
const CALL_MARKS: [&str; 9] = [
    "<tool_call",
    "<function=",
    "<|tool_call",
    "[TOOL_CALLS]",
    "<|python_tag|>",
    "<invoke ",
    "<｜tool",
    "<start_function_call>",
    "to=functions.",
];

/// A reply, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// What came after the last line end.
    rest: Vec<u8>,
    pub(super) content: String,
    reasoning: String,
    /// By the index that the reply gives them.
    pub(super) calls: BTreeMap<u64, Call>,
    /// What the engine says of the request.
    pub(super) report: Option<RequestReport>,
    /// What went wrong in mid-reply.
    pub(super) error: Option<String>,
    /// Whether it came to its end.
    pub(super) complete: bool,
}

/// A tool call.
#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    /// JSON.
    pub(super) arguments: String,
}

#[derive(Deserialize)]
struct Record {
    report: Option<RequestReport>,
}

impl Reply {
    /// Takes the next bytes of the event stream, in whatever pieces they come.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let Some(data) = line.strip_prefix(b"data: ") else { continue };
            match serde_json::from_slice(data) {
                Ok(chunk) => self.take(chunk),
                Err(_) => self.complete |= data.starts_with(b"[DONE]"),
            }
        }
    }

    fn take(&mut self, mut chunk: Value) {
        let delta = &chunk["choices"][0]["delta"];
        self.content.push_str(text(&delta["content"]));
        self.reasoning.push_str(text(&delta["reasoning_content"]));
        for part in delta["tool_calls"].as_array().into_iter().flatten() {
            let call = self.calls.entry(part["index"].as_u64().unwrap_or(0)).or_default();
            call.id.push_str(text(&part["id"]));
            call.name.push_str(text(&part["function"]["name"]));
            call.arguments.push_str(text(&part["function"]["arguments"]));
        }
        if let Some(error) = chunk.get("error") {
            self.error = Some(format!("the reply failed: {}", text(&error["message"])));
        }
        if let Some(record) = chunk.get_mut("shorn")
            && let Ok(Record { report: Some(report) }) = serde_json::from_value(record.take())
        {
            self.report = Some(report);
        }
    }

    /// What the model said, if that was all it did.
    pub(super) fn answer(&self) -> Option<String> {
        (self.calls.is_empty() && self.error.is_none()).then(|| self.content.trim().to_owned())
    }

    /// Whether something was meant as a call and is none: a mark in the text, or arguments that were cut off.
    pub(super) fn has_unparsed_call(&self) -> bool {
        let is_cut_off = |call: &Call| serde_json::from_str::<Map<String, Value>>(&call.arguments).is_err();
        CALL_MARKS.iter().any(|mark| self.content.contains(mark)) || self.calls.values().any(is_cut_off)
    }

    /// The message by which it goes back with the next request.
    pub(super) fn message(&self) -> Value {
        let mut message = json!({ "role": "assistant", "content": self.content });
        if !self.reasoning.is_empty() {
            message["reasoning_content"] = self.reasoning.clone().into();
        }
        if !self.calls.is_empty() {
            let calls = self.calls.values().map(|Call { id, name, arguments }| {
                json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } })
            });
            message["tool_calls"] = calls.collect();
        }
        message
    }
}

/// The message of an error's body.
pub(super) fn message_of(body: &str) -> String {
    let message = serde_json::from_str::<Value>(body).ok();
    let message = message.and_then(|body| body["error"]["message"].as_str().map(ToOwned::to_owned));
    message.unwrap_or_else(|| body.to_owned())
}

/// A field's text; nothing where there is none.
fn text(field: &Value) -> &str {
    field.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str]) -> Reply {
        let mut reply = Reply::default();
        pieces.iter().for_each(|piece| reply.push(piece.as_bytes()));
        reply
    }

    fn call(arguments: &str) -> String {
        let call = json!({ "index": 0, "id": "1", "function": { "name": "read", "arguments": arguments } });
        format!("data: {}\n\n", json!({ "choices": [{ "delta": { "tool_calls": [call] } }] }))
    }

    #[test]
    fn a_reply_in_any_pieces_is_its_text() {
        let reply = read(&[
            ": waiting\n\nda",
            "ta: {\"choices\":[{\"delta\":{\"content\":\" It is\"}}]}\n\ndata: {\"choices\":[{\"del",
            "ta\":{\"content\":\" 7. \"}}]}\n\ndata: [DONE]\n\n",
        ]);
        assert_eq!(reply.answer().as_deref(), Some("It is 7."));
        assert!(reply.complete && !reply.has_unparsed_call());
    }

    #[test]
    fn a_call_goes_back_as_it_came() {
        let reply = read(&[&call("{\"path\": \"a\"}")]);
        let function = json!({ "name": "read", "arguments": "{\"path\": \"a\"}" });
        let call = json!({ "id": "1", "type": "function", "function": function });
        assert_eq!(reply.message(), json!({ "role": "assistant", "content": "", "tool_calls": [call] }));
        assert!(!reply.has_unparsed_call() && reply.answer().is_none());
    }

    #[test]
    fn a_call_whose_arguments_are_cut_off_is_not_parsed() {
        assert!(read(&[&call("{\"path\": \"a")]).has_unparsed_call());
    }

    #[test]
    fn a_call_that_stayed_text_is_not_parsed() {
        let reply = read(&["data: {\"choices\":[{\"delta\":{\"content\":\"<function=read>\"}}]}\n"]);
        assert!(reply.has_unparsed_call());
    }

    #[test]
    fn a_reply_that_fails_is_no_answer() {
        let reply = read(&["data: {\"error\":{\"message\":\"out of memory\"}}\n"]);
        assert_eq!(reply.error.as_deref(), Some("the reply failed: out of memory"));
        assert!(reply.answer().is_none() && !reply.complete);
    }
}
