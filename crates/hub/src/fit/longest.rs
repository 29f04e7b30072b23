//! With which settings a model fits best: what a badge beside it can say in one line.

use serde::Serialize;
use shorn_checkpoint::{KvBits, KvCache, KvGroupSize, KvQuantization};
use ts_rs::TS;

use super::{Fit, FitOptions, Machine, ModelFacts, Needs, estimate, kv};

/// Contexts are shortened in steps of so many tokens.
const CONTEXT_STEP: u32 = 1024;

/// With less than this an agent's instructions and a few files fill the context.
const SHORTEST_USEFUL_CONTEXT: u32 = 16_384;

/// The narrowest width that is chosen without being asked for, in bits. What 2 and 3 bits do to replies depends too
/// much on the model.
const NARROWEST_BITS: u32 = 4;

/// The settings with which a model fits best, and what they take.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct LongestFit {
    /// The KV cache.
    pub kv: KvCache,
    /// The context length in tokens.
    pub context_length: u32,
    /// What they take. Its verdict is too large when nothing useful fits: then these are the smallest settings tried.
    pub fit: Fit,
}

/// Finds the settings for one context. The first of these that fits:
///
/// 1. the model's full context, unquantized;
/// 2. the full context with the widest KV cache of 8, 6 and 4 bits that fits;
/// 3. the longest context in steps of 1,024 tokens, at least 16,384, unquantized or in 8 bits, whichever is longer.
///
/// When none does, the figures are those of 16,384 tokens (or the full context if that is shorter) in 8 bits, or
/// unquantized where the model's KV cache cannot be quantized. Quantization begins where it does by default, in groups
/// of 64, or of 32 where 64 do not fill a head.
pub fn longest_fit(model: &ModelFacts, machine: &Machine) -> LongestFit {
    let full = model.shape.context_length;
    let (kv, context_length) = best_settings(model, machine).unwrap_or_else(|| {
        let smallest = quantized(model).next().unwrap_or_default();
        (smallest, full.min(SHORTEST_USEFUL_CONTEXT))
    });
    let fit = estimate(model, &FitOptions::one_context(context_length, kv), machine);
    LongestFit { kv, context_length, fit }
}

fn best_settings(model: &ModelFacts, machine: &Machine) -> Option<(KvCache, u32)> {
    let (full, limit) = (model.shape.context_length, machine.limit().bytes);
    let fits = |kv: KvCache, context_length: u32| {
        Needs::of(model, &FitOptions::one_context(context_length, kv), machine).total() <= limit
    };
    let mut settings = std::iter::once(KvCache::Dense).chain(quantized(model));
    if let Some(kv) = settings.find(|&kv| fits(kv, full)) {
        return Some((kv, full));
    }
    // Of two contexts of the same length the last is taken: the unquantized one.
    let wide = quantized(model).take(1).chain([KvCache::Dense]);
    let longest = wide.filter_map(|kv| Some((kv, longest_context(full, |tokens| fits(kv, tokens))?)));
    longest.max_by_key(|(_, context_length)| *context_length)
}

/// The widths that the model can take, widest first.
fn quantized(model: &ModelFacts) -> impl Iterator<Item = KvCache> {
    let default = KvQuantization::DEFAULT_GROUP_SIZE;
    let narrower = KvGroupSize::ALL.into_iter().filter(move |size| *size < default);
    let setting = |bits, group_size| {
        let start = KvQuantization::DEFAULT_START;
        KvCache::Quantized(KvQuantization { key_bits: bits, value_bits: bits, group_size, start })
    };
    let group_size = std::iter::once(default)
        .chain(narrower)
        .find(|&group_size| kv::check(model, &setting(KvBits::ALL[0], group_size)).is_ok());
    let widths = KvBits::ALL.into_iter().rev().filter(|bits| bits.get() >= NARROWEST_BITS);
    widths.filter_map(move |bits| Some(setting(bits, group_size?)))
}

/// The longest useful context below the full one: what is needed grows with it, so halving finds it.
fn longest_context(full: u32, fits: impl Fn(u32) -> bool) -> Option<u32> {
    let (mut fitting, mut tried) = (SHORTEST_USEFUL_CONTEXT / CONTEXT_STEP, full.div_ceil(CONTEXT_STEP));
    if fitting >= tried || !fits(fitting * CONTEXT_STEP) {
        return None;
    }
    while tried - fitting > 1 {
        let middle = fitting.midpoint(tried);
        if fits(middle * CONTEXT_STEP) { fitting = middle } else { tried = middle }
    }
    Some(fitting * CONTEXT_STEP)
}
