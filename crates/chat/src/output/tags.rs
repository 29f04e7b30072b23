//! The tags of the Qwen3-Coder format, with the ways in which models misspell them.

use super::scanner::{Look, gap, literal};

pub(super) const BLOCK_OPEN: &str = "<tool_call>";
pub(super) const BLOCK_CLOSE: &str = "</tool_call>";
const FUNCTION_OPEN: &str = "<function=";
const FUNCTION_CLOSE: &str = "</function>";
const PARAMETER_OPEN: &str = "<parameter=";
const PARAMETER_CLOSE: &str = "</parameter";

/// Bytes of a function's or parameter's name.
const LONGEST_NAME: usize = 128;

/// A tag, without its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// `<tool_call>`
    BlockOpen,
    /// `</tool_call>`
    BlockClose,
    /// `<function=NAME>`; the name stands in quotes sometimes, and the `>` may be missing at a line's end.
    FunctionOpen(String),
    /// `</function>`
    FunctionClose,
    /// `<parameter=NAME>`, likewise.
    ParameterOpen(String),
    /// `</parameter>`, and what models make of it: `</parameter1>`, `</parameter_x>`, `</parameter`.
    ParameterClose,
}

/// The tag at the front, and its length.
pub(super) fn tag(text: &str, ended: bool) -> Look<(Tag, usize)> {
    let whole =
        [(BLOCK_OPEN, Tag::BlockOpen), (BLOCK_CLOSE, Tag::BlockClose), (FUNCTION_CLOSE, Tag::FunctionClose)];
    let mut wait = false;
    for (spelling, tag) in whole {
        match literal(text, spelling, ended) {
            Look::Yes(()) => return Look::Yes((tag, spelling.len())),
            look => wait |= look == Look::Wait,
        }
    }
    for (spelling, named) in
        [(FUNCTION_OPEN, Tag::FunctionOpen as fn(String) -> Tag), (PARAMETER_OPEN, Tag::ParameterOpen)]
    {
        match literal(text, spelling, ended) {
            Look::Yes(()) => return open_tag(text, spelling.len(), named, ended),
            look => wait |= look == Look::Wait,
        }
    }
    match literal(text, PARAMETER_CLOSE, ended) {
        Look::Yes(()) => parameter_close(text, ended),
        Look::No if !wait => Look::No,
        _ => Look::Wait,
    }
}

/// `<function=` or `<parameter=` with what follows it up to `>`, or up to the line's end.
fn open_tag(text: &str, prefix: usize, named: fn(String) -> Tag, ended: bool) -> Look<(Tag, usize)> {
    let name = &text[prefix..];
    let length =
        name.bytes().take(LONGEST_NAME + 1).take_while(|b| !matches!(b, b'>' | b'<' | b'\n')).count();
    let close = match name.as_bytes().get(length) {
        _ if length > LONGEST_NAME => return Look::No,
        None if ended => return Look::No,
        None => return Look::Wait,
        Some(b'<') => return Look::No,
        Some(close) => usize::from(*close == b'>'),
    };
    let name = name[..length].trim();
    let unquoted = ['"', '\''].into_iter().find_map(|quote| name.strip_prefix(quote)?.strip_suffix(quote));
    let name = unquoted.unwrap_or(name);
    if name.is_empty() { Look::No } else { Look::Yes((named(name.to_owned()), prefix + length + close)) }
}

fn parameter_close(text: &str, ended: bool) -> Look<(Tag, usize)> {
    let drift = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'=');
    let after = &text[PARAMETER_CLOSE.len()..];
    let length = after.bytes().take(LONGEST_NAME).take_while(drift).count();
    let close = match after.as_bytes().get(length) {
        None if !ended => return Look::Wait,
        close => usize::from(close == Some(&b'>')),
    };
    Look::Yes((Tag::ParameterClose, PARAMETER_CLOSE.len() + length + close))
}

/// What comes next after white space.
#[derive(Debug)]
pub(super) enum Next {
    /// A tag; the text after it starts at this offset.
    Tag(Tag, usize),
    /// Anything else.
    Other,
    /// The end of the output.
    End,
}

/// What comes next after white space.
pub(super) fn next(text: &str, ended: bool) -> Look<Next> {
    let space = match gap(text, ended) {
        Look::Yes(space) => space,
        Look::Wait => return Look::Wait,
        Look::No => return Look::Yes(Next::Other),
    };
    match tag(&text[space..], ended) {
        Look::Yes((tag, length)) => Look::Yes(Next::Tag(tag, space + length)),
        Look::No if space == text.len() => Look::Yes(Next::End),
        Look::No => Look::Yes(Next::Other),
        Look::Wait => Look::Wait,
    }
}
