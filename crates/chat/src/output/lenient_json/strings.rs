//! Where a string ends, and what its escapes mean.

use crate::output::scanner::{Look, gap, literal};
use crate::output::tags::{BLOCK_CLOSE, BLOCK_OPEN};

/// Brackets and white space in a row that are looked through for what comes after them.
const LONGEST_RUN: usize = 64;

/// The character of `\uXXXX`, or of two of them, at the front, and its length. Half of a pair is no character.
pub(super) fn unicode_escape(text: &str, ended: bool) -> Look<(char, usize)> {
    utf16_unit(text, ended).and_then(|unit| {
        let low = match unit {
            0xd800..0xdc00 => utf16_unit(&text[6..], ended),
            _ => Look::No,
        };
        let units = match low {
            Look::Wait => return Look::Wait,
            Look::Yes(low @ 0xdc00..0xe000) => vec![unit, low],
            Look::Yes(_) | Look::No => vec![unit],
        };
        let length = 6 * units.len();
        let character = char::decode_utf16(units).next().and_then(Result::ok);
        Look::Yes((character.unwrap_or(char::REPLACEMENT_CHARACTER), length))
    })
}

/// The UTF-16 unit of `\uXXXX` at the front.
fn utf16_unit(text: &str, ended: bool) -> Look<u16> {
    literal(text, "\\u", ended).and_then(|()| {
        let hex = text[2..].bytes().take(4).take_while(u8::is_ascii_hexdigit).count();
        match u16::from_str_radix(&text[2..2 + hex], 16) {
            Ok(unit) if hex == 4 => Look::Yes(unit),
            _ if 2 + hex == text.len() && !ended => Look::Wait,
            _ => Look::No,
        }
    })
}

/// Where a string stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) key: bool,
    pub(super) in_array: bool,
    /// Containers around it.
    pub(super) depth: usize,
}

/// Whether a quote ends its string, by what follows the quote.
pub(super) fn closes(after: &str, place: Place, ended: bool) -> Look<()> {
    let space = match gap(after, ended) {
        Look::Yes(space) => space,
        Look::Wait => return Look::Wait,
        Look::No => return Look::Yes(()),
    };
    let (space, rest) = after.split_at(space);
    match rest.chars().next() {
        None => Look::Yes(()),
        Some(next) if place.key => (next == ':').into(),
        Some('}' | ']') => json_follows(rest, place.depth, ended),
        Some('<') => literal(rest, BLOCK_CLOSE, ended),
        Some(',') if place.in_array => item_follows(&rest[1..], ended),
        Some(',') => field_follows(&rest[1..], ended),
        // A missing comma at the end of a line.
        Some(next) => (matches!(next, '"' | '\'') && space.contains('\n')).into(),
    }
}

/// Whether the closing brackets at the front close everything, or JSON can go on after them.
fn json_follows(text: &str, depth: usize, ended: bool) -> Look<()> {
    let (run, rest) = text.split_at(brackets(text));
    if run.bytes().filter(|byte| !byte.is_ascii_whitespace()).count() >= depth {
        return Look::Yes(());
    }
    match rest.chars().next() {
        None if ended => Look::Yes(()),
        None => Look::Wait,
        Some('<') => literal(rest, BLOCK_CLOSE, ended),
        Some(next) => (matches!(next, ',' | '}' | ']') || next.is_ascii_whitespace()).into(),
    }
}

/// Whether an array's next item, or its end, is at the front.
fn item_follows(text: &str, ended: bool) -> Look<()> {
    gap(text, ended).and_then(|space| match text[space..].chars().next() {
        None => Look::Yes(()),
        Some(next) => ("\"'{[]-tfnTFN".contains(next) || next.is_ascii_digit()).into(),
    })
}

/// Whether an object's next field, or its end, is at the front.
fn field_follows(text: &str, ended: bool) -> Look<()> {
    gap(text, ended).and_then(|space| {
        let rest = &text[space..];
        if matches!(rest.chars().next(), None | Some('"' | '\'' | '}')) {
            return Look::Yes(());
        }
        let word = rest.bytes().take(64).take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        match rest[word..].chars().next() {
            None if !ended => Look::Wait,
            next => (next == Some(':') && word > 0).into(),
        }
    })
}

/// Whether a string was never closed: after closing brackets comes the end of the block of calls, and after that
/// another call or the end of the text. Then the string ends before the brackets. Gives their length.
pub(super) fn end_of_unclosed(text: &str, ended: bool) -> Look<usize> {
    let brackets = brackets(text);
    let rest = &text[brackets..];
    literal(rest, BLOCK_CLOSE, ended).and_then(|()| {
        let after = &rest[BLOCK_CLOSE.len()..];
        gap(after, ended).and_then(|space| match &after[space..] {
            "" => Look::Yes(brackets),
            next => literal(next, BLOCK_OPEN, ended).map(|()| brackets),
        })
    })
}

/// The length of the closing brackets, and white space, at the front.
fn brackets(text: &str) -> usize {
    let bracket = |byte: &u8| matches!(byte, b'}' | b']') || byte.is_ascii_whitespace();
    text.bytes().take(LONGEST_RUN).take_while(bracket).count()
}
