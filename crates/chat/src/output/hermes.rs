//! The body of a call in the Hermes format:
//!
//! ```text
//! <tool_call>
//! {"name": "NAME", "arguments": {"KEY": "VALUE"}}
//! </tool_call>
//! ```
//!
//! The arguments go out as they come in, made valid on the way ([`LenientJson`]). They may be called `parameters` or
//! `input`, come before the name, be JSON text in a string, or be missing; the whole may stand in `"function"`. A block
//! may hold several objects. An object that has no name, or whose arguments are no object, is not a call: it stays text.

use super::deltas::Deltas;
use super::lenient_json::{Field, LenientJson, Status};
use super::scanner::{Look, Scanner, Span, gap, literal};
use super::tags::{BLOCK_CLOSE, BLOCK_OPEN};

/// Bytes of a tool's name, quotes included.
const LONGEST_NAME: usize = 130;

/// Bytes of an object in which, as a rule, its name and the beginning of its arguments stand.
const SHORT_PRELUDE: usize = 512;

/// An object that may turn out to be a call. It only looks; nothing is taken until it is one.
#[derive(Debug)]
pub(super) struct Candidate {
    json: LenientJson,
    /// Bytes looked at.
    pub(super) seen: usize,
}

/// What a [`Candidate`] turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    arguments: Arguments,
}

/// Where a call's arguments come from.
#[derive(Debug, PartialEq, Eq)]
enum Arguments {
    /// The field at this place in the object, which is being read.
    Field(usize),
    /// All there will be.
    Whole(String),
}

impl Candidate {
    pub(super) fn new() -> Self {
        Self { json: LenientJson::by_field(), seen: 0 }
    }

    /// Reads on in `text`, which begins where the object begins. `callable` says which names make a call. Looking far
    /// ahead in vain costs patience.
    pub(super) fn look(
        &mut self,
        text: &str,
        ended: bool,
        callable: impl Fn(&str) -> bool,
        patience: &mut usize,
    ) -> Look<Found> {
        let look = match self.look_ahead(text, ended, *patience > 0) {
            Look::Yes(found) if !callable(&found.name) => Look::No,
            look => look,
        };
        if look == Look::No && self.seen > SHORT_PRELUDE {
            *patience = patience.saturating_sub(1);
        }
        look
    }

    fn look_ahead(&mut self, text: &str, ended: bool, far: bool) -> Look<Found> {
        if !text.starts_with('{') {
            return if text.is_empty() && !ended { Look::Wait } else { Look::No };
        }
        // Step by step: whether this is a call must not depend on how much of the text has come in.
        loop {
            let (read, status) = self.json.step(&text[self.seen..], ended);
            self.seen += read;
            let guessed = self.json.guessed;
            if status == Some(Status::Cut) {
                self.json.close();
            }
            let complete = matches!(status, Some(Status::Done | Status::Cut));
            match find_call(self.json.fields(), complete) {
                // What took a guess to read may be no JSON at all.
                _ if guessed => return Look::No,
                _ if !far && self.seen > SHORT_PRELUDE => return Look::No,
                Look::Wait if complete => return Look::No,
                Look::Wait if status == Some(Status::Wait) => return Look::Wait,
                Look::Wait => {}
                decided => return decided,
            }
        }
    }
}

/// Name and arguments among an object's fields.
fn find_call(fields: &[Field], complete: bool) -> Look<Found> {
    if let Some(inner) = fields.iter().find(|field| field.key == "function" && field.json.starts_with('{')) {
        return if inner.complete { find_inner_call(&inner.json) } else { Look::Wait };
    }
    let Some(name) = fields.iter().find(|field| field.key == "name") else { return Look::Wait };
    if name.json.len() > LONGEST_NAME {
        return Look::No;
    }
    if !name.complete {
        return Look::Wait;
    }
    let Ok(name) = serde_json::from_str::<String>(&name.json) else { return Look::No };
    let is_arguments = |field: &Field| matches!(field.key.as_str(), "arguments" | "parameters" | "input");
    let arguments = match fields.iter().position(is_arguments) {
        None if complete => Arguments::Whole("{}".to_owned()),
        None => return Look::Wait,
        Some(at) => match fields[at].json.as_bytes().first() {
            Some(b'{') => Arguments::Field(at),
            _ if !fields[at].complete => return Look::Wait,
            _ => match whole_arguments(&fields[at].json) {
                Some(json) => Arguments::Whole(json),
                None => return Look::No,
            },
        },
    };
    if name.is_empty() { Look::No } else { Look::Yes(Found { name, arguments }) }
}

