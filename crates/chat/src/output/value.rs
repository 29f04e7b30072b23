//! One argument's text between tags, and where it ends.
//!
//! An agent that edits this very file sends a value that contains the format's own tags. They are told apart by what
//! follows them (the tags here are the Qwen3-Coder format's):
//!
//! - `</parameter>` ends the value if, after white space, another `<parameter=` follows, or the rest of the call closes
//!   in order: `</function>`, then `</tool_call>`, then another call or the end of the output. Parts of that may be
//!   missing. Otherwise it is text.
//! - `<parameter=NAME>` ends a value whose `</parameter>` is missing if it starts a line and the tool has such a
//!   parameter, not given before.
//! - Where the call closes in order but other text follows, or inside a complete call that the value quotes (from a
//!   `<function=` that starts a line to its `</function>`), or where only `</function>` or `</tool_call>` stands, the
//!   value *may* end. It does if no surer end comes before the end of the output; so from there on it waits.
//!
//! Where the format writes values on lines of their own, one newline after `<parameter=NAME>` and one before the
//! closing tag belong to the tags; all else is the value's.

use super::deltas::Deltas;
use super::json::{escape, string};
use super::scanner::{Look, Scanner, Span, newlines_at_end};
use super::schema::ValueType;
use super::tags::{Next, Tag, TagSet};

/// How sure it is that a tag ends the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Sure,
    Possible,
    Text,
    Wait,
}

/// A value being read.
#[derive(Debug)]
pub(super) struct Value {
    tags: &'static TagSet,
    form: Form,
    opened: bool,
    /// Bytes of the rest that have been looked at.
    seen: usize,
    /// Only white space so far on the line, or since a `<tool_call>`.
    at_line_start: bool,
    /// Quoted calls that we are inside of.
    depth: usize,
    /// Where the value may end, at the earliest.
    possible_end: Option<usize>,
}

/// How a value becomes JSON.
#[derive(Debug)]
pub(super) enum Form {
    /// A string: goes out as it comes in.
    Text,
    /// A string unless it is `null`: held while it may be that.
    TextOrNull(String),
    /// Decided by the whole text.
    Typed(ValueType, String),
    /// A second value for a parameter: not part of the call.
    Repeated,
}

impl Form {
    pub(super) fn of(kind: ValueType) -> Self {
        if kind.is_string() {
            Self::Text
        } else if kind.is_string_or_null() {
            Self::TextOrNull(String::new())
        } else {
            Self::Typed(kind, String::new())
        }
    }
}

impl Value {
    /// A value in this form. Its JSON begins to go out at once where it is known to be a string.
    pub(super) fn new(tags: &'static TagSet, form: Form, deltas: &mut Deltas) -> Self {
        if matches!(form, Form::Text) {
            deltas.arguments("\"");
        }
        Self { tags, form, opened: false, seen: 0, at_line_start: true, depth: 0, possible_end: None }
    }

    /// Reads on; `Yes` once the value and its closing tag are taken. `wanted` says whether a parameter may come next;
    /// `patience` is how many more times the end of the output may send the parser back.
    pub(super) fn read(
        &mut self,
        scanner: &mut Scanner,
        deltas: &mut Deltas,
        patience: &mut usize,
        wanted: impl Fn(&str) -> bool,
    ) -> Look<()> {
        if !self.opened {
            if scanner.rest().is_empty() && !scanner.ended() {
                return Look::Wait;
            }
            let newline = usize::from(self.tags.value_lines && scanner.rest().starts_with('\n'));
            self.take_markup(newline, scanner, deltas);
            self.opened = true;
        }
        match self.find_end(scanner, *patience == 0, wanted) {
            Some(end) => self.end(end, scanner, deltas),
            None if scanner.ended() => {
                // No sure end: the first possible one, else all there is.
                *patience = patience.saturating_sub(usize::from(self.possible_end.is_some()));
                self.end(self.possible_end.unwrap_or(scanner.rest().len()), scanner, deltas);
            }
            None => {
                let undecided = self.possible_end.unwrap_or(self.seen);
                let certain = undecided - self.newline_before(undecided, scanner.rest());
                self.take(certain, scanner, deltas);
                self.seen -= certain;
                self.possible_end = self.possible_end.map(|at| at - certain);
                return Look::Wait;
            }
        }
        Look::Yes(())
    }

    /// Looks for a sure end in what has not been looked at yet.
    fn find_end(&mut self, scanner: &Scanner, hasty: bool, wanted: impl Fn(&str) -> bool) -> Option<usize> {
        let (text, ended) = (scanner.rest(), scanner.ended());
        loop {
            let plain = text[self.seen..].find('<').unwrap_or(text.len() - self.seen);
            self.pass_text(&text[self.seen..self.seen + plain]);
            if self.seen == text.len() {
                return None;
            }
            let (tag, length) = match self.tags.tag(&text[self.seen..], ended) {
                Look::Yes(found) => found,
                Look::No => {
                    self.pass_text("<");
                    continue;
                }
                Look::Wait => return None,
            };
            match self.judge(&tag, &text[self.seen + length..], ended, &wanted) {
                Verdict::Wait => return None,
                Verdict::Sure => return Some(self.seen),
                Verdict::Possible if hasty => return Some(self.seen),
                Verdict::Possible => self.possible_end = self.possible_end.or(Some(self.seen)),
                Verdict::Text => {}
            }
            self.pass_tag(&tag, length);
        }
    }

