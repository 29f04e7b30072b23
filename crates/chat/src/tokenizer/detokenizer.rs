//! Token ids to text, one id at a time.

use std::collections::HashSet;

use super::{Tokenizer, TokenizerError};

/// Ids that the windowed decoder looks back on before it gives up on a character and emits what there is.
const LONGEST_WAIT: usize = 32;

/// Turns a stream of token ids into text, never emitting half a character.
///
/// The pieces, put together, are what decoding all ids at once gives. Time is linear in the number of ids. (For
/// tokenizers that are not byte-level, a run of more than 32 ids without one whole character is emitted as it is.)
#[derive(Debug)]
pub struct Detokenizer {
    tokenizer: Tokenizer,
    kept: Kept,
    decoding: Decoding,
    piece: String,
}

/// The special tokens that are written out.
#[derive(Debug)]
enum Kept {
    All,
    These(HashSet<u32>),
}

#[derive(Debug)]
enum Decoding {
    /// Every token is a run of bytes. Holds the bytes of a character that is not complete yet.
    Bytes { pending: Vec<u8> },
    /// A token's text depends on its neighbours: decode a window of ids, of which the first `seen` are only there
    /// for context and have given `prefix`.
    Window { ids: Vec<u32>, seen: usize, prefix: String },
}

impl Detokenizer {
    /// A detokenizer that leaves special tokens out.
    pub fn new(tokenizer: &Tokenizer) -> Self {
        let decoding = if tokenizer.is_byte_level() {
            Decoding::Bytes { pending: Vec::new() }
        } else {
            Decoding::Window { ids: Vec::new(), seen: 0, prefix: String::new() }
        };
        Self {
            tokenizer: tokenizer.clone(),
            kept: Kept::These(HashSet::new()),
            decoding,
            piece: String::new(),
        }
    }

    /// The same, with special tokens written out.
    pub fn keeping_special_tokens(mut self) -> Self {
        self.kept = Kept::All;
        self
    }

    /// The same, with these tokens written out even if they are special. What the vocabulary does not have is left out.
    pub fn keeping_tokens<'t>(mut self, tokens: impl IntoIterator<Item = &'t str>) -> Self {
        let ids = tokens.into_iter().filter_map(|token| self.tokenizer.token_to_id(token));
        self.kept = Kept::These(ids.collect());
        self
    }

    /// The text that `id` completes; often one word, sometimes nothing yet.
    ///
    /// # Errors
    /// If the id is outside the vocabulary. The stream can go on.
    pub fn push(&mut self, id: u32) -> Result<&str, TokenizerError> {
        self.piece.clear();
        if self.tokenizer.is_special(id) && !self.keeps(id) {
            return Ok(&self.piece);
        }
        let token = self.tokenizer.id_to_token(id);
        let token = token
            .ok_or_else(|| TokenizerError::UnknownToken { id, vocab_size: self.tokenizer.vocab_size() })?;
        match &mut self.decoding {
            Decoding::Bytes { pending } => {
                append_bytes(pending, &token);
                take_characters(pending, &mut self.piece);
            }
            Decoding::Window { ids, seen, prefix } => {
                // Special tokens that are left out never come here.
                ids.push(id);
                let text = self.tokenizer.decode(ids, false);
                let incomplete = text.ends_with(char::REPLACEMENT_CHARACTER);
                if !incomplete || ids.len() - *seen > LONGEST_WAIT {
                    self.piece.push_str(new_text(&text, prefix));
                    ids.drain(..*seen);
                    *seen = ids.len();
                    *prefix = self.tokenizer.decode(ids, false);
                }
            }
        }
        Ok(&self.piece)
    }

    fn keeps(&self, id: u32) -> bool {
        match &self.kept {
            Kept::All => true,
            Kept::These(ids) => ids.contains(&id),
        }
    }

    /// What is left when the stream has ended: a replacement character for an incomplete one.
    pub fn finish(&mut self) -> &str {
        self.piece.clear();
        match &mut self.decoding {
            Decoding::Bytes { pending } => {
                self.piece.push_str(&String::from_utf8_lossy(pending));
                pending.clear();
            }
            Decoding::Window { ids, seen, prefix } => {
                let text = self.tokenizer.decode(ids, false);
                self.piece.push_str(new_text(&text, prefix));
                ids.clear();
                prefix.clear();
                *seen = 0;
            }
        }
        &self.piece
    }
}

/// What `text` adds to `prefix`.
fn new_text<'t>(text: &'t str, prefix: &str) -> &'t str {
    let same = text.bytes().zip(prefix.bytes()).take_while(|(a, b)| a == b).count();
    &text[text.floor_char_boundary(same)..]
}

/// Appends the bytes that a token of a byte-level vocabulary stands for. Added tokens are written in plain text; one
/// that has a character outside the alphabet stands for itself.
pub(super) fn append_bytes(bytes: &mut Vec<u8>, token: &str) {
    let start = bytes.len();
    for character in token.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            None => {
                bytes.truncate(start);
                bytes.extend_from_slice(token.as_bytes());
                return;
            }
        }
    }
}

/// The byte that a character of the byte-level alphabet stands for. Printable Latin-1 characters stand for themselves;
/// the other 68 bytes are, in order, the characters from U+0100 on (GPT-2's table).
pub(super) fn byte_of(character: char) -> Option<u8> {
    let code = u32::from(character);
    Some(match code {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => code as u8,
        0x100..=0x120 => (code - 0x100) as u8,
        0x121..=0x142 => (code - 0x121 + 0x7f) as u8,
        0x143 => 0xad,
        _ => return None,
    })
}

/// Moves every complete character from the front of `bytes` to `text`, and a replacement character for every sequence
/// that cannot become one.
fn take_characters(bytes: &mut Vec<u8>, text: &mut String) {
    let mut taken = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        taken += chunk.valid().len();
        let invalid = chunk.invalid();
        if taken + invalid.len() == bytes.len() && may_become_a_character(invalid) {
            break;
        }
        if !invalid.is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
            taken += invalid.len();
        }
    }
    bytes.drain(..taken);
}

/// Whether more bytes can complete this beginning of a character.
fn may_become_a_character(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes), Err(error) if error.error_len().is_none())
}
