//! Strings: where they end, and what their escapes mean.

use super::{At, LenientJson, Notation};
use crate::output::scanner::{Look, gap, literal};

/// Brackets and white space in a row that are looked through for what comes after them.
const LONGEST_RUN: usize = 64;

impl LenientJson {
    /// Inside a string: text up to a character that needs thought, or that character.
    pub(super) fn text(&mut self, rest: &str, ended: bool) -> Look<usize> {
        let At::Text { quote, key, .. } = self.at else { return Look::No };
        let notation = self.notation;
        let escapes = !Notation::is_raw(quote);
        let special = |byte: u8| {
            let bracket = notation.closes(char::from(byte));
            bracket || byte == b'<' || byte.is_ascii_whitespace() || (escapes && byte == b'\\')
        };
        let plain = rest.bytes().position(|byte| special(byte) || byte == quote.as_bytes()[0]);
        let Some(next) = rest.as_bytes().get(plain.unwrap_or(rest.len())) else {
            self.append(rest);
            return if ended { Look::No } else { Look::Wait }.or_read(rest.len());
        };
        if let Some(length @ 1..) = plain {
            self.append(&rest[..length]);
            return Look::Yes(length);
        }
        if *next == b'\\' {
            return self.escaped(rest, ended);
        }
        let place = Place { key, in_array: self.writer.in_array(), depth: self.writer.depth() };
        let end = match literal(rest, quote, ended) {
            Look::Yes(()) => {
                closes(notation, &rest[quote.len()..], place, ended).map(|()| (quote.len(), false))
            }
            Look::Wait => Look::Wait,
            Look::No => end_of_unclosed(notation, rest, ended).map(|skipped| (skipped, true)),
        };
        match end {
            Look::Yes((length, guessed)) => {
                self.guessed |= guessed;
                self.end_text();
                Look::Yes(length)
            }
            Look::Wait => Look::Wait,
            Look::No => {
                self.append(&rest[..1]);
                Look::Yes(1)
            }
        }
    }

    /// A backslash and what it escapes.
    fn escaped(&mut self, rest: &str, ended: bool) -> Look<usize> {
        let Some(escaped) = rest[1..].chars().next() else {
            if !ended {
                return Look::Wait;
            }
            self.append("\\");
            return Look::Yes(1);
        };
        let character = match escaped {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            '"' | '\\' | '/' | '\'' => escaped,
            'u' => match unicode_escape(rest, ended) {
                Look::Yes((character, length)) => {
                    self.append(character.encode_utf8(&mut [0; 4]));
                    return Look::Yes(length);
                }
                Look::Wait => return Look::Wait,
                Look::No => '\\',
            },
            _ => '\\',
        };
        self.append(character.encode_utf8(&mut [0; 4]));
        // What is no escape is a backslash that stands for itself.
        let escape = character != '\\' || escaped == '\\';
        Look::Yes(if escape { 1 + escaped.len_utf8() } else { 1 })
    }
}

/// The character of `\uXXXX`, or of two of them, at the front, and its length. Half of a pair is no character.
fn unicode_escape(text: &str, ended: bool) -> Look<(char, usize)> {
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
struct Place {
    key: bool,
    in_array: bool,
    /// Containers around it.
    depth: usize,
}

/// Whether a quote ends its string, by what follows the quote.
fn closes(notation: &Notation, after: &str, place: Place, ended: bool) -> Look<()> {
    let space = match gap(after, ended) {
        Look::Yes(space) => space,
        Look::Wait => return Look::Wait,
        Look::No => return Look::Yes(()),
    };
    let (space, rest) = after.split_at(space);
    match notation.end(rest, ended) {
        Look::No => {}
        found => return found.map(|_| ()),
    }
    match rest.chars().next() {
        None => Look::Yes(()),
        Some(next) if place.key => notation.joins(next).into(),
        Some(next) if notation.closes(next) => json_follows(notation, rest, place.depth, ended),
        Some(',') if place.in_array => item_follows(notation, &rest[1..], ended),
        Some(',') => field_follows(notation, &rest[1..], ended),
        // A missing comma at the end of a line.
        Some(next) => (matches!(next, '"' | '\'') && space.contains('\n')).into(),
    }
}

/// Whether the closing brackets at the front close everything, or JSON can go on after them.
fn json_follows(notation: &Notation, text: &str, depth: usize, ended: bool) -> Look<()> {
    let (run, rest) = text.split_at(brackets(notation, text));
    let mut closing = run.bytes().filter(|byte| !byte.is_ascii_whitespace()).skip(depth.saturating_sub(1));
    let closed = closing.next().is_some();
    // A Python call ends with one parenthesis, as do many others in the code that a string may hold; so only the end of
    // the list after it makes it sure.
    if closed && (!notation.python || closing.next() == Some(b']')) {
        return Look::Yes(());
    }
    match notation.end(rest, ended) {
        Look::No => {}
        found => return found.map(|_| ()),
    }
    match rest.chars().next() {
        None if ended => Look::Yes(()),
        None => Look::Wait,
        Some(next) => (next == ',' || notation.closes(next) || next.is_ascii_whitespace()).into(),
    }
}

/// Whether an array's next item, or its end, is at the front.
fn item_follows(notation: &Notation, text: &str, ended: bool) -> Look<()> {
    gap(text, ended).and_then(|space| match notation.quote(&text[space..], ended) {
        Look::No => match text[space..].chars().next() {
            None => Look::Yes(()),
            Some(next) => ("{[-tfnTFN".contains(next)
                || (next == '(' && notation.python)
                || notation.closes(next)
                || next.is_ascii_digit())
            .into(),
        },
        found => found.map(|_| ()),
    })
}

/// Whether an object's next field, or its end, is at the front.
fn field_follows(notation: &Notation, text: &str, ended: bool) -> Look<()> {
    gap(text, ended).and_then(|space| {
        let rest = &text[space..];
        match notation.quote(rest, ended) {
            Look::No => {}
            found => return found.map(|_| ()),
        }
        if rest.chars().next().is_none_or(|next| notation.closes(next)) {
            return Look::Yes(());
        }
        let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let word = rest.bytes().take(64).take_while(in_word).count();
        match rest[word..].chars().next() {
            None if !ended => Look::Wait,
            next => (next.is_some_and(|next| notation.joins(next)) && word > 0).into(),
        }
    })
}

/// Whether a string was never closed: after closing brackets comes the end of the call or block, and after that
/// another one or the end of the text. Then the string ends before the brackets. Gives their length.
fn end_of_unclosed(notation: &Notation, text: &str, ended: bool) -> Look<usize> {
    let brackets = brackets(notation, text);
    let rest = &text[brackets..];
    notation.end(rest, ended).and_then(|end| {
        let after = &rest[end.len()..];
        gap(after, ended).and_then(|space| match &after[space..] {
            "" => Look::Yes(brackets),
            next => notation.follow(next, ended).map(|_| brackets),
        })
    })
}

/// The length of the closing brackets, and white space, at the front.
fn brackets(notation: &Notation, text: &str) -> usize {
    let bracket = |byte: &u8| notation.closes(char::from(*byte)) || byte.is_ascii_whitespace();
    text.bytes().take(LONGEST_RUN).take_while(bracket).count()
}