    fn judge(&self, tag: &Tag, after: &str, ended: bool, wanted: impl Fn(&str) -> bool) -> Verdict {
        let quoted = self.depth > 0;
        match tag {
            Tag::ParameterClose => match after_parameter(self.tags, after, ended) {
                Verdict::Sure if quoted => Verdict::Possible,
                verdict => verdict,
            },
            Tag::ParameterOpen(next) if self.at_line_start && !quoted && wanted(&next.name) => Verdict::Sure,
            Tag::FunctionClose if !quoted => self.unannounced(after_function(self.tags, after, ended)),
            Tag::BlockClose if !quoted => self.unannounced(after_block(self.tags, after, ended)),
            _ => Verdict::Text,
        }
    }

    /// An end without `</parameter>` is never sure.
    fn unannounced(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Sure => Verdict::Possible,
            Verdict::Possible if !self.at_line_start => Verdict::Text,
            verdict => verdict,
        }
    }

    fn pass_text(&mut self, text: &str) {
        self.seen += text.len();
        let line = text.rsplit_once('\n').map(|(_, line)| line);
        self.at_line_start =
            (line.is_some() || self.at_line_start) && line.unwrap_or(text).trim_ascii().is_empty();
    }

    fn pass_tag(&mut self, tag: &Tag, length: usize) {
        match tag {
            Tag::FunctionOpen(_) if self.at_line_start || self.tags.block.is_none() => self.depth += 1,
            Tag::FunctionClose => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        // A function right after `<tool_call>` is as good as at a line's start, and so is one that has no block.
        self.at_line_start = *tag == Tag::BlockOpen;
        self.seen += length;
    }

    /// Takes the value, the newline before its closing tag, and the tag if it is the value's own.
    fn end(&mut self, at: usize, scanner: &mut Scanner, deltas: &mut Deltas) {
        let text = scanner.rest();
        let close = match self.tags.tag(&text[at..], scanner.ended()) {
            Look::Yes((Tag::ParameterClose, length)) => length,
            _ => 0,
        };
        let newline = if at < text.len() { self.newline_before(at, text) } else { 0 };
        self.take(at - newline, scanner, deltas);
        self.take_markup(newline + close, scanner, deltas);
        match &self.form {
            Form::Text => deltas.arguments("\""),
            Form::TextOrNull(held) if held == "null" => deltas.arguments("null"),
            Form::TextOrNull(held) => deltas.arguments(&string(held)),
            Form::Typed(kind, text) => deltas.arguments(&kind.json(text)),
            Form::Repeated => {}
        }
    }

    /// The newline before a closing tag at this place, which belongs to the tag.
    fn newline_before(&self, at: usize, text: &str) -> usize {
        if self.tags.value_lines { newlines_at_end(&text[..at], 1) } else { 0 }
    }

    /// Takes a tag or newline of the value's own; in a repeated parameter nothing is lost, not even these.
    fn take_markup(&self, length: usize, scanner: &mut Scanner, deltas: &mut Deltas) {
        match self.form {
            Form::Repeated => deltas.aside(scanner.take(length, Span::Content)),
            _ => _ = scanner.take(length, Span::Markup),
        }
    }

    fn take(&mut self, length: usize, scanner: &mut Scanner, deltas: &mut Deltas) {
        let span = if matches!(self.form, Form::Repeated) { Span::Content } else { Span::Argument };
        let text = scanner.take(length, span);
        let mut json = String::new();
        match &mut self.form {
            Form::Text => escape(text, &mut json),
            Form::TextOrNull(held) => {
                held.push_str(text);
                if !"null".starts_with(held.as_str()) {
                    json.push('"');
                    escape(held, &mut json);
                    self.form = Form::Text;
                }
            }
            Form::Typed(_, held) => held.push_str(text),
            Form::Repeated => deltas.aside(text),
        }
        deltas.arguments(&json);
    }
}

/// After `</parameter>`: another parameter, or the end of the call.
fn after_parameter(tags: &TagSet, text: &str, ended: bool) -> Verdict {
    match tags.next(text, ended) {
        Look::Yes(Next::End) => Verdict::Sure,
        Look::Yes(Next::Tag(Tag::ParameterOpen(_), _)) => Verdict::Sure,
        Look::Yes(Next::Tag(Tag::FunctionClose, at)) => after_function(tags, &text[at..], ended),
        Look::Yes(Next::Tag(Tag::BlockClose, at)) => after_block(tags, &text[at..], ended),
        Look::Yes(Next::Tag(Tag::FunctionOpen(_) | Tag::BlockOpen, _)) => Verdict::Possible,
        Look::Yes(Next::Tag(Tag::ParameterClose, _) | Next::Other) | Look::No => Verdict::Text,
        Look::Wait => Verdict::Wait,
    }
}

/// After `</function>`: the end of the block, or another call.
fn after_function(tags: &TagSet, text: &str, ended: bool) -> Verdict {
    match tags.next(text, ended) {
        Look::Yes(Next::End | Next::Tag(Tag::FunctionOpen(_) | Tag::BlockOpen, _)) => Verdict::Sure,
        Look::Yes(Next::Tag(Tag::BlockClose, at)) => after_block(tags, &text[at..], ended),
        Look::Yes(Next::Tag(..)) | Look::No => Verdict::Text,
        Look::Yes(Next::Other) => Verdict::Possible,
        Look::Wait => Verdict::Wait,
    }
}

/// After `</tool_call>`: another call, or the end of the output.
fn after_block(tags: &TagSet, text: &str, ended: bool) -> Verdict {
    match tags.next(text, ended) {
        Look::Yes(Next::End | Next::Tag(Tag::FunctionOpen(_) | Tag::BlockOpen, _)) => Verdict::Sure,
        Look::Yes(Next::Tag(..)) | Look::No => Verdict::Text,
        Look::Yes(Next::Other) => Verdict::Possible,
        Look::Wait => Verdict::Wait,
    }
}
