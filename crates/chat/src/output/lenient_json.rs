//! JSON as models write it, to JSON as parsers accept it, a piece at a time.
//!
//! Repaired without asking: raw newlines and control characters in strings, escapes that JSON does not know, unescaped
//! quotes, single quotes, Python's `True`, `False` and `None`, bare keys, trailing and missing commas. Whatever else
//! comes is made into a string and counts as a guess ([`LenientJson::guessed`]).
//!
//! A quote ends a string only if what follows it, after white space, is something JSON allows there. So in
//! `{"a": "say "hi" to me", "b": 1}` the inner quotes are text.

mod notation;
mod strings;
mod writer;

use super::json::{is_number, string};
use super::scanner::Look;
pub(super) use notation::Notation;
pub(super) use writer::Field;
use writer::Writer;

/// Nesting beyond this is kept as text, so that every JSON parser can read what comes out.
const DEEPEST: usize = 100;

/// How far reading got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// More text is needed.
    Wait,
    /// The value is complete.
    Done,
    /// The text ends, or the calls' end tag stands, where the value goes on.
    Cut,
}

/// A reader of one JSON value.
#[derive(Debug)]
pub(super) struct LenientJson {
    notation: &'static Notation,
    at: At,
    writer: Writer,
    pub(super) guessed: bool,
}

#[derive(Debug)]
enum At {
    Value,
    Key,
    Colon,
    /// After a value: a comma or the container's end.
    Next,
    Text {
        quote: &'static str,
        key: bool,
        text: String,
    },
    /// A number, a word, or rubbish.
    Bare {
        key: bool,
        text: String,
    },
    Done,
}

impl LenientJson {
    /// A reader of one value whose JSON comes out whole.
    pub(super) fn whole(notation: &'static Notation) -> Self {
        Self { notation, at: At::Value, writer: Writer::default(), guessed: false }
    }

    /// A reader of an object whose fields come out one by one.
    pub(super) fn by_field(notation: &'static Notation) -> Self {
        Self { writer: Writer::by_field(), ..Self::whole(notation) }
    }

    /// A reader of an object whose opening bracket has been read.
    pub(super) fn opened(notation: &'static Notation) -> Self {
        let mut json = Self { at: At::Key, ..Self::whole(notation) };
        json.writer.open(true);
        json
    }

    /// A reader that has nothing to read.
    pub(super) fn done(notation: &'static Notation) -> Self {
        Self { at: At::Done, ..Self::whole(notation) }
    }

