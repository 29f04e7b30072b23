//! Texts of other programs: places in them, and edits that leave every other byte alone.

use std::ops::Range;

/// What is wrong with a text, and where.
#[derive(Debug, PartialEq)]
pub struct Problem {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

impl Problem {
    /// A problem at a byte of `text`.
    pub fn at(text: &str, byte: usize, what: impl Into<String>) -> Self {
        let before = &text[..text.floor_char_boundary(byte)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[line_start..].chars().count() + 1;
        Self { line: before.matches('\n').count() + 1, column, what: what.into() }
    }
}

/// Why a text is left alone.
#[derive(Debug, PartialEq)]
pub enum Refusal {
    /// The agent cannot read it, or we cannot tell where our entry belongs.
    Invalid(Problem),
    /// Where our entry belongs is one that we did not write.
    NotOurs(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Invalid(problem)
    }
}

/// A byte order mark, which agents skip, and the text after it.
pub fn split_byte_order_mark(text: &str) -> (&str, &str) {
    text.split_at(if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 })
}

/// How lines end in a text.
pub fn newline(text: &str) -> &'static str {
    let first = text.find('\n');
    if first.is_some_and(|newline| text[..newline].ends_with('\r')) { "\r\n" } else { "\n" }
}

/// A piece of text in the place of some bytes.
pub struct Edit {
    bytes: Range<usize>,
    text: String,
}

impl Edit {
    pub fn insert(byte: usize, text: String) -> Self {
        Self { bytes: byte..byte, text }
    }

    pub fn replace(bytes: Range<usize>, text: String) -> Self {
        Self { bytes, text }
    }

    pub fn remove(bytes: Range<usize>) -> Self {
        Self { bytes, text: String::new() }
    }
}

/// A text after edits, none of which overlap. Those at the same place go in as they come.
pub fn edited(before: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.bytes.start);
    let mut text = String::with_capacity(before.len());
    let mut copied = 0;
    for edit in edits {
        text.push_str(&before[copied..edit.bytes.start]);
        text.push_str(&edit.text);
        copied = edit.bytes.end;
    }
    text + &before[copied..]
}
