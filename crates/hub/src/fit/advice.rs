//! What would make a model fit: every word of it is computed with the same arithmetic as the verdict.

use serde::Serialize;
use shorn_checkpoint::{KvBits, KvCache, KvGroupSize, KvQuantization};
use ts_rs::TS;

use super::{BindingLimit, FitOptions, Machine, ModelFacts, Needs, gigabytes, kv};

/// Contexts are advised in steps of so many tokens.
const CONTEXT_STEP: u32 = 1024;

/// Shorter contexts are not advised: an agent's own instructions would not leave room for work.
const SHORTEST_CONTEXT: u32 = 4096;

/// One change that makes a model fit.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct Advice {
    /// The change and what it leads to, in words.
    pub words: String,
    /// The KV cache to choose, where that is part of the change.
    pub kv: Option<KvCache>,
    /// The context length to choose, in tokens, where that is part of the change.
    pub context_length: Option<u32>,
}

/// Advice for options that do not fit. Each line is enough by itself.
pub(super) fn advice(model: &ModelFacts, options: &FitOptions, machine: &Machine) -> Vec<Advice> {
    let search = Search { model, options, machine, limit: machine.limit().bytes };
    let mut advice = Vec::new();
    let kv = search.widest_kv();
    advice.extend(kv.map(|kv| search.advise(Some(kv), None)));
    let context = search.longest_context(options.kv);
    advice.extend(context.map(|context| search.advise(None, Some(context))));
    if kv.is_none() {
        // No setting alone keeps the whole context: the widest that lengthens it enough to be worth its errors.
        let worth_it = context.map_or(0, |context| context / 4 * 5);
        let longer = search.narrower().find_map(|kv| {
            let longest = search.longest_context(kv).filter(|&longest| longest > worth_it);
            longest.map(|longest| (kv, longest))
        });
        advice.extend(longer.map(|(kv, longest)| search.advise(Some(kv), Some(longest))));
    }
    advice.extend(search.raise_the_limit());
    if advice.is_empty() {
        advice.push(search.smaller_model());
    }
    advice
}

/// Other options for the same model and machine.
struct Search<'a> {
    model: &'a ModelFacts,
    options: &'a FitOptions,
    machine: &'a Machine,
    limit: u64,
}

