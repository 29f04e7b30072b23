//! Which requests may run: their values are checked, and memory is there before MLX is asked for it.

use std::time::Instant;

use mlx_rs::memory;
use shorn_checkpoint::KvCache;
use shorn_protocol::{EffectiveKv, Failure, FailureKind, FinishReason, Generate, GrammarCost, RequestReport};

use super::{Engine, Event};
use crate::error::RequestError;
use crate::kv::{PREFILL_CHUNK, SequenceKv};
use crate::mlx;
use crate::sampling::Sampler;
use crate::sequence::{Clock, Sequence, Waiting};

/// Reply tokens that a prompt's cache has room for from the start.
const FIRST_REPLY_TOKENS: i32 = 256;

impl Engine {
    pub(super) fn check_prompt(&self, tokens: &[u32]) -> Result<(), RequestError> {
        let vocab_size = self.loaded.checkpoint.config.vocab_size();
        let (prompt, context) = (tokens.len(), self.settings.context_length);
        if prompt == 0 {
            return Err(RequestError::EmptyPrompt);
        }
        if prompt >= context as usize {
            return Err(RequestError::TooLong { prompt, context });
        }
        match tokens.iter().find(|&&id| id >= vocab_size) {
            Some(&id) => Err(RequestError::UnknownToken { id, vocab_size }),
            None => Ok(()),
        }
    }

    pub(super) fn check(&self, request: &Generate) -> Result<(), RequestError> {
        self.check_prompt(&request.prompt)?;
        let config = &self.loaded.checkpoint.config;
        request.sampling.check(config.vocab_size())?;
        config.check_kv(&self.kv_of(request))?;
        let ids = self.active.iter().map(|sequence| sequence.id);
        let mut ids = ids.chain(self.waiting.iter().map(|waiting| waiting.request.id));
        if ids.any(|id| id == request.id) {
            return Err(RequestError::DuplicateId(request.id.0));
        }
        Ok(())
    }

    fn kv_of(&self, request: &Generate) -> KvCache {
        request.kv.unwrap_or(self.settings.kv)
    }

    /// Gives free places to waiting requests. One whose KV cache does not fit beside those of running ones waits on.
    pub(super) fn admit(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while self.active.len() < self.starved_beside.unwrap_or(self.settings.max_concurrent as usize) {
            let Some(mut waiting) = self.waiting.pop_front() else { break };
            if self.computes_prompt_of(&waiting.request) {
                self.waiting.push_front(waiting);
                break;
            }
            self.take_back_ahead();
            self.starved_beside = None;
            match self.start(&mut waiting) {
                Ok(sequence) => self.active.push(sequence),
                Err(failure) if failure.kind == FailureKind::TooLong && !self.active.is_empty() => {
                    self.starved_beside = Some(self.active.len());
                    self.waiting.push_front(waiting);
                }
                Err(failure) => {
                    events.push(self.never_started(&waiting, FinishReason::Error, Some(failure)));
                }
            }
        }
        events
    }

    fn start(&mut self, waiting: &mut Waiting) -> Result<Sequence, Failure> {
        let Waiting { request, mask, arrived } = waiting;
        let started = Instant::now();
        let settings = self.kv_of(request);
        let prompt = request.prompt.len();
        let context = self.settings.context_length as usize;
        let reply = request.max_tokens.map_or(usize::MAX, |tokens| tokens.max(1) as usize);
        let limit = prompt.saturating_add(reply).min(context);

        let failed = |error: mlx::MlxError| Failure::broken(error.to_string());
        let reused = match self.fork_for(&request.prompt, &settings) {
            Some(forked) => Some(forked.map_err(failed)?),
            None => self.prompt_cache.take(&request.prompt, &settings).map_err(failed)?,
        };
        let mut kv = match reused {
            Some(kv) => kv,
            None => SequenceKv::new(self.loaded.model.kv_layout(), settings).map_err(failed)?,
        };
        if let Err(problem) = self.make_memory_for(&kv, limit.min(prompt + FIRST_REPLY_TOKENS as usize)) {
            if kv.len() > 0 {
                self.prompt_cache.insert(&request.prompt, kv);
            }
            return Err(Failure::too_long(problem.to_string()));
        }
        let vocab_size = self.loaded.checkpoint.config.vocab_size();
        let sampler = Sampler::new(request.sampling.clone(), &request.prompt, vocab_size).map_err(failed)?;
        let sampler = sampler.following(mask.take());
        let cached = kv.len() as u32;
        let reply = FIRST_REPLY_TOKENS.min((limit - prompt) as i32);
        kv.begin_prompt(prompt as i32, reply).map_err(failed)?;
        Ok(Sequence {
            id: request.id,
            tokens: request.prompt.clone(),
            prompt,
            limit,
            ignore_eos: request.ignore_eos,
            kv,
            sampler,
            clock: Clock { arrived: *arrived, started, first_token: None, last_token: None },
            cached,
            ahead: 0,
            peak_memory: 0,
        })
    }

    /// Whether a running request is still computing this very prompt: it is not computed a second time beside it.
    fn computes_prompt_of(&self, request: &Generate) -> bool {
        let settings = self.kv_of(request);
        self.active.iter().any(|sequence| {
            sequence.pending() > 1
                && *sequence.kv.settings() == settings
                && sequence.tokens.len() == request.prompt.len()
                && sequence.tokens == request.prompt
        })
    }

