//! What each token stands for, for grammars.

use shorn_grammar::Token;
use tokenizers::DecoderWrapper;

use super::Tokenizer;
use super::detokenizer::append_bytes;

/// How a vocabulary writes the bytes of its tokens.
#[derive(Clone, Copy)]
enum Writing {
    /// In the byte-level alphabet.
    ByteLevel,
    /// As text in which this stands for a space; single bytes as `<0x0A>`.
    ByteFallback { space: char },
}

impl Tokenizer {
    /// What the ids below `vocab_size` stand for; `None` if the tokens of this tokenizer are no fixed runs of bytes.
    pub fn tokens(&self, vocab_size: u32) -> Option<impl Iterator<Item = Token>> {
        let writing = writing(self.inner.get_decoder()?)?;
        Some((0..vocab_size).map(move |id| match self.id_to_token(id) {
            None => Token::Unused,
            Some(_) if self.marks.contains(&id) => Token::Mark,
            Some(token) => Token::Text(writing.bytes(&token)),
        }))
    }

    /// The id of a mark of the chat's structure, such as `<tool_call>`, if the model has it as one token.
    pub fn mark(&self, text: &str) -> Option<u32> {
        self.token_to_id(text).filter(|id| self.marks.contains(id))
    }
}

fn writing(decoder: &DecoderWrapper) -> Option<Writing> {
    match decoder {
        DecoderWrapper::ByteLevel(_) => Some(Writing::ByteLevel),
        DecoderWrapper::ByteFallback(_) | DecoderWrapper::Metaspace(_) => {
            Some(Writing::ByteFallback { space: '\u{2581}' })
        }
        DecoderWrapper::Sequence(decoders) => decoders.get_decoders().iter().find_map(writing),
        _ => None,
    }
}

impl Writing {
    fn bytes(self, token: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::ByteLevel => append_bytes(&mut bytes, token),
            Self::ByteFallback { space } => {
                let hex = token.strip_prefix("<0x").and_then(|hex| hex.strip_suffix('>'));
                match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                    Some(byte) => bytes.push(byte),
                    None => bytes.extend_from_slice(token.replace(space, " ").as_bytes()),
                }
            }
        }
        bytes
    }
}
