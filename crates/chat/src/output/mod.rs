//! The model's text, as it streams in, to reasoning, content and tool calls.
//!
//! [`OutputParser`] is total: every text gives deltas, and every byte of it ends up in the content, in the reasoning,
//! in an argument, or in markup that the format itself writes. How the text is cut into pieces makes no difference.
//! Time is linear in the text.
//!
//! Each [`ToolFormat`] is a small file that says how calls are spelled. Three readers do the work: `tagged_call` where
//! arguments stand between tags and the tool's schema gives their types, `json_call` where they are one object, JSON or
//! nearly so, and `harmony` where the whole output is messages on channels.
//!
//! White space belongs to the markup exactly where templates write it: up to two newlines before a call, any between
//! a call's tags, one newline after `<think>`, one before `</think>` and up to two after it.

mod candidate;
mod decimal;
mod deepseek;
mod deltas;
mod detect;
mod dsml;
mod format;
mod gemma;
mod glm;
mod grammar;
mod harmony;
mod hermes;
mod json;
mod json_call;
mod lenient_json;
mod lfm2;
mod llama;
mod minimax;
mod mistral;
mod opening;
mod peek;
mod prose;
mod qwen_xml;
mod reply;
mod scanner;
mod schema;
mod tagged_call;
mod tags;
#[cfg(test)]
mod tests;
mod thinking;
mod value;

use std::collections::HashMap;

use crate::conversation::Tool;
use deltas::Deltas;
use harmony::Harmony;
use json_call::JsonCall;
use opening::{Inquiry, Opening, Place};
use prose::Lines;
use scanner::{Look, Scanner, newlines_at_end};
use schema::ToolSchema;
use tagged_call::TaggedCall;
use thinking::Thinking;

pub use deltas::Delta;
pub use detect::Reasoning;
pub use format::{ToolFormat, UnknownToolFormat};
pub(crate) use grammar::Rules;
pub use grammar::{GrammarRefusal, ReplyForm, Subject};
pub use reply::{Reply, ReplyToolCall};
pub use scanner::{Part, Span};

/// Newlines before a call that belong to it: templates end the text with one and begin the call with another.
const NEWLINES_BEFORE_CALL: usize = 2;

/// How often the parser may look far ahead in vain: to the end of the output for a surer end of a value, or through a
/// long object that turns out to be no call. After that it decides on what is near, so that no text takes quadratic
/// time.
const PATIENCE: usize = 8;

/// How the output ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The model ended it.
    Natural,
    /// Something else did: the token limit, a stop string, an error, a cancelled request.
    CutOff,
}

/// What is left when the output has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// The last deltas.
    pub deltas: Vec<Delta>,
    /// If a call was cut off: all its text, as the model wrote it. Its deltas have no [`Delta::ToolCallEnd`]; a reply
    /// that is not streamed carries this text as content instead.
    pub unfinished_call: Option<String>,
}

/// Splits a model's text, as it comes, into reasoning, content and tool calls.
#[derive(Debug)]
pub struct OutputParser {
    scanner: Scanner,
    deltas: Deltas,
    tools: Tools,
    state: State,
    lines: Lines,
    patience: usize,
}

#[derive(Debug)]
enum State {
    Thinking(Thinking),
    /// Text for the user, of which `seen` bytes are known to begin no call.
    Text {
        seen: usize,
        inquiry: Inquiry,
    },
    Tagged(TaggedCall),
    Json(JsonCall),
    /// All of an output of the format that has channels.
    Harmony(Harmony),
}

impl State {
    fn begin(format: ToolFormat, reasoning: Reasoning) -> Self {
        match format {
            ToolFormat::Harmony => Self::Harmony(Harmony::new()),
            _ => Thinking::begin(format.think_tags(), reasoning).map_or_else(Self::text, Self::Thinking),
        }
    }

    fn text() -> Self {
        Self::Text { seen: 0, inquiry: Inquiry::default() }
    }
}

/// The tools of a request, by name, and how the model calls them.
#[derive(Debug)]
struct Tools {
    format: ToolFormat,
    schemas: HashMap<String, ToolSchema>,
}

impl Tools {
    fn new(format: ToolFormat, tools: &[Tool]) -> Self {
        let schemas = tools.iter().map(|tool| (tool.name.clone(), ToolSchema::new(tool))).collect();
        Self { format, schemas }
    }

    /// Whether calls are looked for at all.
    fn callable(&self) -> bool {
        self.format != ToolFormat::None && !self.schemas.is_empty()
    }

    fn knows(&self, name: &str) -> bool {
        self.schemas.contains_key(name)
    }

    fn schema(&self, name: &str) -> Option<&ToolSchema> {
        self.schemas.get(name)
    }
}

impl OutputParser {
    /// A parser for one output. Without tools no call is looked for.
    pub fn new(format: ToolFormat, reasoning: Reasoning, tools: &[Tool]) -> Self {
        Self {
            scanner: Scanner::default(),
            deltas: Deltas::default(),
            tools: Tools::new(format, tools),
            state: State::begin(format, reasoning),
            lines: Lines::default(),
            patience: PATIENCE,
        }
    }