/// The call in `{"function": {"name": ..., "arguments": ...}}`.
fn find_inner_call(json: &str) -> Look<Found> {
    let mut inner = LenientJson::by_field();
    inner.advance(json, true);
    match find_call(inner.fields(), true) {
        Look::Yes(Found { name, arguments: Arguments::Field(at) }) => {
            let json = std::mem::take(&mut inner.fields_mut()[at].json);
            Look::Yes(Found { name, arguments: Arguments::Whole(json) })
        }
        Look::Wait => Look::No,
        look => look,
    }
}

/// Arguments that are no object: nothing, or the JSON text of an object in a string.
fn whole_arguments(json: &str) -> Option<String> {
    if json == "null" {
        return Some("{}".to_owned());
    }
    let text: String = serde_json::from_str(json).ok()?;
    let text = text.trim();
    if text.is_empty() {
        return Some("{}".to_owned());
    }
    LenientJson::repair(text).filter(|json| json.starts_with('{'))
}

/// A block of calls after its first object has turned out to be one.
#[derive(Debug)]
pub(super) struct JsonCall {
    at: At,
}

#[derive(Debug)]
enum At {
    Object { json: LenientJson, arguments: Arguments },
    Between { candidate: Candidate },
}

impl JsonCall {
    /// A call whose object has been taken as far as the candidate looked.
    pub(super) fn start(candidate: Candidate, found: Found, deltas: &mut Deltas) -> Self {
        deltas.start_call(&found.name);
        Self { at: At::Object { json: candidate.json, arguments: found.arguments } }
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
        match arguments {
            Arguments::Whole(whole) => deltas.arguments(&std::mem::take(whole)),
            Arguments::Field(at) => {
                deltas.arguments(&std::mem::take(&mut json.fields_mut()[*at].json));
            }
        }
        if status == Status::Wait {
            return Look::Wait;
        }
        deltas.end_call();
        self.at = At::Between { candidate: Candidate::new() };
        Look::No
    }

    /// After an object: the block's end, or another object.
    fn between(&mut self, scanner: &mut Scanner, deltas: &mut Deltas, patience: &mut usize) -> Look<()> {
        let At::Between { candidate } = &mut self.at else { return Look::No };
        let (rest, ended) = (scanner.rest(), scanner.ended());
        let skipped = match separators(rest, ended) {
            Look::Yes(skipped) => skipped,
            Look::Wait => return Look::Wait,
            Look::No => return Look::Yes(()),
        };
        let next = &rest[skipped..];
        match literal(next, BLOCK_CLOSE, ended) {
            Look::Yes(()) => {
                scanner.take(skipped + BLOCK_CLOSE.len(), Span::Markup);
                return Look::Yes(());
            }
            Look::Wait => return Look::Wait,
            Look::No => {}
        }
        if next.is_empty() || next.starts_with(BLOCK_OPEN) {
            // The block's end is missing; what would have stood before it goes with it.
            scanner.take(if next.is_empty() { skipped } else { 0 }, Span::Markup);
            return Look::Yes(());
        }
        match candidate.look(next, ended, |_| true, patience) {
            Look::Wait => Look::Wait,
            Look::No => Look::Yes(()),
            Look::Yes(found) => {
                let candidate = std::mem::replace(candidate, Candidate::new());
                scanner.record();
                scanner.take(skipped + candidate.seen, Span::Argument);
                *self = Self::start(candidate, found, deltas);
                Look::No
            }
        }
    }
}

/// What may stand between objects: white space, commas and semicolons, and brackets too many.
fn separators(text: &str, ended: bool) -> Look<usize> {
    let separator = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b';' | b']' | b'}');
    let skipped = text.bytes().take(64).take_while(separator).count();
    if skipped == text.len() && !ended { Look::Wait } else { Look::Yes(skipped) }
}

/// White space and an array's opening bracket before the first object of a block.
pub(super) fn before_first(text: &str, ended: bool) -> Look<usize> {
    gap(text, ended).and_then(|space| match text[space..].strip_prefix('[') {
        Some(items) => gap(items, ended).map(|more| space + 1 + more),
        None => Look::Yes(space),
    })
}
