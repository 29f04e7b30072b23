//! gpt-oss's format. The whole output is messages, each with a header that names a channel; analysis is reasoning, and
//! what has a recipient is a call:
//!
//! ```text
//! <|channel|>analysis<|message|>REASONING<|end|>
//! <|start|>assistant<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{"KEY": "VALUE"}<|call|>
//! <|start|>assistant<|channel|>final<|message|>TEXT<|return|>
//! ```
//!
//! The recipient may stand before the channel, on any channel, and after `<|constrain|>`. A body that is no object is
//! no call but text of its channel. A mark ends a message only if another message or nothing follows it: a model that
//! writes about this format quotes the marks. Of a header that is broken only the marks are left out.

use super::Tools;
use super::candidate::{Candidate, Dialect, Given, Head, List};
use super::deltas::Deltas;
use super::json_call::JsonCall;
use super::lenient_json::Notation;
use super::peek::{Miss, Peek, is_plausible};
use super::scanner::{Look, Scanner, Span};

const START: &str = "<|start|>";
const CHANNEL: &str = "<|channel|>";
const CONSTRAIN: &str = "<|constrain|>";
const MESSAGE: &str = "<|message|>";

/// Marks that end a message.
const ENDS: &[&str] = &["<|call|>", "<|end|>", "<|return|>"];

/// All marks.
pub(super) const MARKS: &[&str] = &[START, CHANNEL, CONSTRAIN, MESSAGE, "<|call|>", "<|end|>", "<|return|>"];

/// Bytes of a header after its first mark.
const LONGEST_HEADER: usize = 256;

static DIALECT: Dialect = Dialect {
    open: |_| Ok(()),
    head: Some(head),
    notation: Notation::JSON.ending(ENDS, &[]),
    close: ENDS,
    list: List::No,
};

/// What a message is.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Reasoning,
    Content,
}

impl Kind {
    fn of(channel: &str) -> Self {
        if channel.starts_with("analysis") { Self::Reasoning } else { Self::Content }
    }
}

/// A reader of messages.
#[derive(Debug)]
pub(super) struct Harmony {
    at: At,
}

#[derive(Debug)]
enum At {
    /// Where a header may stand.
    Header(Candidate),
    Body(Kind),
    Call(JsonCall),
}

impl At {
    fn header() -> Self {
        Self::Header(Candidate::new(&DIALECT))
    }
}

impl Harmony {
    pub(super) fn new() -> Self {
        Self { at: At::header() }
    }

    /// Reads on until more text is needed.
    pub(super) fn read(
        &mut self,
        scanner: &mut Scanner,
        deltas: &mut Deltas,
        tools: &Tools,
        patience: &mut usize,
    ) -> Look<()> {
        loop {
            let look = match &mut self.at {
                At::Header(_) if scanner.rest().is_empty() => Look::Wait,
                At::Header(_) => self.header(scanner, deltas, tools, patience),
                At::Body(kind) => read_body(*kind, scanner, deltas),
                At::Call(call) => call.read(scanner, deltas, patience),
            };
            match look {
                Look::Wait => return Look::Wait,
                Look::Yes(()) => self.at = At::header(),
                Look::No => {}
            }
            if !deltas.in_call() {
                scanner.recorded();
            }
        }
    }

    /// A header, or what stands in its place. `No`: something has been taken.
    fn header(
        &mut self,
        scanner: &mut Scanner,
        deltas: &mut Deltas,
        tools: &Tools,
        patience: &mut usize,
    ) -> Look<()> {
        let At::Header(candidate) = &mut self.at else { return Look::No };
        let (rest, ended) = (scanner.rest(), scanner.ended());
        if tools.callable() {
            match candidate.look(rest, ended, is_plausible, patience) {
                Look::Wait => return Look::Wait,
                Look::No => {}
                Look::Yes(found) => {
                    let candidate = std::mem::replace(candidate, Candidate::new(&DIALECT));
                    scanner.record();
                    candidate.take(0, scanner);
                    self.at = At::Call(JsonCall::start(candidate, found, deltas));
                    return Look::No;
                }
            }
        }
        match markup(rest, ended) {
            Ok((length, kind)) => {
                scanner.take(length, Span::Markup);
                self.at = kind.map_or_else(At::header, At::Body);
                Look::No
            }
            Err(_) => Look::Wait,
        }
    }

    /// Gives out what is held back when the output was cut off outside a call.
    pub(super) fn flush(&self, scanner: &mut Scanner, deltas: &mut Deltas) {
        let kind = match &self.at {
            At::Header(_) => take_headers(scanner),
            At::Body(kind) => {
                let mut end = Peek::new(scanner.rest(), true);
                if end.one_of(ENDS) == Ok(true) {
                    scanner.take(end.at, Span::Markup);
                }
                *kind
            }
            At::Call(call) => {
                if call.is_closing(scanner.rest()) {
                    scanner.take(scanner.rest().len(), Span::Markup);
                }
                Kind::Content
            }
        };
        give(kind, scanner.rest().len(), scanner, deltas);
    }
}

