//! Choosing tokens on the device, with each sequence's own settings.
//!
//! A row's result depends on its own logits, settings and random number alone: operations that only other rows need
//! leave its values as they are, bit for bit.

mod penalties;

use mlx_rs::ops::indexing::argmax_axis;
use mlx_rs::ops::{argsort_axis, concatenate, minimum, select, softmax_axis};
use mlx_rs::{Array, Dtype};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use shorn_protocol::{GrammarCost, Sampling, TokenLogprobs};

use crate::mask::{Mask, TokenMask};
use crate::mlx::{self, Result};
use penalties::Penalties;

/// The sampling state of one sequence.
pub(crate) struct Sampler {
    settings: Sampling,
    penalties: Option<Penalties>,
    /// Biased token ids and their biases, `[n]` each.
    bias: Option<(Array, Array)>,
    vocab_size: u32,
    mask: Option<Mask>,
}

impl Sampler {
    /// For a prompt; its tokens count for the repetition penalty.
    pub fn new(settings: Sampling, prompt: &[u32], vocab_size: u32) -> Result<Self> {
        let penalties = match settings.has_penalties() {
            true => Some(Penalties::new(&settings, prompt, vocab_size)?),
            false => None,
        };
        let bias = (!settings.logit_bias.is_empty()).then(|| {
            let (ids, biases): (Vec<u32>, Vec<f32>) = settings.logit_bias.iter().copied().unzip();
            let shape = [1, ids.len() as i32];
            (Array::from_slice(&ids, &shape), Array::from_slice(&biases, &shape))
        });
        Ok(Self { settings, penalties, bias, vocab_size, mask: None })
    }

    /// The same, choosing only from what a mask allows.
    pub fn following(self, mask: Option<Box<dyn TokenMask>>) -> Self {
        let mask = mask.map(|source| Mask::new(source, self.vocab_size));
        Self { mask, ..self }
    }

    /// Whether a mask has to be found before each token.
    pub fn is_masked(&self) -> bool {
        self.mask.is_some()
    }

    /// Finds the mask of the next token.
    pub fn find_mask(&mut self) -> std::result::Result<(), String> {
        self.mask.as_mut().map_or(Ok(()), Mask::find)
    }

    /// Goes on with a chosen token; true if what follows the mask is complete.
    pub fn accept(&mut self, token: u32) -> bool {
        self.mask.as_mut().is_some_and(|mask| mask.accept(token))
    }

    /// What finding masks has cost so far.
    pub fn grammar_cost(&self) -> Option<GrammarCost> {
        self.mask.as_ref().map(|mask| mask.cost)
    }

    /// The number in [0, 1) that draws the token at `index` of the reply. Made from seed and index alone, so that a
    /// step can be built twice.
    fn uniform(&self, index: u32) -> f32 {
        let mut generator = ChaCha8Rng::seed_from_u64(self.settings.seed);
        generator.set_word_pos(u128::from(index));
        (generator.next_u32() >> 8) as f32 * (1.0 / (1 << 24) as f32)
    }

    fn is_greedy(&self) -> bool {
        self.settings.temperature == 0.0
    }

    /// Logits, `[1, vocabulary]`, after penalties, bias and mask.
    fn adjust(&self, logits: &Array) -> Result<Array> {
        let mut logits = logits.as_dtype(Dtype::Float32)?;
        if let Some(penalties) = &self.penalties {
            logits = penalties.apply(&logits)?;
        }
        if let Some((ids, biases)) = &self.bias {
            let biased = logits.take_along_axis(ids, -1)?.add(biases)?;
            logits = logits.put_along_axis(ids, &biased, -1)?;
        }
        match &self.mask {
            Some(mask) => mask.apply(&logits),
            None => Ok(logits),
        }
    }

    fn adjusts(&self) -> bool {
        self.penalties.is_some() || self.bias.is_some() || self.mask.is_some()
    }

    /// Counts a token, `[1]`, that was chosen and may not be known on the host yet.
    fn count(&mut self, token: &Array) -> Result<()> {
        match &mut self.penalties {
            Some(penalties) => penalties.count(token),
            None => Ok(()),
        }
    }

    /// Keeps the present state, so that a built step can be taken back.
    pub fn hold(&mut self) {
        if let Some(penalties) = &mut self.penalties {
            penalties.hold();
        }
    }

