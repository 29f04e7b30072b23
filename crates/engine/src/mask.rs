//! Which tokens may come next in a reply that has to follow a grammar.

use std::time::Instant;

use mlx_rs::Array;
use mlx_rs::ops::select;
use shorn_protocol::GrammarCost;

use crate::mlx::Result;

/// Says which tokens may come next in one reply. It comes with the request, from whoever knows the text of tokens.
pub trait TokenMask: Send {
    /// The tokens that may come next, at least one: id `i` may if bit `i % 32` of word `i / 32` is set.
    ///
    /// # Errors
    /// Why nobody can say. The request ends with that.
    fn allowed(&mut self) -> std::result::Result<&[u32], String>;

    /// Goes on with the token that was chosen. True if the reply is complete and nothing can come any more.
    fn accept(&mut self, token: u32) -> bool;
}

/// The mask of one sequence, on the device.
pub(crate) struct Mask {
    source: Box<dyn TokenMask>,
    vocab_size: u32,
    /// `[1, vocabulary]`, for the next token.
    allowed: Option<Array>,
    pub cost: GrammarCost,
}

impl Mask {
    pub fn new(source: Box<dyn TokenMask>, vocab_size: u32) -> Self {
        Self { source, vocab_size, allowed: None, cost: GrammarCost::default() }
    }

    /// Finds out what may come next, unless that is known.
    pub fn find(&mut self) -> std::result::Result<(), String> {
        if self.allowed.is_some() {
            return Ok(());
        }
        let begun = Instant::now();
        let words = self.source.allowed()?;
        // A checkpoint may have more rows than the tokenizer has tokens.
        let bit = |id: u32| words.get(id as usize / 32).is_some_and(|word| word >> (id % 32) & 1 == 1);
        let allowed: Vec<bool> = (0..self.vocab_size).map(bit).collect();
        if !allowed.contains(&true) {
            return Err("no token of this model can follow the grammar here".to_owned());
        }
        self.allowed = Some(Array::from_slice(&allowed, &[1, self.vocab_size as i32]));
        let seconds = begun.elapsed().as_secs_f64();
        self.cost.tokens += 1;
        self.cost.seconds += seconds;
        self.cost.slowest_seconds = self.cost.slowest_seconds.max(seconds);
        Ok(())
    }

    /// Leaves only allowed tokens possible in logits, `[1, vocabulary]`.
    pub fn apply(&self, logits: &Array) -> Result<Array> {
        match &self.allowed {
            Some(allowed) => Ok(select(allowed, logits, Array::from_f32(f32::NEG_INFINITY))?),
            None => Ok(logits.clone()),
        }
    }

    /// Goes on with a chosen token; true if the reply is complete.
    pub fn accept(&mut self, token: u32) -> bool {
        self.allowed = None;
        self.source.accept(token)
    }
}
