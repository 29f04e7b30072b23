//! The engine: one loaded model and the requests on it.

mod admission;
mod masks;
mod run;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use mlx_rs::{Array, memory};
use shorn_checkpoint::{Checkpoint, KvCache};
use shorn_protocol::{
    Abort, Failure, FinishReason, Generate, LoadSettings, LoadedModel, MemoryFigures, RequestId,
    RequestReport, TokenLogprobs,
};

use crate::batch::{Batch, Segment};
use crate::error::{LoadError, RequestError};
use crate::kv::SequenceKv;
use crate::load::{self, Loaded, OnProgress};
use crate::mask::TokenMask;
use crate::mlx;
use crate::prompt_cache::PromptCache;
use crate::sequence::{Sequence, Waiting};
use crate::step::{self, BuiltStep, WantedRows};

/// What happened to a request during a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Part of its prompt is computed.
    Prefill {
        /// Which request.
        id: RequestId,
        /// Prompt tokens in the cache.
        done: u32,
        /// Prompt tokens in all.
        total: u32,
    },
    /// It has a new token.
    Token {
        /// Which request.
        id: RequestId,
        /// The token id.
        token: u32,
        /// Its log-probabilities, if asked for.
        logprobs: Option<TokenLogprobs>,
    },
    /// It ended.
    Finished {
        /// Which request.
        id: RequestId,
        /// What it cost and why it ended.
        report: RequestReport,
        /// What failed, when that is why.
        error: Option<Failure>,
    },
}

/// One loaded model and the requests on it. Lives on one thread: MLX's arrays belong to the thread that makes them.
pub struct Engine {
    loaded: Loaded,
    settings: LoadSettings,
    waiting: VecDeque<Waiting>,
    active: Vec<Sequence>,
    /// How many requests ran when there was no memory for the next one: it is tried again when fewer do.
    starved_beside: Option<usize>,
    prompt_cache: PromptCache,
    /// The next step, built while the last one ran. Every active sequence holds the handles from before it.
    ahead: Option<BuiltStep>,
    /// Seconds that a prompt row takes, learned from past steps.
    seconds_per_prompt_row: Option<f64>,
    peak_memory: u64,
    /// Of the last step.
    last_peak: u64,
    last_build: Duration,
}

impl Engine {
    /// Loads a model.
    ///
    /// # Errors
    /// Names the file, field or setting, and what to do.
    pub fn load(settings: LoadSettings, on_progress: &mut OnProgress<'_>) -> Result<Self, LoadError> {
        memory::reset_peak_memory()?;
        let loaded = load::load(&settings, on_progress)?;
        let left = loaded.memory_limit.saturating_sub(loaded.weights);
        let prompt_cache = PromptCache::new(settings.prompt_cache_bytes.unwrap_or(left / 4));
        let peak_memory = memory::peak_memory()? as u64;
        Ok(Self {
            loaded,
            settings,
            waiting: VecDeque::new(),
            active: Vec::new(),
            starved_beside: None,
            prompt_cache,
            ahead: None,
            seconds_per_prompt_row: None,
            peak_memory,
            last_peak: 0,
            last_build: Duration::ZERO,
        })
    }

    /// What was loaded.
    pub fn describe(&self) -> LoadedModel {
        LoadedModel {
            backend: self.loaded.backend.name().to_owned(),
            context_length: self.settings.context_length,
            prompt_cache_bytes: self.prompt_cache.budget(),
            memory_limit: self.loaded.memory_limit,
            load_seconds: self.loaded.seconds,
            notes: self.loaded.notes.clone(),
            memory: self.memory(),
        }
    }

