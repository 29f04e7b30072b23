use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// How the next token is chosen, with every value resolved.
///
/// Applied in this order: penalties and bias, temperature, top-k, top-p among what is left, min-p.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Sampling {
    /// Softmax temperature; 0 always takes the most likely token.
    pub temperature: f32,
    /// Smallest set of most likely tokens whose mass reaches this; 1 for all.
    pub top_p: f32,
    /// Number of most likely tokens to choose from; 0 for all.
    pub top_k: u32,
    /// Tokens less likely than this share of the most likely one's probability are left out; 0 for none.
    pub min_p: f32,
    /// Divides positive and multiplies negative logits of every token of prompt and reply; 1 for none
    /// (Keskar et al., 2019).
    pub repetition_penalty: f32,
    /// Subtracted from the logits of every token of the reply.
    pub presence_penalty: f32,
    /// Subtracted from a token's logit for each time it is in the reply.
    pub frequency_penalty: f32,
    /// Added to the logits of these token ids.
    pub logit_bias: Vec<(u32, f32)>,
    /// Makes a run repeatable: the same seed, prompt and settings draw the same numbers.
    pub seed: u64,
    /// Whether to return the log-probability of each token, and of how many of the most likely alternatives.
    pub logprobs: Option<u8>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_p: 1.0,
            top_k: 0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            logit_bias: Vec::new(),
            seed: 0,
            logprobs: None,
        }
    }
}

/// A sampling value that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{parameter} must be {expected}, not {found}")]
pub struct BadSampling {
    /// The parameter, by its name in the API.
    pub parameter: &'static str,
    /// What it must be.
    pub expected: String,
    /// What it was.
    pub found: String,
}

impl Sampling {
    /// Most alternatives that log-probabilities can be asked for.
    pub const MAX_TOP_LOGPROBS: u8 = 20;

    /// Checks every value, token ids against the vocabulary.
    ///
    /// # Errors
    /// Names the first value that is out of its range.
    pub fn check(&self, vocab_size: u32) -> Result<(), BadSampling> {
        let ranges = [
            ("temperature", self.temperature, 0.0, 100.0),
            ("top_p", self.top_p, 0.0, 1.0),
            ("min_p", self.min_p, 0.0, 1.0),
            ("repetition_penalty", self.repetition_penalty, 0.01, 100.0),
            ("presence_penalty", self.presence_penalty, -100.0, 100.0),
            ("frequency_penalty", self.frequency_penalty, -100.0, 100.0),
        ];
        for (parameter, value, low, high) in ranges {
            if !(low..=high).contains(&value) {
                let expected = format!("a number from {low} to {high}");
                return Err(BadSampling { parameter, expected, found: value.to_string() });
            }
        }
        for &(id, bias) in &self.logit_bias {
            if id >= vocab_size {
                let expected = format!("keyed by token ids below {vocab_size}");
                return Err(BadSampling { parameter: "logit_bias", expected, found: id.to_string() });
            }
            if !bias.is_finite() {
                let expected = "finite".to_owned();
                return Err(BadSampling { parameter: "logit_bias", expected, found: bias.to_string() });
            }
        }
        if self.logprobs.is_some_and(|top| top > Self::MAX_TOP_LOGPROBS) {
            let expected = format!("at most {}", Self::MAX_TOP_LOGPROBS);
            let found = self.logprobs.unwrap_or_default().to_string();
            return Err(BadSampling { parameter: "top_logprobs", expected, found });
        }
        Ok(())
    }

    /// Whether some logits change with the tokens seen so far.
    pub fn has_penalties(&self) -> bool {
        self.repetition_penalty != 1.0 || self.presence_penalty != 0.0 || self.frequency_penalty != 0.0
    }
}

/// Log-probabilities of one position, by the model's own distribution (before penalties, bias and temperature).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenLogprobs {
    /// Natural logarithm of the chosen token's probability.
    pub logprob: f32,
    /// The most likely tokens with theirs, best first.
    pub top: Vec<(u32, f32)>,
}