    /// Goes back to the held state.
    pub fn restore(&mut self) {
        if let Some(penalties) = &mut self.penalties {
            penalties.restore();
        }
    }
}

/// Tokens chosen by a step, not evaluated yet.
pub(crate) struct Sampled {
    /// `[rows]`, token ids as 32-bit unsigned integers.
    pub tokens: Array,
    logprobs: Vec<Option<RowLogprobs>>,
}

struct RowLogprobs {
    /// `[1, 1]`.
    chosen: Array,
    /// Ids and log-probabilities of the best, `[1, n]` each, best first.
    top: Option<(Array, Array)>,
}

impl Sampled {
    /// Everything that must be evaluated.
    pub fn arrays(&self) -> Vec<&Array> {
        let mut arrays = vec![&self.tokens];
        for row in self.logprobs.iter().flatten() {
            arrays.push(&row.chosen);
            if let Some((ids, values)) = &row.top {
                arrays.extend([ids, values]);
            }
        }
        arrays
    }

    /// The token ids; waits for them.
    pub fn read_tokens(&self) -> Result<Vec<u32>> {
        mlx::read(&self.tokens)
    }

    /// The log-probabilities of a row, if it asked for them.
    pub fn read_logprobs(&self, row: usize) -> Result<Option<TokenLogprobs>> {
        let Some(found) = &self.logprobs[row] else { return Ok(None) };
        // JSON has no infinities: a probability that underflowed is reported as the smallest there is.
        let finite = |value: f32| value.max(f32::MIN);
        let logprob = mlx::read::<f32>(&found.chosen)?.first().copied().unwrap_or(f32::MIN);
        let top = match &found.top {
            None => Vec::new(),
            Some((ids, values)) => {
                let values = mlx::read::<f32>(values)?;
                mlx::read::<u32>(ids)?.into_iter().zip(values.into_iter().map(finite)).collect()
            }
        };
        Ok(Some(TokenLogprobs { logprob: finite(logprob), top }))
    }
}

/// Chooses a token for each row of `logits`, `[rows, vocabulary]`. `rows` gives each row's sampler and the index of
/// its token in the reply.
pub(crate) fn sample(logits: &Array, rows: &mut [(&mut Sampler, u32)]) -> Result<Sampled> {
    let logprobs = rows
        .iter()
        .enumerate()
        .map(|(row, (sampler, _))| match sampler.settings.logprobs {
            Some(top) => Ok(Some((raw_logprobs(&row_of(logits, row)?)?, top))),
            None => Ok(None),
        })
        .collect::<Result<Vec<_>>>()?;

    let adjusted = if rows.iter().any(|(sampler, _)| sampler.adjusts()) {
        let adjusted: Vec<Array> = rows
            .iter()
            .enumerate()
            .map(|(row, (sampler, _))| sampler.adjust(&row_of(logits, row)?))
            .collect::<Result<_>>()?;
        &concatenate(&adjusted, 0)?
    } else {
        logits
    };

    let tokens = choose(adjusted, rows)?;
    for (row, (sampler, _)) in rows.iter_mut().enumerate() {
        if sampler.penalties.is_some() {
            sampler.count(&mlx::slice(&tokens, &[row as i32], &[row as i32 + 1])?)?;
        }
    }
    let logprobs = logprobs
        .into_iter()
        .enumerate()
        .map(|(row, found)| match found {
            Some((logprobs, top)) => row_logprobs(&logprobs, &tokens, row as i32, top).map(Some),
            None => Ok(None),
        })
        .collect::<Result<_>>()?;
    Ok(Sampled { tokens, logprobs })
}

fn choose(logits: &Array, rows: &[(&mut Sampler, u32)]) -> Result<Array> {
    let greedy = argmax_axis(logits, -1, false)?;
    if rows.iter().all(|(sampler, _)| sampler.is_greedy()) {
        return Ok(greedy);
    }
    let drawn = draw(&logits.as_dtype(Dtype::Float32)?, rows)?;
    if rows.iter().all(|(sampler, _)| !sampler.is_greedy()) {
        return Ok(drawn);
    }
    let is_greedy: Vec<bool> = rows.iter().map(|(sampler, _)| sampler.is_greedy()).collect();
    Ok(select(Array::from_slice(&is_greedy, &[rows.len() as i32]), greedy, drawn)?)
}