    /// The JSON since this was last asked, of a reader of a whole value.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.writer.out)
    }

    /// The fields so far, of a reader by field.
    pub(super) fn fields(&self) -> &[Field] {
        self.writer.fields.as_deref().unwrap_or_default()
    }

    /// The same, to take from what they hold.
    pub(super) fn fields_mut(&mut self) -> &mut [Field] {
        self.writer.fields.as_deref_mut().unwrap_or_default()
    }

    /// The JSON that `text` means, if it takes no guess to say so.
    pub(super) fn repair(text: &str) -> Option<String> {
        let mut json = Self::whole(&Notation::JSON);
        let (read, status) = json.advance(text, true);
        let whole = status == Status::Done && text[read..].trim().is_empty();
        (whole && !json.guessed).then(|| json.take())
    }

    /// Reads on; returns how many bytes of `text` it has dealt with.
    pub(super) fn advance(&mut self, text: &str, ended: bool) -> (usize, Status) {
        let mut read = 0;
        loop {
            match self.step(&text[read..], ended) {
                (taken, None) => read += taken,
                (_, Some(status)) => return (read, status),
            }
        }
    }

    /// Reads the next bit, one decision at most; returns its bytes, or why there is none.
    pub(super) fn step(&mut self, text: &str, ended: bool) -> (usize, Option<Status>) {
        let step = match self.at {
            At::Done => return (0, Some(Status::Done)),
            At::Text { .. } => self.text(text, ended),
            At::Bare { .. } => self.bare(text, ended),
            _ => self.structure(text, ended),
        };
        match step {
            Look::Yes(taken) => (taken, None),
            Look::Wait => (0, Some(Status::Wait)),
            Look::No => (0, Some(Status::Cut)),
        }
    }

    /// Ends the value where it stands: open strings and containers are closed, missing values are null.
    pub(super) fn close(&mut self) {
        loop {
            match &self.at {
                At::Done => return,
                At::Text { .. } => self.end_text(),
                At::Bare { .. } => self.end_bare(),
                // After a comma in an array nothing is missing.
                At::Value if self.writer.in_array() => self.end_value(),
                At::Value | At::Colon => self.null(),
                At::Key | At::Next => self.close_container(),
            }
        }
    }

    /// Where the value is made of punctuation: returns the bytes read, or `No` where the value is cut.
    fn structure(&mut self, text: &str, ended: bool) -> Look<usize> {
        let space = text.len() - text.trim_ascii_start().len();
        if space > 0 {
            return Look::Yes(space);
        }
        let Some(next) = text.chars().next() else { return if ended { Look::No } else { Look::Wait } };
        match self.notation.end(text, ended) {
            Look::Yes(_) => return Look::No,
            Look::Wait => return Look::Wait,
            Look::No => {}
        }
        if matches!(self.at, At::Value | At::Key) {
            match self.notation.quote(text, ended) {
                Look::Yes(quote) => return Look::Yes(self.open_text(quote)),
                Look::Wait => return Look::Wait,
                Look::No => {}
            }
        }
        let read = match self.at {
            At::Value => self.value(next),
            At::Key => self.key(next),
            At::Colon => self.colon(next),
            _ => self.next(next),
        };
        Look::Yes(read)
    }

    fn value(&mut self, next: char) -> usize {
        let in_array = self.writer.in_array();
        match next {
            '{' | '[' if self.writer.depth() < DEEPEST => {
                self.writer.begin_value();
                self.writer.open(next == '{');
                self.at = if next == '{' { At::Key } else { At::Value };
            }
            '(' if self.notation.python && self.writer.depth() < DEEPEST => {
                self.writer.begin_value();
                self.writer.open(false);
                self.at = At::Value;
            }
            _ if in_array && self.notation.closes(next) => {
                self.guessed |= next == '}';
                self.close_container();
                return usize::from(next != '}');
            }
            ',' if in_array => self.guessed = true,
            _ if self.writer.in_object() && (next == ',' || self.notation.closes(next)) => {
                self.guessed = true;
                self.null();
                return 0;
            }
            _ => self.at = At::Bare { key: false, text: next.to_string() },
        }
        next.len_utf8()
    }

    fn key(&mut self, next: char) -> usize {
        match next {
            _ if self.closes_object(next) => self.close_container(),
            _ if self.notation.closes(next) => {
                self.guessed = true;
                self.close_container();
                return 0;
            }
            ',' => self.guessed = true,
            _ => self.at = At::Bare { key: true, text: next.to_string() },
        }
        next.len_utf8()
    }

    fn colon(&mut self, next: char) -> usize {
        // Without a colon the value comes at once.
        let joins = self.notation.joins(next);
        self.guessed |= !joins;
        self.at = At::Value;
        usize::from(joins)
    }

    fn next(&mut self, next: char) -> usize {
        let in_object = self.writer.in_object();
        let go_on = if in_object { At::Key } else { At::Value };
        match next {
            ',' => self.at = go_on,
            _ if self.notation.closes(next) => {
                let object = self.closes_object(next);
                let own = object == in_object;
                self.guessed |= !own;
                // A bracket of the wrong kind closes what it cannot belong to, and then what it can.
                let belongs = self.writer.is_inside(object);
                if own || belongs {
                    self.close_container();
                }
                return usize::from(own || !belongs);
            }
            // A missing comma.
            _ => {
                self.at = go_on;
                return 0;
            }
        }
        1
    }

    /// Whether this closing bracket is an object's. The arguments of a Python call are an object between parentheses.
    fn closes_object(&self, bracket: char) -> bool {
        bracket == '}' || (bracket == ')' && self.writer.depth() == 1)
    }

    /// Begins a string; returns the bytes of its quote.
    fn open_text(&mut self, quote: &'static str) -> usize {
        let key = matches!(self.at, At::Key);
        if !key {
            self.writer.begin_value();
            self.writer.raw("\"");
        }
        self.at = At::Text { quote, key, text: String::new() };
        quote.len()
    }

    /// A number or a word: text up to what ends it.
    fn bare(&mut self, rest: &str, ended: bool) -> Look<usize> {
        let At::Bare { key, .. } = self.at else { return Look::No };
        let end = |byte: u8| {
            let next = char::from(byte);
            let joins = byte == b':' || (key && self.notation.joins(next));
            joins
                || matches!(byte, b',' | b'<' | b'"')
                || self.notation.closes(next)
                || byte.is_ascii_whitespace()
        };
        let length = rest.bytes().position(end);
        if let At::Bare { text, .. } = &mut self.at {
            text.push_str(&rest[..length.unwrap_or(rest.len())]);
        }
        match length {
            Some(length) => {
                self.end_bare();
                Look::Yes(length)
            }
            None if ended => {
                self.end_bare();
                Look::Yes(rest.len())
            }
            None => Look::Wait.or_read(rest.len()),
        }
    }

    fn end_bare(&mut self) {
        let At::Bare { key, text } = std::mem::replace(&mut self.at, At::Next) else { return };
        if key {
            return self.end_key(text);
        }
        let json = match text.as_str() {
            "true" | "True" => "true",
            "false" | "False" => "false",
            "null" | "None" => "null",
            number if is_number(number) => number,
            _ => {
                self.guessed = true;
                &string(&text)
            }
        };
        self.writer.begin_value();
        self.writer.raw(json);
        self.end_value();
    }

    fn end_text(&mut self) {
        match std::mem::replace(&mut self.at, At::Next) {
            At::Text { key: true, text, .. } => self.end_key(text),
            _ => {
                self.writer.raw("\"");
                self.end_value();
            }
        }
    }

    fn end_key(&mut self, key: String) {
        self.writer.key(key);
        self.at = At::Colon;
    }

    /// Adds to the string being read: to the output if it is a value, aside if it is a key.
    fn append(&mut self, decoded: &str) {
        match &mut self.at {
            At::Text { key: true, text, .. } => text.push_str(decoded),
            _ => self.writer.text(decoded),
        }
    }

    /// A value that is missing.
    fn null(&mut self) {
        self.writer.begin_value();
        self.writer.raw("null");
        self.end_value();
    }

    fn end_value(&mut self) {
        self.writer.end_value();
        self.at = if self.writer.depth() == 0 { At::Done } else { At::Next };
    }

    fn close_container(&mut self) {
        self.writer.close();
        self.end_value();
    }
}

impl Look<usize> {
    /// The bytes read, if any; else the answer itself.
    fn or_read(self, read: usize) -> Self {
        if read > 0 { Look::Yes(read) } else { self }
    }
}
