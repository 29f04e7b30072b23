//! The text that has come in and is not yet decided on.
//!
//! Every parser here is incremental in the same way: it looks at [`Scanner::rest`], decides what the front of it is,
//! and takes that much. Where more text could change the decision it takes nothing and waits. So how the text is cut
//! into pieces cannot matter: no decision is ever made on part of what it depends on.

use std::ops::Range;

/// What a run of the model's text turned out to be. Every byte is exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Text for the user, to the byte.
    Content,
    /// Text between the reasoning tags, to the byte.
    Reasoning,
    /// A tool call's argument as the model wrote it, or the text of a call that was cut off.
    Argument,
    /// Tags, names in tags, and the white space that belongs to them.
    Markup,
}

/// A run of the model's text and what it turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub span: Span,
    /// Where it stands in the text, in bytes.
    pub range: Range<usize>,
}

/// The answer to "does the text begin with this?" while the text may still grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look<T> {
    /// It does.
    Yes(T),
    /// It does not, whatever follows.
    No,
    /// What follows decides.
    Wait,
}

impl<T> Look<T> {
    /// Looks further, if this is so.
    pub(super) fn and_then<U>(self, further: impl FnOnce(T) -> Look<U>) -> Look<U> {
        match self {
            Self::Yes(found) => further(found),
            Self::No => Look::No,
            Self::Wait => Look::Wait,
        }
    }

    /// The same with what was found turned into something else.
    pub(super) fn map<U>(self, turn: impl FnOnce(T) -> U) -> Look<U> {
        self.and_then(|found| Look::Yes(turn(found)))
    }
}

impl From<bool> for Look<()> {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes(()) } else { Self::No }
    }
}

/// Incoming text with a reading position.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    text: String,
    start: usize,
    ended: bool,
    /// Everything taken since [`Scanner::record`].
    recorded: Option<String>,
    /// What everything taken turned out to be, where that is asked for.
    partition: Option<Vec<Part>>,
}

impl Scanner {
    pub(super) fn push(&mut self, text: &str) {
        // Moving what is left costs at most what was taken since the last move.
        if self.start > self.text.len() / 2 {
            self.text.drain(..self.start);
            self.start = 0;
        }
        self.text.push_str(text);
    }

    /// Says that no more text will come.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// The text not taken yet.
    pub(super) fn rest(&self) -> &str {
        &self.text[self.start..]
    }

    /// Takes `length` bytes from the front and says what they are.
    pub(super) fn take(&mut self, length: usize, span: Span) -> &str {
        let taken = &self.text[self.start..self.start + length];
        self.start += length;
        if let Some(recorded) = &mut self.recorded {
            recorded.push_str(taken);
        }
        match &mut self.partition {
            None => {}
            Some(parts) => note(parts, length, span),
        }
        taken
    }

    /// Notes from here on what everything turns out to be.
    pub(super) fn keep_partition(&mut self) {
        self.partition = Some(Vec::new());
    }

    /// What everything taken turned out to be, if that was noted.
    pub(super) fn partition(&mut self) -> Vec<Part> {
        self.partition.take().unwrap_or_default()
    }

    /// Keeps a copy of what is taken from here on.
    pub(super) fn record(&mut self) {
        self.recorded = Some(String::new());
    }

    /// Stops keeping a copy and hands it out.
    pub(super) fn recorded(&mut self) -> String {
        self.recorded.take().unwrap_or_default()
    }
}

/// Adds so many bytes to a partition.
fn note(parts: &mut Vec<Part>, length: usize, span: Span) {
    match parts.last_mut() {
        _ if length == 0 => {}
        Some(last) if last.span == span => last.range.end += length,
        last => {
            let start = last.map_or(0, |last| last.range.end);
            parts.push(Part { span, range: start..start + length });
        }
    }
}

/// Whether `text` begins with `literal`.
pub(super) fn literal(text: &str, literal: &str, ended: bool) -> Look<()> {
    if text.starts_with(literal) {
        Look::Yes(())
    } else if !ended && literal.starts_with(text) {
        Look::Wait
    } else {
        Look::No
    }
}

/// White space between two tags, or two parts of a JSON text, longer than this does not join them. The bound keeps
/// looking ahead cheap when the text comes one character at a time.
const LONGEST_GAP: usize = 256;

/// The length of the white space at the front, if something follows it or nothing more will come.
pub(super) fn gap(text: &str, ended: bool) -> Look<usize> {
    let length = text.bytes().take(LONGEST_GAP + 1).take_while(u8::is_ascii_whitespace).count();
    if length > LONGEST_GAP {
        Look::No
    } else if length == text.len() && !ended {
        Look::Wait
    } else {
        Look::Yes(length)
    }
}

/// How many newlines, at most `most`, end the text.
pub(super) fn newlines_at_end(text: &str, most: usize) -> usize {
    text.bytes().rev().take(most).take_while(|byte| *byte == b'\n').count()
}
