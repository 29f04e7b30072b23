//! Text to token ids and back.

mod detokenizer;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use detokenizer::Detokenizer;

/// Why a tokenizer could not be loaded or used.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// `tokenizer.json` could not be read.
    #[error("cannot read {}: {source}; the model's folder needs its `tokenizer.json`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// `tokenizer.json` is not a tokenizer that the `tokenizers` library knows.
    #[error("{} is not a usable tokenizer: {problem}; download the file again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The library's message.
        problem: String,
    },

    /// The tokenizer failed on a text.
    #[error("the tokenizer failed on the prompt: {problem}")]
    Encode {
        /// The library's message.
        problem: String,
    },

    /// A token id that the tokenizer has no text for.
    #[error(
        "token id {id} is not in the tokenizer's vocabulary of {vocab_size}; it adds nothing to the text"
    )]
    UnknownToken {
        /// The id.
        id: u32,
        /// Entries of the vocabulary, added tokens included.
        vocab_size: usize,
    },
}

/// A model's tokenizer. Cloning it is cheap.
#[derive(Clone)]
pub struct Tokenizer {
    inner: Arc<tokenizers::Tokenizer>,
    special: Arc<HashSet<u32>>,
    /// A special token that leaves the text after it alone.
    anchor: Option<Arc<str>>,
    /// Added tokens that are more than white space: marks of the chat's structure.
    marks: Arc<HashSet<u32>>,
}

impl Tokenizer {
    /// Loads `tokenizer.json` of the model in `folder`.
    ///
    /// # Errors
    /// If the file is missing, unreadable or not a tokenizer.
    pub fn from_folder(folder: &Path) -> Result<Self, TokenizerError> {
        let path = folder.join("tokenizer.json");
        let bytes = std::fs::read(&path)
            .map_err(|source| TokenizerError::Unreadable { path: path.clone(), source })?;
        let malformed = |error: tokenizers::Error| TokenizerError::Malformed {
            path: path.clone(),
            problem: error.to_string(),
        };
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(&malformed)?;
        // Left over from training; a prompt is neither cut nor filled up.
        inner.with_truncation(None).map_err(malformed)?;
        inner.with_padding(None);
        let added = inner.get_added_tokens_decoder();
        let special = added.iter().filter(|(_, token)| token.special).map(|(id, _)| *id).collect();
        let anchors = added.iter().filter(|(_, token)| token.special && !token.rstrip && !token.single_word);
        let anchor = anchors.min_by_key(|(id, _)| **id).map(|(_, token)| token.content.as_str().into());
        let is_mark = |token: &tokenizers::AddedToken| token.special || !token.content.trim().is_empty();
        let marks = added.iter().filter(|(_, token)| is_mark(token)).map(|(id, _)| *id).collect();
        Ok(Self { inner: Arc::new(inner), special: Arc::new(special), marks: Arc::new(marks), anchor })
    }

    /// The text's token ids. Added tokens (such as `<|im_start|>`) are recognised; none is put in, because chat
    /// templates write their own.
    ///
    /// # Errors
    /// If the tokenizer cannot represent the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.ids(text, false)
    }

    /// The same for a text that other tokens stand before: a tokenizer that marks the beginning of a text does not do so
    /// here.
    ///
    /// # Errors
    /// If the tokenizer cannot represent the text.
    pub fn encode_continuation(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let Some(anchor) = &self.anchor else { return self.encode(text) };
        let ids = self.encode(&format!("{anchor}{text}"))?;
        match ids.split_first() {
            Some((first, rest)) if self.token_to_id(anchor) == Some(*first) => Ok(rest.to_vec()),
            _ => self.encode(text),
        }
    }

    /// The same with the special tokens that the tokenizer itself puts in, such as one for the beginning of a text: for
    /// a text that no chat template wrote.
    ///
    /// # Errors
    /// If the tokenizer cannot represent the text.
    pub fn encode_with_special_tokens(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.ids(text, true)
    }

    fn ids(&self, text: &str, add_special_tokens: bool) -> Result<Vec<u32>, TokenizerError> {
        let encoding = self.inner.encode_fast(text, add_special_tokens);
        let encoding = encoding.map_err(|error| TokenizerError::Encode { problem: error.to_string() })?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The ids' text, all at once. Ids outside the vocabulary add nothing.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> String {
        // The only failures are of decoders that refuse a sequence; such a sequence has no text.
        self.inner.decode(ids, skip_special_tokens).unwrap_or_default()
    }

    /// Entries of the vocabulary, added tokens included.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The id of a token, given as the vocabulary writes it.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// A token as the vocabulary writes it.
    pub fn id_to_token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// Whether the id is a special token, which belongs to the chat's structure and not to its text.
    pub fn is_special(&self, id: u32) -> bool {
        self.special.contains(&id)
    }

    /// Whether tokens are written in the byte-level alphabet, in which every token stands for a fixed run of bytes.
    fn is_byte_level(&self) -> bool {
        matches!(self.inner.get_decoder(), Some(tokenizers::DecoderWrapper::ByteLevel(_)))
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("vocab_size", &self.vocab_size()).finish_non_exhaustive()
    }
}
