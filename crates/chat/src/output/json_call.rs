//! The body of a call in the formats that write the arguments as one object, in JSON or nearly so.
//!
//! The call is an object that has a name among its fields, as in `{"name": "NAME", "arguments": {"KEY": "VALUE"}}`, or
//! a name followed by the arguments, as the format's `Dialect` says. The arguments go out as they come in, made valid
//! on the way ([`LenientJson`]). In an object they may be called `parameters` or `input`, come before the name, or be
//! missing; the whole may stand in `"function"`. They may be JSON text in a string. A block may hold several calls. An
//! object that has no name, or whose arguments are no object, is not a call: it stays text.

use super::candidate::{Arguments, Candidate, Dialect, Found, List};
use super::deltas::Deltas;
use super::lenient_json::{LenientJson, Status};
use super::scanner::{Look, Scanner, Span, gap, literal};

/// A call, or a block of them, after the first has turned out to be one.
#[derive(Debug)]
pub(super) struct JsonCall {
    dialect: &'static Dialect,
    at: At,
}

#[derive(Debug)]
enum At {
    Object { json: LenientJson, arguments: Arguments },
    Between { candidate: Candidate },
}

impl JsonCall {
    /// A call whose text has been taken as far as the candidate looked.
    pub(super) fn start(candidate: Candidate, found: Found, deltas: &mut Deltas) -> Self {
        deltas.start_call(&found.name);
        let at = At::Object { json: candidate.json, arguments: found.arguments };
        Self { dialect: candidate.dialect, at }
    }

    /// Reads on; `Yes` once the block is over and what comes next is text again.
    pub(super) fn read(
        &mut self,
        scanner: &mut Scanner,
        deltas: &mut Deltas,
        patience: &mut usize,
    ) -> Look<()> {
        loop {
            let look = match &mut self.at {
                At::Object { .. } => self.object(scanner, deltas),
                At::Between { .. } => self.between(scanner, deltas, patience),
            };
            // `No`: not over yet, go on.
            if look != Look::No {
                return look;
            }
        }
    }

    fn object(&mut self, scanner: &mut Scanner, deltas: &mut Deltas) -> Look<()> {
        let At::Object { json, arguments } = &mut self.at else { return Look::No };
        let (read, status) = json.advance(scanner.rest(), scanner.ended());
        scanner.take(read, Span::Argument);
        if status == Status::Cut {
            json.close();
        }
        let ready = match arguments {
            Arguments::Whole(whole) => std::mem::take(whole),
            Arguments::Object => json.take(),
            Arguments::Field(at) => std::mem::take(&mut json.fields_mut()[*at].json),
        };
        deltas.arguments(&ready);
        if status == Status::Wait {
            return Look::Wait;
        }
        deltas.end_call();
        self.at = At::Between { candidate: Candidate::new(self.dialect) };
        Look::No
    }

    /// After a call: what closes it, or another call.
    fn between(&mut self, scanner: &mut Scanner, deltas: &mut Deltas, patience: &mut usize) -> Look<()> {
        let At::Between { candidate } = &mut self.at else { return Look::No };
        let (rest, ended) = (scanner.rest(), scanner.ended());
        let skipped = match separators(rest, ended) {
            Look::Yes(skipped) => skipped,
            look => return look.map(|_| ()),
        };
        match closed(self.dialect.close, &rest[skipped..], ended) {
            Look::Yes(length) => {
                scanner.take(skipped + length, Span::Markup);
                return Look::Yes(());
            }
            Look::Wait => return Look::Wait,
            Look::No => {}
        }
        let next = &rest[skipped..];
        if next.is_empty() {
            // The end is missing; what would have stood before it goes with it.
            scanner.take(skipped, Span::Markup);
            return Look::Yes(());
        }
        let listed = match self.dialect.list {
            List::No => false,
            List::Objects => next.starts_with('{'),
            List::Calls => true,
        };
        if !listed {
            return Look::Yes(());
        }
        match candidate.look(next, ended, |_| true, patience) {
            Look::Wait => Look::Wait,
            Look::No => Look::Yes(()),
            Look::Yes(found) => {
                let candidate = std::mem::replace(candidate, Candidate::new(self.dialect));
                scanner.record();
                candidate.take(skipped, scanner);
                *self = Self::start(candidate, found, deltas);
                Look::No
            }
        }
    }

    /// Whether the text that the output was cut off at is the beginning of what closes the call.
    pub(super) fn is_closing(&self, text: &str) -> bool {
        let mut rest = text.trim_start_matches(|c: char| c.is_ascii() && is_separator(c as u8));
        for close in self.dialect.close {
            rest = rest.strip_prefix(close).unwrap_or(rest).trim_ascii_start();
        }
        rest.is_empty() || self.dialect.close.iter().any(|close| close.starts_with(rest))
    }
}

/// The length of what closes a call, if any of it stands at the front.
fn closed(close: &[&str], text: &str, ended: bool) -> Look<usize> {
    let mut length = None;
    for mark in close {
        let from = length.unwrap_or(0);
        let space = match gap(&text[from..], ended) {
            Look::Yes(space) => space,
            Look::Wait => return Look::Wait,
            Look::No => break,
        };
        match literal(&text[from + space..], mark, ended) {
            Look::Yes(()) => length = Some(from + space + mark.len()),
            Look::Wait => return Look::Wait,
            Look::No => {}
        }
    }
    length.map_or(Look::No, Look::Yes)
}

/// What may stand between calls: white space, commas and semicolons, and brackets too many.
fn separators(text: &str, ended: bool) -> Look<usize> {
    let skipped = text.bytes().take(64).take_while(|byte| is_separator(*byte)).count();
    if skipped == text.len() && !ended { Look::Wait } else { Look::Yes(skipped) }
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b',' | b';' | b']' | b'}' | b')')
}