/// Takes what there is of headers; says what comes after them.
fn take_headers(scanner: &mut Scanner) -> Kind {
    while let Ok((length, kind)) = markup(scanner.rest(), true) {
        scanner.take(length, Span::Markup);
        if let Some(kind) = kind {
            return kind;
        }
    }
    Kind::Content
}

/// A header with a recipient, up to where the arguments begin.
fn head(peek: &mut Peek) -> Result<Head, Miss> {
    let name = recipient(header(peek)?).ok_or(Miss::No)?.to_owned();
    peek.gap()?;
    let mut end = *peek;
    let nothing = end.one_of(ENDS)? || end.next()?.is_none();
    Ok(Head { name, given: if nothing { Given::Nothing } else { Given::next(peek)? } })
}

/// Passes a whole header.
fn header<'t>(peek: &mut Peek<'t>) -> Result<&'t str, Miss> {
    let mut inside = *peek;
    inside.gap()?;
    if !inside.one_of(&[START, CHANNEL, "to="])? {
        return Err(Miss::No);
    }
    let rest = inside.rest();
    let window = &rest[..rest.floor_char_boundary(LONGEST_HEADER)];
    let stop = ENDS.iter().chain([&START]).filter_map(|mark| window.find(mark)).min();
    match window.find(MESSAGE) {
        Some(at) if stop.is_none_or(|stop| stop > at) => {
            let text = &peek.rest()[..inside.at - peek.at + at];
            peek.at = inside.at + at + MESSAGE.len();
            Ok(text)
        }
        None if stop.is_none() && rest.len() < LONGEST_HEADER && !peek.ended => Err(Miss::Wait),
        _ => Err(Miss::No),
    }
}

/// The tool that a message is for.
fn recipient(header: &str) -> Option<&str> {
    let after = |mark: &str| header.split_once(mark).map(|(_, after)| after);
    let constrained = || after(CONSTRAIN).filter(|after| after.starts_with("functions."));
    let words = after("to=").or_else(constrained)?;
    let name = words.split(|c: char| c == '<' || c.is_ascii_whitespace()).next()?;
    let name = name.strip_prefix("functions.").unwrap_or(name);
    (!matches!(name, "" | "assistant" | "user" | "system" | "developer" | "all")).then_some(name)
}

/// The length of a header, whole or broken, and what the message is; another header's place if it is broken off.
fn markup(text: &str, ended: bool) -> Result<(usize, Option<Kind>), Miss> {
    let mut peek = Peek::new(text, ended);
    match header(&mut peek) {
        Ok(header) => {
            let channel = header.split_once(CHANNEL).map_or("", |(_, channel)| channel);
            return Ok((peek.at, Some(Kind::of(channel))));
        }
        Err(Miss::Wait) => return Err(Miss::Wait),
        Err(Miss::No) => {}
    }
    let mut broken = peek;
    if broken.gap().is_err() {
        return Ok((0, Some(Kind::Content)));
    }
    if broken.optional(START)? {
        let role = word_at_front(broken.rest(), &["assistant"]);
        return Ok((broken.at + role.len(), None));
    }
    if broken.optional(CHANNEL)? {
        let channel = word_at_front(broken.rest(), &["analysis", "commentary", "final"]);
        return Ok((broken.at + channel.len(), Some(Kind::of(channel))));
    }
    Ok((0, Some(Kind::Content)))
}

/// Which of these words is at the front, or the beginning of which is all there is.
fn word_at_front<'t>(text: &'t str, words: &[&str]) -> &'t str {
    let length = words.iter().find_map(|word| match text.starts_with(word) {
        true => Some(word.len()),
        false => word.starts_with(text).then_some(text.len()),
    });
    &text[..length.unwrap_or(0)]
}

/// Reads a message's text; `Yes` where a header may stand.
fn read_body(kind: Kind, scanner: &mut Scanner, deltas: &mut Deltas) -> Look<()> {
    loop {
        let (rest, ended) = (scanner.rest(), scanner.ended());
        let plain = rest.find('<').unwrap_or(rest.len());
        let end = match rest.len() {
            length if plain == length => Err(Miss::Wait),
            _ => message_end(&rest[plain..], ended),
        };
        match end {
            Ok(length) => {
                give(kind, plain, scanner, deltas);
                scanner.take(length, Span::Markup);
                return Look::Yes(());
            }
            Err(Miss::Wait) => {
                give(kind, plain, scanner, deltas);
                return Look::Wait;
            }
            Err(Miss::No) => give(kind, plain + 1, scanner, deltas),
        }
    }
}

/// The length of the mark that ends a message here; 0 where the next header stands without one.
fn message_end(text: &str, ended: bool) -> Result<usize, Miss> {
    let mut peek = Peek::new(text, ended);
    if !peek.one_of(ENDS)? {
        header(&mut peek)?;
        return Ok(0);
    }
    let length = peek.at;
    peek.gap()?;
    let another = peek.one_of(&[START, CHANNEL])?;
    if another || peek.next()?.is_none() { Ok(length) } else { Err(Miss::No) }
}

fn give(kind: Kind, length: usize, scanner: &mut Scanner, deltas: &mut Deltas) {
    match kind {
        Kind::Reasoning => deltas.reasoning(scanner.take(length, Span::Reasoning)),
        Kind::Content => deltas.content(scanner.take(length, Span::Content)),
    }
}