    /// A copy of the cache of a running request with the same prompt: another choice of the same question.
    fn fork_for(&self, prompt: &[u32], settings: &KvCache) -> Option<mlx::Result<SequenceKv>> {
        let usable = prompt.len() as i32 - 1;
        // A cache that became quantized in the reply is not what the prompt alone gives.
        if matches!(settings, KvCache::Quantized(quantization) if i64::from(quantization.start) > i64::from(usable))
        {
            return None;
        }
        let same = |sequence: &&Sequence| {
            sequence.kv.settings() == settings
                && sequence.kv.len() >= usable
                && sequence.prompt == prompt.len()
                && sequence.tokens[..sequence.prompt] == *prompt
        };
        let sequence = self.active.iter().find(same).filter(|_| usable > 0)?;
        Some(sequence.kv.fork(usable))
    }

    /// Drops kept caches until a cache of `tokens` fits below the memory limit.
    fn make_memory_for(&mut self, kv: &SequenceKv, tokens: usize) -> Result<(), RequestError> {
        let dtype = self.loaded.model.kv_layout().first().map(|layout| layout.dtype);
        let config = &self.loaded.checkpoint.config;
        let bytes = config.kv_bytes_per_token(kv.settings(), dtype.map_or(4, dtype_bytes));
        let tokens = tokens as u64;
        let whole = match kv.settings() {
            KvCache::Quantized(quantization) if u64::from(quantization.start) <= tokens => {
                let dense = u64::from(quantization.start) + PREFILL_CHUNK as u64;
                (bytes.quantized * tokens).max(bytes.dense * dense.min(tokens))
            }
            _ => bytes.dense * tokens,
        };
        let needed = whole.saturating_sub(kv.bytes_allocated());
        self.make_memory(needed).map_err(|free| {
            let (needed, free) = (needed / 1_000_000, free / 1_000_000);
            RequestError::Memory { tokens, needed, free }
        })
    }

    /// Drops kept caches until `needed` bytes are free below the memory limit. Where all of them are not enough it drops
    /// none, and says how many bytes there would be.
    fn make_memory(&mut self, needed: u64) -> Result<(), u64> {
        let possible = self.free_memory() + self.prompt_cache.bytes();
        if needed > possible {
            return Err(possible);
        }
        while needed > self.free_memory() {
            if !self.prompt_cache.drop_oldest() {
                return Err(self.free_memory());
            }
        }
        Ok(())
    }

    /// Bytes below the memory limit that nothing holds, and no request that was let in will: its buffers are only there
    /// once a step has filled them.
    fn free_memory(&self) -> u64 {
        let held = memory::active_memory().map_or(0, |bytes| bytes as u64);
        let caches: u64 = self.active.iter().map(|sequence| sequence.kv.bytes_allocated()).sum();
        let promised = self.loaded.weights + caches + self.prompt_cache.bytes();
        self.loaded.memory_limit.saturating_sub(held.max(promised))
    }

    /// Grows the caches of requests whose next token has no room. Where memory does not suffice, the newest request
    /// ends with an error, so that the others can go on; one that is alone has outgrown the memory.
    pub(super) fn make_room_to_decode(&mut self, events: &mut Vec<Event>) {
        let mut index = 0;
        while let Some(sequence) = self.active.get(index) {
            let next = sequence.kv.len() + 1;
            if sequence.kv.has_room_for(next) {
                index += 1;
                continue;
            }
            let needed = sequence.kv.bytes_to_reserve(next);
            let failure = match self.make_memory(needed) {
                Ok(()) => match self.active[index].kv.reserve(next) {
                    Ok(()) => continue,
                    Err(error) => Failure::broken(error.to_string()),
                },
                Err(_) if self.active.len() == 1 => Failure::too_long(format!(
                    "memory ran out: a KV cache of {next} tokens does not fit below the memory limit; shorten the \
                     prompt, quantize the KV cache or load a smaller model"
                )),
                Err(_) => Failure::broken(
                    "memory ran out: the KV caches of all requests do not fit below the memory limit; run fewer \
                     requests at a time, quantize the KV cache or shorten the context",
                ),
            };
            let newest = self.active.len() - 1;
            self.take_back_ahead();
            let sequence = self.active.remove(newest);
            let report = sequence.report(FinishReason::Error);
            events.push(Event::Finished { id: sequence.id, report, error: Some(failure) });
        }
    }

    pub(super) fn never_started(
        &self,
        waiting: &Waiting,
        finish: FinishReason,
        error: Option<Failure>,
    ) -> Event {
        let queue_seconds = waiting.arrived.elapsed().as_secs_f64();
        let report = RequestReport {
            prompt_tokens: waiting.request.prompt.len() as u32,
            cached_tokens: 0,
            generated_tokens: 0,
            queue_seconds,
            prefill_seconds: 0.0,
            decode_seconds: 0.0,
            ahead_tokens: 0,
            grammar: waiting.mask.is_some().then(GrammarCost::default),
            peak_memory: 0,
            kv: EffectiveKv::empty(self.kv_of(&waiting.request)),
            finish,
        };
        Event::Finished { id: waiting.request.id, report, error }
    }
}

fn dtype_bytes(dtype: mlx_rs::Dtype) -> u64 {
    match dtype {
        mlx_rs::Dtype::Float32 => 4,
        _ => 2,
    }
}
