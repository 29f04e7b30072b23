use crate::{GrammarError, first_line};

/// The state of one reply in its grammar.
pub struct Matcher {
    inner: llguidance::Matcher,
    mask: Vec<u32>,
}

impl Matcher {
    pub(crate) fn new(inner: llguidance::Matcher) -> Result<Self, GrammarError> {
        match inner.get_error() {
            Some(problem) => Err(GrammarError(first_line(&problem))),
            None => Ok(Self { inner, mask: Vec::new() }),
        }
    }

    /// The tokens that may come next: id `i` may if bit `i % 32` of word `i / 32` is set. Those that end a reply are among
    /// them where the grammar is complete.
    ///
    /// # Errors
    /// When the grammar is too complex at this place.
    pub fn allowed(&mut self) -> Result<&[u32], GrammarError> {
        let mask = self.inner.compute_mask_or_eos().map_err(|error| self.failed(&error))?;
        self.mask.clear();
        self.mask.extend_from_slice(mask.as_slice());
        Ok(&self.mask)
    }

    /// Goes on with a token, which has to be one of those allowed.
    ///
    /// # Errors
    /// When it is not, or the grammar is too complex at this place.
    pub fn accept(&mut self, token: u32) -> Result<(), GrammarError> {
        self.inner.consume_token(token).map_err(|error| self.failed(&error))
    }

    /// Whether the grammar is complete and nothing can come any more.
    pub fn is_over(&self) -> bool {
        self.inner.is_stopped()
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> GrammarError {
        let problem = first_line(&error.to_string());
        let why = if problem.is_empty() { format!("{:?}", self.inner.stop_reason()) } else { problem };
        GrammarError(format!("the grammar cannot be followed here: {why}"))
    }
}

impl std::fmt::Debug for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matcher").field("over", &self.is_over()).finish_non_exhaustive()
    }
}
