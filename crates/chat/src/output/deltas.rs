//! What the parser hands out, in the order in which it becomes known.

/// A piece of the model's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// More reasoning.
    Reasoning(String),
    /// More text for the user.
    Content(String),
    /// A tool call begins.
    ToolCallStart {
        /// Counts the calls of this output from 0.
        index: usize,
        /// The tool's name as the model wrote it.
        name: String,
    },
    /// More of a call's arguments. The pieces of a call that ends make up one JSON object.
    ToolCallArguments {
        /// Which call.
        index: usize,
        /// JSON text.
        json: String,
    },
    /// A tool call is complete. A call without this must not be executed.
    ToolCallEnd {
        /// Which call.
        index: usize,
    },
}

/// Collects deltas, joining what belongs together, and keeps track of the open call.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    ready: Vec<Delta>,
    calls: usize,
    open: bool,
    /// Text found inside the open call that is no part of it; it becomes content when the call has ended, because
    /// not every dialect can show content in the middle of a call.
    aside: String,
}

impl Deltas {
    pub(super) fn drain(&mut self) -> Vec<Delta> {
        std::mem::take(&mut self.ready)
    }

    /// Whether a call has begun and not ended.
    pub(super) fn in_call(&self) -> bool {
        self.open
    }

    pub(super) fn reasoning(&mut self, text: &str) {
        match self.ready.last_mut() {
            _ if text.is_empty() => {}
            Some(Delta::Reasoning(last)) => last.push_str(text),
            _ => self.ready.push(Delta::Reasoning(text.to_owned())),
        }
    }

    pub(super) fn content(&mut self, text: &str) {
        match self.ready.last_mut() {
            _ if text.is_empty() => {}
            Some(Delta::Content(last)) => last.push_str(text),
            _ => self.ready.push(Delta::Content(text.to_owned())),
        }
    }

    pub(super) fn aside(&mut self, text: &str) {
        self.aside.push_str(text);
    }

    pub(super) fn start_call(&mut self, name: &str) {
        self.ready.push(Delta::ToolCallStart { index: self.calls, name: name.to_owned() });
        self.calls += 1;
        self.open = true;
    }

    pub(super) fn arguments(&mut self, text: &str) {
        let index = self.calls.saturating_sub(1);
        match self.ready.last_mut() {
            _ if text.is_empty() => {}
            Some(Delta::ToolCallArguments { json, .. }) => json.push_str(text),
            _ => self.ready.push(Delta::ToolCallArguments { index, json: text.to_owned() }),
        }
    }

    pub(super) fn end_call(&mut self) {
        self.open = false;
        self.ready.push(Delta::ToolCallEnd { index: self.calls.saturating_sub(1) });
        let aside = std::mem::take(&mut self.aside);
        self.content(&aside);
    }
}
