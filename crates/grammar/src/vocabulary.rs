use std::fmt;
use std::sync::Arc;

use llguidance::ParserFactory;
use llguidance::api::TopLevelGrammar;
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::{ApproximateTokEnv, INVALID_TOKEN, InferenceCapabilities, TokRxInfo, TokTrie};

use crate::{GrammarError, Matcher, first_line, limits};

/// The trie counts the letters of a token in a byte; longer ones, which are runs of spaces, are left out.
const LONGEST_TOKEN: usize = 250;

/// What a token id stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// These bytes of text.
    Text(Vec<u8>),
    /// A mark of the chat's structure. A grammar names it by its id, as `<[151657]>`; no text is it.
    Mark,
    /// Nothing: it never comes in a reply that follows a grammar.
    Unused,
}

/// A model's tokens by their text.
pub struct Vocabulary {
    factory: ParserFactory,
}

impl Vocabulary {
    /// From what each token id stands for, in the order of ids, and the ids that end a reply.
    ///
    /// # Errors
    /// When the library cannot work with the tokens.
    pub fn new(tokens: impl IntoIterator<Item = Token>, end: &[u32]) -> Result<Self, GrammarError> {
        // What ends a reply is no text of it, whatever the tokenizer says.
        let stands_for = |id: usize, token| if end.contains(&(id as u32)) { Token::Mark } else { token };
        let tokens = tokens.into_iter().enumerate();
        let words: Vec<Vec<u8>> = tokens.map(|(id, token)| word(id, stands_for(id, token))).collect();
        let size = words.len() as u32;
        let trie = TokTrie::from(&TokRxInfo::new(size, INVALID_TOKEN), &words);
        let end: Vec<u32> = end.iter().copied().filter(|id| *id < size).collect();
        let trie = if end.is_empty() { trie } else { trie.with_eos_tokens(&end) };
        let failed = |error: &dyn fmt::Display| GrammarError(first_line(&error.to_string()));
        let factory = ParserFactory::new(
            &(Arc::new(ApproximateTokEnv::new(trie)) as _),
            InferenceCapabilities::default(),
            &SlicedBiasComputer::general_slices(),
        );
        let mut factory = factory.map_err(|error| failed(&error))?;
        factory.quiet();
        *factory.limits_mut() = limits();
        Ok(Self { factory })
    }

    /// The state of a reply that has to follow a grammar, before its first token.
    ///
    /// # Errors
    /// What is wrong with the grammar.
    pub fn matcher(&self, grammar: &str) -> Result<Matcher, GrammarError> {
        let parser = self.factory.create_parser(TopLevelGrammar::from_lark(grammar.to_owned()));
        Matcher::new(llguidance::Matcher::new(parser))
    }
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.factory.tok_env().tok_trie().vocab_size();
        f.debug_struct("Vocabulary").field("size", &size).finish_non_exhaustive()
    }
}

/// A token as the trie writes it.
fn word(id: usize, token: Token) -> Vec<u8> {
    match token {
        Token::Text(bytes) if bytes.len() <= LONGEST_TOKEN => bytes,
        Token::Mark => [&[TokTrie::SPECIAL_TOKEN_MARKER], format!("<mark {id}>").as_bytes()].concat(),
        Token::Text(_) | Token::Unused => Vec::new(),
    }
}
