//! What is JSON's own in a value, and what is the format's.

use crate::output::scanner::{Look, literal};

/// How a format writes values.
#[derive(Clone, Copy, Debug)]
pub(in crate::output) struct Notation {
    /// Marks that end a call. They can stand in its arguments only inside a string.
    ends: &'static [&'static str],
    /// What may come after such a mark, besides the end of the output, for it to end a call in which a string was never
    /// closed. Where calls stand close together there is nothing, or the end of a quoted call would be taken for one.
    follows: &'static [&'static str],
    /// What strings stand between; of two with one beginning the longer first.
    pub(super) quotes: &'static [&'static str],
    /// Arguments stand between parentheses, after their names and `=`; tuples are arrays.
    pub(super) python: bool,
}

impl Notation {
    /// JSON, and single quotes.
    pub(in crate::output) const JSON: Self =
        Self { ends: &[], follows: &[], quotes: &["\"", "'"], python: false };
    /// Python's literals and keyword arguments.
    pub(in crate::output) const PYTHON: Self =
        Self { quotes: &["\"\"\"", "'''", "\"", "'"], python: true, ..Self::JSON };
    /// JSON in which a token of its own delimits strings, without escapes in them.
    pub(in crate::output) const GEMMA: Self = Self { quotes: &["<|\"|>", "\"", "'"], ..Self::JSON };

    /// The same where these marks end a call, after which may come those.
    pub(in crate::output) const fn ending(
        self,
        ends: &'static [&'static str],
        follows: &'static [&'static str],
    ) -> Self {
        Self { ends, follows, ..self }
    }

    /// Whether a string between such quotes is as it stands, without escapes.
    pub(super) fn is_raw(quote: &str) -> bool {
        quote.starts_with('<')
    }

    /// The quote at the front.
    pub(super) fn quote(&self, text: &str, ended: bool) -> Look<&'static str> {
        first(self.quotes, text, ended)
    }

    /// The mark at the front that ends a call.
    pub(super) fn end(&self, text: &str, ended: bool) -> Look<&'static str> {
        first(self.ends, text, ended)
    }

    /// What may follow such a mark, at the front.
    pub(super) fn follow(&self, text: &str, ended: bool) -> Look<&'static str> {
        first(self.follows, text, ended)
    }

    /// Whether this joins a name and its value.
    pub(super) fn joins(&self, next: char) -> bool {
        next == ':' || (self.python && next == '=')
    }

    /// Whether this closes a container.
    pub(super) fn closes(&self, next: char) -> bool {
        matches!(next, '}' | ']') || (self.python && next == ')')
    }
}

/// Which of these stands at the front.
fn first(spellings: &'static [&'static str], text: &str, ended: bool) -> Look<&'static str> {
    for spelling in spellings {
        match literal(text, spelling, ended) {
            Look::Yes(()) => return Look::Yes(spelling),
            Look::Wait => return Look::Wait,
            Look::No => {}
        }
    }
    Look::No
}