impl Search<'_> {
    fn total(&self, kv: KvCache, context_length: u32) -> u64 {
        let options = FitOptions { kv, context_length, ..*self.options };
        Needs::of(self.model, &options, self.machine).total()
    }

    fn fits(&self, kv: KvCache, context_length: u32) -> bool {
        self.total(kv, context_length) <= self.limit
    }

    /// The settings that keep fewer bits than the present one, widest first, each with the present threshold and, where
    /// that is not 0, with none. Only those that the model can take.
    fn narrower(&self) -> impl Iterator<Item = KvCache> {
        let (bits, start, groups) = match self.options.kv {
            KvCache::Dense => {
                let default = KvQuantization::DEFAULT_GROUP_SIZE;
                let others = KvGroupSize::ALL.into_iter().filter(move |&size| size != default);
                let groups: Vec<_> = std::iter::once(default).chain(others).collect();
                (u32::MAX, KvQuantization::DEFAULT_START, groups)
            }
            KvCache::Quantized(now) => {
                (now.key_bits.get() + now.value_bits.get(), now.start, vec![now.group_size])
            }
        };
        let group_size = groups.into_iter().find(|&group_size| {
            let bits = KvBits::ALL[0];
            let quantization = KvQuantization { key_bits: bits, value_bits: bits, group_size, start };
            kv::check(self.model, &KvCache::Quantized(quantization)).is_ok()
        });
        let starts = if start == 0 { vec![0] } else { vec![start, 0] };
        group_size.into_iter().flat_map(move |group_size| {
            let starts = starts.clone();
            let narrower = KvBits::ALL.into_iter().rev().filter(move |width| 2 * width.get() < bits);
            narrower.flat_map(move |width| {
                let kv =
                    move |start| KvQuantization { key_bits: width, value_bits: width, group_size, start };
                starts.clone().into_iter().map(move |start| KvCache::Quantized(kv(start)))
            })
        })
    }

    /// The setting of most bits with which the whole context fits.
    fn widest_kv(&self) -> Option<KvCache> {
        self.narrower().find(|&kv| self.fits(kv, self.options.context_length))
    }

    /// The longest context that fits with a setting: what is needed grows with it, so halving finds it.
    fn longest_context(&self, kv: KvCache) -> Option<u32> {
        let steps = |tokens: u32| tokens / CONTEXT_STEP;
        let (mut fitting, mut tried) = (steps(SHORTEST_CONTEXT), steps(self.options.context_length - 1) + 1);
        if fitting >= tried || !self.fits(kv, fitting * CONTEXT_STEP) {
            return None;
        }
        while tried - fitting > 1 {
            let middle = fitting.midpoint(tried);
            if self.fits(kv, middle * CONTEXT_STEP) { fitting = middle } else { tried = middle }
        }
        Some(fitting * CONTEXT_STEP)
    }

    fn advise(&self, kv: Option<KvCache>, context_length: Option<u32>) -> Advice {
        let total =
            self.total(kv.unwrap_or(self.options.kv), context_length.unwrap_or(self.options.context_length));
        let change = match (kv, context_length) {
            (Some(kv), None) => format!("keep the KV cache {}", in_words(kv)),
            (Some(kv), Some(tokens)) => {
                format!("keep the KV cache {} and shorten the context to {tokens} tokens", in_words(kv))
            }
            (None, tokens) => {
                format!("shorten the context to {} tokens", tokens.unwrap_or(self.options.context_length))
            }
        };
        let words = format!("{change}: that takes {} of {}", gigabytes(total), gigabytes(self.limit));
        Advice { words, kv, context_length }
    }

    /// What to do about the limit itself, when it is one that a person can move far enough.
    fn raise_the_limit(&self) -> Option<Advice> {
        let total = self.total(self.options.kv, self.options.context_length);
        let (moved, words) = match self.machine.limit().binding {
            BindingLimit::AvailableNow => {
                let missing = gigabytes(total - self.limit);
                (
                    Machine { available: None, ..*self.machine },
                    format!("close other programs until {missing} more are free"),
                )
            }
            BindingLimit::Chosen => {
                let machine =
                    Machine { chosen: Some(self.machine.gpu_limit.unwrap_or(u64::MAX)), ..*self.machine };
                (machine, format!("raise the memory limit to {} or more", gigabytes(total)))
            }
            BindingLimit::GpuLimit | BindingLimit::TotalMinusReserve => return None,
        };
        (total <= moved.limit().bytes).then_some(Advice { words, kv: None, context_length: None })
    }

    fn smaller_model(&self) -> Advice {
        let shortest = self.options.context_length.min(SHORTEST_CONTEXT);
        let kv = self.narrower().last().unwrap_or(self.options.kv);
        let words = format!(
            "choose a smaller model, or a version of this one in fewer bits: its weights take {}, and with the \
             narrowest KV cache and a context of {shortest} tokens it would take {} of {}",
            gigabytes(self.model.weights_bytes),
            gigabytes(self.total(kv, shortest)),
            gigabytes(self.limit)
        );
        Advice { words, kv: None, context_length: None }
    }
}

/// `in 8 bits (groups of 64, from 5000 tokens)`.
fn in_words(kv: KvCache) -> String {
    let KvCache::Quantized(kv) = kv else { return "unquantized".to_owned() };
    let from = match kv.start {
        0 => "from the first token".to_owned(),
        start => format!("from {start} tokens"),
    };
    format!("in {} bits (groups of {}, {from})", kv.key_bits.get(), kv.group_size.get())
}
