//! One request on its way through the engine.

use std::time::Instant;

use shorn_protocol::{FinishReason, Generate, RequestId, RequestReport};

use crate::kv::SequenceKv;
use crate::mask::TokenMask;
use crate::sampling::Sampler;

/// A request that has a place: its tokens, its cache and its clock.
pub(crate) struct Sequence {
    pub id: RequestId,
    /// Prompt and reply. Those beyond the cache's length are still to be computed.
    pub tokens: Vec<u32>,
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Tokens of prompt and reply together that end it.
    pub limit: usize,
    pub ignore_eos: bool,
    pub kv: SequenceKv,
    pub sampler: Sampler,
    pub clock: Clock,
    /// Prompt tokens that were in the cache when it began.
    pub cached: u32,
    /// Reply tokens whose step was built ahead.
    pub ahead: u32,
    /// Highest MLX memory during its steps.
    pub peak_memory: u64,
}

/// When things happened to a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pub arrived: Instant,
    pub started: Instant,
    pub first_token: Option<Instant>,
    pub last_token: Option<Instant>,
}

impl Sequence {
    /// Tokens that the cache lacks.
    pub fn pending(&self) -> usize {
        self.tokens.len() - self.kv.len() as usize
    }

    /// Tokens of the reply so far.
    pub fn generated(&self) -> u32 {
        (self.tokens.len() - self.prompt) as u32
    }

    /// Adds a chosen token.
    pub fn push(&mut self, token: u32) {
        let now = Instant::now();
        self.clock.first_token.get_or_insert(now);
        self.clock.last_token = Some(now);
        self.tokens.push(token);
    }

    /// What it cost.
    pub fn report(&self, finish: FinishReason) -> RequestReport {
        let Clock { arrived, started, first_token, last_token } = self.clock;
        let seconds = |from: Instant, to: Option<Instant>| {
            to.map_or(0.0, |to| to.saturating_duration_since(from).as_secs_f64())
        };
        RequestReport {
            prompt_tokens: self.prompt as u32,
            cached_tokens: self.cached,
            generated_tokens: self.generated(),
            queue_seconds: seconds(arrived, Some(started)),
            prefill_seconds: seconds(started, first_token.or_else(|| Some(Instant::now()))),
            decode_seconds: first_token.map_or(0.0, |first| seconds(first, last_token)),
            ahead_tokens: self.ahead,
            grammar: self.sampler.grammar_cost(),
            peak_memory: self.peak_memory,
            kv: self.kv.effective(),
            finish,
        }
    }
}

/// A request that waits for a place.
pub(crate) struct Waiting {
    pub request: Generate,
    /// What its tokens have to follow.
    pub mask: Option<Box<dyn TokenMask>>,
    pub arrived: Instant,
}