    /// The same, noting what every byte of the text turns out to be, for [`OutputParser::finish_with_partition`].
    pub fn keeping_partition(mut self) -> Self {
        self.scanner.keep_partition();
        self
    }

    /// Takes more text and returns what is certain now.
    pub fn push(&mut self, text: &str) -> Vec<Delta> {
        self.scanner.push(text);
        self.run();
        self.deltas.drain()
    }

    /// Ends the output.
    ///
    /// A natural end completes a call whose tags are missing. A call that was cut off stays open.
    pub fn finish(mut self, end: End) -> Finished {
        self.conclude(end)
    }

    /// The same, with the partition of the text into content, reasoning, arguments and markup, in order and without a
    /// gap. Empty unless the parser was [keeping](OutputParser::keeping_partition) it.
    pub fn finish_with_partition(mut self, end: End) -> (Finished, Vec<Part>) {
        let finished = self.conclude(end);
        (finished, self.scanner.partition())
    }

    fn conclude(&mut self, end: End) -> Finished {
        let mut unfinished_call = None;
        if end == End::Natural {
            self.scanner.end();
            self.run();
        } else if self.deltas.in_call() {
            let rest = self.scanner.rest().len();
            self.scanner.take(rest, Span::Argument);
            unfinished_call = Some(self.scanner.recorded());
        } else {
            self.flush();
        }
        Finished { deltas: self.deltas.drain(), unfinished_call }
    }

    /// Gives out what is held back when the output was cut off outside a call.
    fn flush(&mut self) {
        let rest = self.scanner.rest();
        let length = rest.len();
        match &self.state {
            State::Thinking(thinking) if thinking.has_begun() => {
                self.deltas.reasoning(self.scanner.take(length, Span::Reasoning));
            }
            State::Harmony(harmony) => harmony.flush(&mut self.scanner, &mut self.deltas),
            // The beginning of a block's end, after its last call.
            State::Tagged(call) if call.is_closing(rest) => _ = self.scanner.take(length, Span::Markup),
            State::Json(call) if call.is_closing(rest) => _ = self.scanner.take(length, Span::Markup),
            _ => self.deltas.content(self.scanner.take(length, Span::Content)),
        }
    }

    fn run(&mut self) {
        loop {
            let (scanner, deltas) = (&mut self.scanner, &mut self.deltas);
            let look = match &mut self.state {
                State::Thinking(thinking) => thinking.read(scanner, deltas),
                State::Text { .. } => self.read_text(),
                State::Tagged(call) => call.read(scanner, deltas, &self.tools, &mut self.patience),
                State::Json(call) => call.read(scanner, deltas, &mut self.patience),
                State::Harmony(harmony) => harmony.read(scanner, deltas, &self.tools, &mut self.patience),
            };
            if !self.deltas.in_call() {
                self.scanner.recorded();
            }
            match look {
                Look::Wait => return,
                // The state is over: what comes next is text.
                Look::Yes(()) => {
                    self.lines.restart_line();
                    self.state = State::text();
                }
                Look::No => {}
            }
        }
    }

    /// Reads text for the user. `Wait` also at the end of the output; `No` once a call has begun.
    fn read_text(&mut self) -> Look<()> {
        let State::Text { seen, inquiry } = &mut self.state else { return Look::No };
        if !self.tools.callable() {
            let length = self.scanner.rest().len();
            self.deltas.content(self.scanner.take(length, Span::Content));
            return Look::Wait;
        }
        let first = self.tools.format.first_characters();
        loop {
            let (rest, ended) = (self.scanner.rest(), self.scanner.ended());
            let Some(next) = rest[*seen..].find(first).map(|at| *seen + at) else {
                let held = if ended { 0 } else { newlines_at_end(rest, NEWLINES_BEFORE_CALL) };
                *seen = held;
                let text = self.scanner.take(rest.len() - held, Span::Content);
                self.lines.read(text);
                self.deltas.content(text);
                return Look::Wait;
            };
            // All before the newlines before the character is text, whatever it begins.
            let newlines = newlines_at_end(&rest[..next], NEWLINES_BEFORE_CALL);
            let text = self.scanner.take(next - newlines, Span::Content);
            self.lines.read(text);
            self.deltas.content(text);
            *seen = newlines;
            let place = Place::after(&self.lines, newlines);
            let ahead = &self.scanner.rest()[newlines..];
            match inquiry.look(ahead, ended, place, &self.tools, &mut self.patience) {
                Look::Wait => return Look::Wait,
                Look::No => {
                    *seen = newlines + 1;
                    *inquiry = Inquiry::default();
                }
                Look::Yes(opening) => {
                    self.begin_call(newlines, opening);
                    return Look::No;
                }
            }
        }
    }

    fn begin_call(&mut self, newlines: usize, opening: Opening) {
        self.scanner.record();
        self.scanner.take(newlines, Span::Markup);
        self.state = match opening {
            Opening::Function { tags, name, in_block, length } => {
                self.scanner.take(length, Span::Markup);
                State::Tagged(TaggedCall::start(tags, name, in_block, &mut self.deltas))
            }
            Opening::Object { candidate, found, before } => {
                candidate.take(before, &mut self.scanner);
                State::Json(JsonCall::start(candidate, found, &mut self.deltas))
            }
        };
    }
}