/// Draws from each row's distribution: candidates sorted once for all rows, cut off by top-k, top-p and min-p, and the
/// row's uniform number looked up in the cumulative sum of what is left.
fn draw(logits: &Array, rows: &[(&mut Sampler, u32)]) -> Result<Array> {
    let vocabulary = logits.dim(1);
    let column = |value: &dyn Fn(&Sampler) -> f32| {
        let values: Vec<f32> = rows.iter().map(|(sampler, _)| value(sampler)).collect();
        Array::from_slice(&values, &[rows.len() as i32, 1])
    };
    let any = |test: &dyn Fn(&Sampling) -> bool| rows.iter().any(|(sampler, _)| test(&sampler.settings));

    let temperature = column(&|s| if s.is_greedy() { 1.0 } else { s.settings.temperature });
    let scaled = logits.divide(temperature)?;
    let order = argsort_axis(scaled.negative()?, -1)?;
    let mut p = softmax_axis(scaled.take_along_axis(&order, -1)?, -1, true)?;
    let zero = Array::from_f32(0.0);

    if any(&|settings| settings.top_k > 0) {
        let ranks: Vec<f32> = (0..vocabulary).map(|rank| rank as f32).collect();
        let ranks = Array::from_slice(&ranks, &[1, vocabulary]);
        let limit = column(&|s| if s.settings.top_k == 0 { f32::MAX } else { s.settings.top_k as f32 });
        p = select(ranks.lt(limit)?, &p, &zero)?;
    }
    if any(&|settings| settings.top_p < 1.0) {
        let cumulative = p.cumsum(-1, false, true)?;
        let total = mlx::slice(&cumulative, &[0, vocabulary - 1], &[rows.len() as i32, vocabulary])?;
        let limit = column(&|s| if s.settings.top_p < 1.0 { s.settings.top_p } else { f32::MAX });
        // A candidate stays if those before it do not reach the mass yet; the first always does.
        let before = cumulative.subtract(&p)?;
        p = select(before.le(limit.multiply(total)?)?, &p, &zero)?;
    }
    if any(&|settings| settings.min_p > 0.0) {
        let best = mlx::slice(&p, &[0, 0], &[rows.len() as i32, 1])?;
        let least = best.multiply(column(&|s| s.settings.min_p))?;
        p = select(p.ge(least)?, &p, &zero)?;
    }

    let cumulative = p.cumsum(-1, false, true)?;
    let total = mlx::slice(&cumulative, &[0, vocabulary - 1], &[rows.len() as i32, vocabulary])?;
    let uniforms: Vec<f32> = rows.iter().map(|(sampler, index)| sampler.uniform(*index)).collect();
    let target = Array::from_slice(&uniforms, &[rows.len() as i32, 1]).multiply(total)?;
    let passed = cumulative.le(target)?.sum_axis(-1, true)?;
    let last = p.gt(&zero)?.sum_axis(-1, true)?.subtract(Array::from_int(1))?;
    let rank = minimum(passed, last)?;
    Ok(order.take_along_axis(&rank, -1)?.reshape(&[rows.len() as i32])?)
}

/// Row `row` of `[rows, vocabulary]` as `[1, vocabulary]`.
fn row_of(logits: &Array, row: usize) -> Result<Array> {
    let row = row as i32;
    if logits.dim(0) == 1 {
        return Ok(logits.clone());
    }
    mlx::slice(logits, &[row, 0], &[row + 1, logits.dim(1)])
}

/// The logarithm of the softmax, `[1, vocabulary]`.
fn raw_logprobs(logits: &Array) -> Result<Array> {
    let logits = logits.as_dtype(Dtype::Float32)?;
    Ok(logits.subtract(logits.logsumexp_axis(-1, true)?)?)
}

fn row_logprobs(logprobs: &Array, tokens: &Array, row: i32, top: u8) -> Result<RowLogprobs> {
    let token = mlx::slice(tokens, &[row], &[row + 1])?.reshape(&[1, 1])?;
    let chosen = logprobs.take_along_axis(&token, -1)?;
    if top == 0 {
        return Ok(RowLogprobs { chosen, top: None });
    }
    let count = i32::from(top).min(logprobs.dim(1));
    let ids = argsort_axis(logprobs.negative()?, -1)?;
    let ids = mlx::slice(&ids, &[0, 0], &[1, count])?;
    let values = logprobs.take_along_axis(&ids, -1)?;
    Ok(RowLogprobs { chosen, top: Some((ids, values)) })
}

#[cfg(test)]
mod tests;
