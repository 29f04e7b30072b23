//! The deltas of an output, put together: a reply that is not streamed.

use super::{Delta, Finished};

/// A complete reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The text for the user.
    pub content: String,
    /// The reasoning before it.
    pub reasoning: String,
    /// The calls that ended, in order.
    pub tool_calls: Vec<ReplyToolCall>,
    /// The call that is open.
    open: Option<ReplyToolCall>,
}

/// A call in a reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyToolCall {
    /// The tool's name as the model wrote it.
    pub name: String,
    /// The arguments: a JSON object.
    pub arguments: String,
}

impl Reply {
    /// Adds a delta.
    pub fn push(&mut self, delta: Delta) {
        match delta {
            Delta::Reasoning(text) => self.reasoning.push_str(&text),
            Delta::Content(text) => self.content.push_str(&text),
            Delta::ToolCallStart { name, .. } => {
                self.open = Some(ReplyToolCall { name, arguments: String::new() });
            }
            Delta::ToolCallArguments { json, .. } => {
                if let Some(call) = &mut self.open {
                    call.arguments.push_str(&json);
                }
            }
            Delta::ToolCallEnd { .. } => self.tool_calls.extend(self.open.take()),
        }
    }

    /// Adds the end of the output. A call that was cut off is not among the calls: its text is content, so that no
    /// agent executes half of it.
    pub fn finish(&mut self, finished: Finished) {
        finished.deltas.into_iter().for_each(|delta| self.push(delta));
        self.open = None;
        self.content.push_str(&finished.unfinished_call.unwrap_or_default());
    }
}

impl Extend<Delta> for Reply {
    fn extend<T: IntoIterator<Item = Delta>>(&mut self, deltas: T) {
        deltas.into_iter().for_each(|delta| self.push(delta));
    }
}
