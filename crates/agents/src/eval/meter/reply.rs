//! What the meter reads of a streamed reply.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
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

/// A reply as it comes in.
#[derive(Debug, Default)]
pub(super) struct ReplyReader {
    /// What came after the last line end.
    rest: Vec<u8>,
    content: String,
    /// Arguments by the call's index.
    calls: BTreeMap<u64, String>,
    /// What the engine says of the request.
    pub(super) report: Option<RequestReport>,
    /// What went wrong in mid-reply.
    pub(super) error: Option<String>,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    shorn: Option<Record>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
}

#[derive(Deserialize, Default)]
struct Delta {
    content: Option<String>,
    #[serde(default)]
    tool_calls: Vec<CallDelta>,
}

#[derive(Deserialize)]
struct CallDelta {
    index: u64,
    function: FunctionDelta,
}

#[derive(Deserialize)]
struct FunctionDelta {
    #[serde(default)]
    arguments: String,
}

#[derive(Deserialize)]
struct Record {
    report: Option<RequestReport>,
}

impl ReplyReader {
    /// Takes the next bytes of the event stream.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let chunk = line.strip_prefix(b"data: ").and_then(|data| serde_json::from_slice(data).ok());
            if let Some(chunk) = chunk {
                self.take(chunk);
            }
        }
    }

    fn take(&mut self, chunk: Chunk) {
        for Choice { delta } in chunk.choices {
            self.content.push_str(&delta.content.unwrap_or_default());
            for CallDelta { index, function } in delta.tool_calls {
                self.calls.entry(index).or_default().push_str(&function.arguments);
            }
        }
        if let Some(report) = chunk.shorn.and_then(|record| record.report) {
            self.report = Some(report);
        }
        if let Some(error) = chunk.error {
            self.error = Some(format!("the reply failed: {}", error["message"].as_str().unwrap_or_default()));
        }
    }

    /// What the model said, if that was all it did.
    pub(super) fn answer(&self) -> Option<String> {
        (self.calls.is_empty() && self.error.is_none()).then(|| self.content.trim().to_owned())
    }

    /// Whether something was meant as a call and is none: a mark in the text, or arguments that were cut off.
    pub(super) fn has_unparsed_call(&self) -> bool {
        CALL_MARKS.iter().any(|mark| self.content.contains(mark))
            || self.calls.values().any(|json| serde_json::from_str::<Map<String, Value>>(json).is_err())
    }
}

/// The message of an error's body.
pub(in crate::eval) fn message_of(body: &str) -> String {
    let message = serde_json::from_str::<Value>(body).ok();
    let message = message.and_then(|body| body["error"]["message"].as_str().map(ToOwned::to_owned));
    message.unwrap_or_else(|| body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str]) -> ReplyReader {
        let mut reader = ReplyReader::default();
        pieces.iter().for_each(|piece| reader.push(piece.as_bytes()));
        reader
    }

    #[test]
    fn a_reply_in_any_pieces_is_its_text() {
        let reader = read(&[
            ": waiting\n\nda",
            "ta: {\"choices\":[{\"delta\":{\"content\":\" It is\"}}]}\n\ndata: {\"choices\":[{\"del",
            "ta\":{\"content\":\" 7. \"}}]}\n\ndata: [DONE]\n\n",
        ]);
        assert_eq!(reader.answer().as_deref(), Some("It is 7."));
        assert!(!reader.has_unparsed_call());
    }

    #[test]
    fn a_call_whose_arguments_are_cut_off_is_not_parsed_and_is_no_answer() {
        let call = |json: &str| {
            let json = json.replace('"', "\\\"");
            format!(
                "data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"index\":0,\"function\":{{\"arguments\":\"{json}\"}}}}]}}}}]}}\n\n"
            )
        };
        let cut = read(&[&call("{\"path\": "), &call("\"a")]);
        assert!(cut.has_unparsed_call() && cut.answer().is_none());
        let whole = read(&[&call("{\"path\": "), &call("\"a\"}")]);
        assert!(!whole.has_unparsed_call());
    }

    #[test]
    fn a_call_that_stayed_text_is_not_parsed() {
        let reader = read(&["data: {\"choices\":[{\"delta\":{\"content\":\"<function=read>\"}}]}\n"]);
        assert!(reader.has_unparsed_call());
    }
}
