//! Which tokens may come next in a reply that has to follow a grammar.
//!
//! A grammar is text in llguidance's dialect of Lark, JSON schemas included (`%json {...}`). The server writes and checks
//! it ([`check`], [`check_schema`]) before a request starts; the worker turns it into a [`Matcher`] over the model's
//! [`Vocabulary`], which says before each token which ones may come. No MLX and no HTTP.
//!
//! ```
//! use shorn_grammar::{Token, Vocabulary};
//!
//! let tokens = ["a", "b", "ab"].map(|text| Token::Text(text.into()));
//! let vocabulary = Vocabulary::new(tokens, &[])?;
//! let mut matcher = vocabulary.matcher("start: \"aab\"")?;
//! assert_eq!(matcher.allowed()?, [0b001]);
//! matcher.accept(0)?;
//! assert_eq!(matcher.allowed()?, [0b101]);
//! matcher.accept(2)?;
//! assert!(matcher.is_over());
//! # Ok::<(), shorn_grammar::GrammarError>(())
//! ```

mod matcher;
mod schema;
mod vocabulary;

use llguidance::api::{GrammarInit, ParserLimits, TopLevelGrammar, ValidationResult};

pub use matcher::Matcher;
pub use schema::{SchemaRefusal, check_schema, inline};
pub use vocabulary::{Token, Vocabulary};

/// A grammar that cannot be used, or a reply that it does not know how to go on from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GrammarError(pub(crate) String);

/// Limits that keep a grammar from taking the machine: what comes over HTTP may be anything.
fn limits() -> ParserLimits {
    // Else errors quote the grammar and the reply so far.
    ParserLimits { verbose_errors: false, ..ParserLimits::default() }
}

/// Whether a grammar can be used, without a model's vocabulary. Token ids are not looked at.
///
/// # Errors
/// What is wrong with it.
pub fn check(grammar: &str) -> Result<(), GrammarError> {
    let grammar = GrammarInit::Serialized(TopLevelGrammar::from_lark(grammar.to_owned()));
    match grammar.validate(None, limits()) {
        ValidationResult::Error(problem) => Err(GrammarError(first_line(&problem))),
        ValidationResult::Valid | ValidationResult::Warnings(_) => Ok(()),
    }
}

/// A message without the context that is appended to it.
fn first_line(problem: &str) -> String {
    // A failed check of the library's own says all that it has on one line.
    let line = problem.lines().next().unwrap_or_default().trim();
    line[..line.floor_char_boundary(300)].to_owned()
}

#[cfg(test)]
mod tests;