    /// The model folder as it was read.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.loaded.checkpoint
    }

    /// Memory now, from MLX and from the live arrays.
    pub fn memory(&self) -> MemoryFigures {
        let effective: Vec<_> = self.active.iter().map(|sequence| sequence.kv.effective()).collect();
        let read = |figure: mlx_rs::error::Result<usize>| figure.map_or(0, |bytes| bytes as u64);
        MemoryFigures {
            weights: self.loaded.weights,
            kv_in_use: effective.iter().map(|kv| kv.bytes_in_use).sum(),
            kv_allocated: effective.iter().map(|kv| kv.bytes_allocated).sum(),
            prompt_cache: self.prompt_cache.bytes(),
            mlx_active: read(memory::active_memory()),
            mlx_cache: read(memory::cache_memory()),
            mlx_peak: self.peak_memory.max(read(memory::peak_memory())),
        }
    }

    /// Whether there is nothing to do.
    pub fn is_idle(&self) -> bool {
        self.active.is_empty() && self.waiting.is_empty()
    }

    /// Takes a request in. It starts with a later [`Engine::step`].
    ///
    /// # Errors
    /// When the request cannot be run; nothing of it remains.
    pub fn submit(&mut self, request: Generate) -> Result<(), RequestError> {
        if request.grammar.is_some() {
            return Err(RequestError::NoMask);
        }
        self.take_in(request, None)
    }

    /// The same for a request whose tokens have to be those that a mask allows. Whoever submits it has made the mask from
    /// the request's grammar: the engine knows no text.
    ///
    /// # Errors
    /// When the request cannot be run; nothing of it remains.
    pub fn submit_masked(&mut self, request: Generate, mask: Box<dyn TokenMask>) -> Result<(), RequestError> {
        self.take_in(request, Some(mask))
    }

    fn take_in(&mut self, request: Generate, mask: Option<Box<dyn TokenMask>>) -> Result<(), RequestError> {
        self.check(&request)?;
        self.waiting.push_back(Waiting { request, mask, arrived: Instant::now() });
        Ok(())
    }

    /// Ends a request. Unknown ids are ignored: it may have ended by itself.
    pub fn abort(&mut self, abort: Abort) -> Option<Event> {
        let finish = if abort.complete { FinishReason::Stop } else { FinishReason::Cancelled };
        if let Some(index) = self.active.iter().position(|sequence| sequence.id == abort.id) {
            self.take_back_ahead();
            return Some(self.finish(index, finish));
        }
        let index = self.waiting.iter().position(|waiting| waiting.request.id == abort.id)?;
        let waiting = self.waiting.remove(index)?;
        self.starved_beside = None;
        Some(self.never_started(&waiting, finish, None))
    }

    /// Drops all KV caches that are kept for later requests.
    pub fn clear_prompt_cache(&mut self) {
        self.prompt_cache.clear();
        let _ = memory::clear_cache();
    }

    /// Runs one step: some prompt rows, one row for each request that decodes, or both.
    pub fn step(&mut self) -> Vec<Event> {
        let _ = memory::reset_peak_memory();
        let mut events = self.admit();
        self.make_room_to_decode(&mut events);
        self.find_masks(&mut events);
        if self.active.is_empty() {
            return events;
        }
        if let Err(error) = self.run_step(&mut events) {
            self.fail_all(&error.to_string(), &mut events);
        }
        self.last_peak = memory::peak_memory().map_or(0, |bytes| bytes as u64);
        self.peak_memory = self.peak_memory.max(self.last_peak);
        events
    }

    /// The model's logits at every position of `tokens`, `[positions][vocabulary]`, computed at once over a fresh cache.
    ///
    /// # Errors
    /// When the tokens cannot be a prompt, or MLX fails.
    pub fn logits(&mut self, tokens: &[u32]) -> Result<Vec<Vec<f32>>, RequestError> {
        self.check_prompt(tokens)?;
        let rows = tokens.len() as i32;
        let model = self.loaded.model.as_ref();
        let mut kv = SequenceKv::new(model.kv_layout(), KvCache::Dense)?;
        kv.reserve(rows)?;
        let segments = vec![Segment { rows: 0..rows, kv: &mut kv }];
        let mut batch = Batch::new(self.loaded.backend, segments);
        let x = step::forward(model, &Array::from_slice(tokens, &[rows]), &mut batch, &WantedRows::All)?;
        let logits = model.logits(&x)?.as_dtype(mlx_rs::Dtype::Float32).map_err(mlx::MlxError::from)?;
        let flat = mlx::read::<f32>(&logits)?;
        Ok(flat.chunks(flat.len() / tokens.len()).map(<[f32]>::to_vec).collect())
    }

    /// Highest MLX memory during the last step, in bytes.
    pub fn last_peak(&self) -> u64 {
        self.last_peak
    }

    /// How long the host took to build the last step, whether ahead or not.
    pub fn last_build(&self) -> Duration {
        self.last_build
    }

    /// Keeps a cache of noise for these tokens, as if a request had computed it: a prompt that begins with them is then
    /// measured at that depth without the hours that computing it may take. What it costs to decode or to prefill behind
    /// it does not depend on the values.
    ///
    /// # Errors
    /// When the tokens cannot be a prompt, the cache cannot be had, or MLX fails.
    pub fn cache_noise(&mut self, tokens: &[u32]) -> Result<(), RequestError> {
        self.check_prompt(tokens)?;
        self.loaded.checkpoint.config.check_kv(&self.settings.kv)?;
        let kv = SequenceKv::noise(self.loaded.model.kv_layout(), self.settings.kv, tokens.len() as i32)?;
        self.prompt_cache.insert(tokens, kv);
        Ok(())
    }
}
