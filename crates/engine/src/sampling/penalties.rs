//! Penalties for tokens already seen, with counts kept on the device.

use mlx_rs::Array;
use mlx_rs::ops::{logical_or, select};
use shorn_protocol::Sampling;

use crate::mlx::Result;

/// What a sequence has seen and how it is punished.
pub(super) struct Penalties {
    repetition: f32,
    presence: f32,
    frequency: f32,
    /// `[1, vocabulary]`, true for tokens of the prompt.
    in_prompt: Array,
    /// `[1, vocabulary]`, how often each token is in the reply, as floats.
    counts: Array,
    held: Option<Array>,
}

impl Penalties {
    pub fn new(settings: &Sampling, prompt: &[u32], vocab_size: u32) -> Result<Self> {
        let mut in_prompt = vec![false; vocab_size as usize];
        for &token in prompt {
            in_prompt[token as usize] = true;
        }
        let shape = [1, vocab_size as i32];
        Ok(Self {
            repetition: settings.repetition_penalty,
            presence: settings.presence_penalty,
            frequency: settings.frequency_penalty,
            in_prompt: Array::from_slice(&in_prompt, &shape),
            counts: Array::zeros::<f32>(&shape)?,
            held: None,
        })
    }

    /// Penalised logits, `[1, vocabulary]`.
    pub fn apply(&self, logits: &Array) -> Result<Array> {
        let in_reply = self.counts.gt(Array::from_f32(0.0))?;
        let mut logits = logits.clone();
        if self.repetition != 1.0 {
            let penalty = Array::from_f32(self.repetition);
            let positive = logits.gt(Array::from_f32(0.0))?;
            let penalised = select(positive, logits.divide(&penalty)?, logits.multiply(&penalty)?)?;
            logits = select(logical_or(&self.in_prompt, &in_reply)?, penalised, logits)?;
        }
        if self.presence != 0.0 {
            let penalty = in_reply.multiply(Array::from_f32(self.presence))?;
            logits = logits.subtract(penalty)?;
        }
        if self.frequency != 0.0 {
            logits = logits.subtract(self.counts.multiply(Array::from_f32(self.frequency))?)?;
        }
        Ok(logits)
    }

    /// Adds one to the count of a token, `[1]`.
    pub fn count(&mut self, token: &Array) -> Result<()> {
        let token = token.reshape(&[1, 1])?;
        let count = self.counts.take_along_axis(&token, -1)?.add(Array::from_f32(1.0))?;
        self.counts = self.counts.put_along_axis(&token, &count, -1)?;
        Ok(())
    }

    pub fn hold(&mut self) {
        self.held = Some(self.counts.clone());
    }

    pub fn restore(&mut self) {
        if let Some(counts) = self.held.take() {
            self.counts = counts;
        }
    }
}
