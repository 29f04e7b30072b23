//! The engine: which rows run next, and what their tokens mean for their requests.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use mlx_rs::{Array, memory};
use shorn_checkpoint::{Checkpoint, KvCache};
use shorn_protocol::{
    Abort, EffectiveKv, FinishReason, Generate, LoadSettings, LoadedModel, MemoryFigures, RequestId,
    RequestReport, TokenLogprobs,
};

use crate::batch::{Batch, Segment};
use crate::error::{LoadError, RequestError};
use crate::kv::{PREFILL_CHUNK, SequenceKv};
use crate::load::{self, Loaded, OnProgress};
use crate::mlx::{self, Result};
use crate::prompt_cache::PromptCache;
use crate::sampling::Sampler;
use crate::sequence::{Clock, Sequence, Waiting};
use crate::step::{self, BuiltStep, WantedRows};

/// While other requests decode, a step takes so many prompt rows that it lasts about this long.
const JOINT_STEP: Duration = Duration::from_millis(150);

/// Prompt rows that a joint step takes at least.
const FEWEST_PROMPT_ROWS: usize = 16;

/// Reply tokens that a prompt's cache has room for from the start.
const FIRST_REPLY_TOKENS: i32 = 256;

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
        error: Option<String>,
    },
}

/// One loaded model and the requests on it. Lives on one thread: MLX's arrays belong to the thread that makes them.
pub struct Engine {
    loaded: Loaded,
    settings: LoadSettings,
    waiting: VecDeque<Waiting>,
    active: Vec<Sequence>,
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
        self.check(&request)?;
        self.waiting.push_back(Waiting { request, arrived: Instant::now() });
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
        let mut batch = Batch { backend: self.loaded.backend, segments };
        let x = step::forward(model, &Array::from_slice(tokens, &[rows]), &mut batch)?;
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

    fn check_prompt(&self, tokens: &[u32]) -> Result<(), RequestError> {
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

    fn check(&self, request: &Generate) -> Result<(), RequestError> {
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

    /// Gives free places to waiting requests.
    fn admit(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while self.active.len() < self.settings.max_concurrent as usize {
            let Some(waiting) = self.waiting.pop_front() else { break };
            self.take_back_ahead();
            match self.start(&waiting) {
                Ok(sequence) => self.active.push(sequence),
                Err(problem) => {
                    events.push(self.never_started(&waiting, FinishReason::Error, Some(problem)));
                }
            }
        }
        events
    }

    fn start(&mut self, waiting: &Waiting) -> Result<Sequence, String> {
        let Waiting { request, arrived } = waiting;
        let started = Instant::now();
        let settings = self.kv_of(request);
        let prompt = request.prompt.len();
        let context = self.settings.context_length as usize;
        let reply = request.max_tokens.map_or(usize::MAX, |tokens| tokens.max(1) as usize);
        let limit = prompt.saturating_add(reply).min(context);

        let vocab_size = self.loaded.checkpoint.config.vocab_size();
        let failed = |error: mlx::MlxError| error.to_string();
        let sampler = Sampler::new(request.sampling.clone(), &request.prompt, vocab_size).map_err(failed)?;
        let reused = self.prompt_cache.take(&request.prompt, &settings).map_err(failed)?;
        let mut kv = match reused {
            Some(kv) => kv,
            None => SequenceKv::new(self.loaded.model.kv_layout(), settings).map_err(failed)?,
        };
        self.make_memory_for(&kv, limit.min(prompt + FIRST_REPLY_TOKENS as usize))?;
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
            peak_memory: 0,
        })
    }

    /// Drops kept caches until a cache of `tokens` fits below the memory limit.
    fn make_memory_for(&mut self, kv: &SequenceKv, tokens: usize) -> Result<(), String> {
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
            RequestError::Memory { tokens, needed, free }.to_string()
        })
    }

    /// Drops kept caches until `needed` bytes are free below the memory limit; else says how many are.
    fn make_memory(&mut self, needed: u64) -> Result<(), u64> {
        loop {
            let active = memory::active_memory().map_or(0, |bytes| bytes as u64);
            let free = self.loaded.memory_limit.saturating_sub(active);
            if needed <= free {
                return Ok(());
            }
            if !self.prompt_cache.drop_oldest() {
                return Err(free);
            }
        }
    }

    /// Grows the caches of requests whose next token has no room. Where memory does not suffice, the newest request
    /// ends with an error, so that the others can go on.
    fn make_room_to_decode(&mut self, events: &mut Vec<Event>) {
        let mut index = 0;
        while let Some(sequence) = self.active.get(index) {
            let next = sequence.kv.len() + 1;
            if sequence.kv.has_room_for(next) {
                index += 1;
                continue;
            }
            // While it is copied, the cache is there twice.
            let needed = sequence.kv.bytes_allocated();
            let problem = match self.make_memory(needed) {
                Ok(()) => match self.active[index].kv.reserve(next) {
                    Ok(()) => continue,
                    Err(error) => error.to_string(),
                },
                Err(_) => "memory ran out: the KV caches of all requests do not fit below the memory limit; \
                           run fewer requests at a time, quantize the KV cache or shorten the context"
                    .to_owned(),
            };
            let newest = self.active.len() - 1;
            self.take_back_ahead();
            let sequence = self.active.remove(newest);
            let report = sequence.report(FinishReason::Error);
            events.push(Event::Finished { id: sequence.id, report, error: Some(problem) });
        }
    }

    fn run_step(&mut self, events: &mut Vec<Event>) -> Result<()> {
        let begun = Instant::now();
        let prompt_rows;
        let mut built = match self.ahead.take() {
            Some(built) => {
                prompt_rows = 0;
                built
            }
            None => {
                let rows = self.plan();
                prompt_rows = self.prompt_rows(&rows);
                self.make_room(&rows)?;
                let building = Instant::now();
                let built = self.build(&rows)?;
                self.last_build = building.elapsed();
                built
            }
        };
        // From here on nobody but the step itself holds the buffers it writes to.
        for sequence in &mut self.active {
            sequence.kv.release();
        }
        built.schedule()?;
        if prompt_rows == 0 && self.may_build_ahead() {
            let building = Instant::now();
            self.ahead = Some(self.build_ahead(&built)?);
            self.last_build = building.elapsed();
        }
        self.collect(&built, events)?;
        if prompt_rows > 0 {
            self.learn_prompt_speed(prompt_rows, begun.elapsed());
        }
        Ok(())
    }

    /// Rows of each active sequence in the next step, in their order.
    fn plan(&self) -> Vec<usize> {
        let decoding = self.active.iter().filter(|sequence| sequence.pending() == 1).count();
        let mut left = match (decoding, self.seconds_per_prompt_row) {
            (0, _) => PREFILL_CHUNK as usize,
            (_, None) => FEWEST_PROMPT_ROWS,
            (_, Some(seconds)) => {
                let rows = (JOINT_STEP.as_secs_f64() / seconds) as usize;
                rows.clamp(FEWEST_PROMPT_ROWS, PREFILL_CHUNK as usize)
            }
        };
        let rows_of = |sequence: &Sequence| {
            if sequence.pending() == 1 {
                return 1;
            }
            let rows = ((sequence.kv.prefill_stop() - sequence.kv.len()) as usize).min(left);
            left -= rows;
            rows
        };
        self.active.iter().map(rows_of).collect()
    }

    /// How many of the planned rows are prompt rows that give no token.
    fn prompt_rows(&self, rows: &[usize]) -> usize {
        let prefilling = self.active.iter().zip(rows).filter(|(sequence, _)| sequence.pending() > 1);
        prefilling.map(|(_, rows)| rows).sum()
    }

    fn make_room(&mut self, rows: &[usize]) -> Result<()> {
        for (sequence, rows) in self.active.iter_mut().zip(rows) {
            sequence.kv.reserve(sequence.kv.len() + *rows as i32)?;
        }
        Ok(())
    }

    /// Builds a step of the given rows.
    fn build(&mut self, rows: &[usize]) -> Result<BuiltStep> {
        let mut ids = Vec::new();
        let mut wanted = Vec::new();
        let mut segments = Vec::new();
        let mut samplers = Vec::new();
        for (sequence, &rows) in self.active.iter_mut().zip(rows).filter(|(_, rows)| **rows > 0) {
            let from = sequence.kv.len() as usize;
            let first_row = ids.len() as i32;
            ids.extend_from_slice(&sequence.tokens[from..from + rows]);
            if sequence.pending() == 1 {
                wanted.push(ids.len() as u32 - 1);
                samplers.push((&mut sequence.sampler, (sequence.tokens.len() - sequence.prompt) as u32));
            }
            segments.push(Segment { rows: first_row..ids.len() as i32, kv: &mut sequence.kv });
        }
        let wanted = match wanted.len() {
            0 => WantedRows::None,
            all if all == ids.len() => WantedRows::All,
            _ => WantedRows::Some(wanted),
        };
        let ids = Array::from_slice(&ids, &[ids.len() as i32]);
        let mut batch = Batch { backend: self.loaded.backend, segments };
        step::build(self.loaded.model.as_ref(), &ids, &mut batch, &wanted, &mut samplers)
    }

    /// Whether the step after the running one can be built before its tokens are known: every sequence decodes, goes
    /// on whatever its token is, and needs nothing done to its cache first.
    fn may_build_ahead(&self) -> bool {
        (self.waiting.is_empty() || self.active.len() >= self.settings.max_concurrent as usize)
            && self.active.iter().all(|sequence| {
                let len = sequence.kv.len();
                // The running step's token is not in `tokens` yet.
                sequence.tokens.len() == len as usize
                    && sequence.tokens.len() + 1 < sequence.limit
                    && sequence.kv.has_room_for(len + 1)
                    && !sequence.kv.converts_after(len)
            })
    }

    /// Builds the step that feeds the running step's tokens, which are still on the device.
    fn build_ahead(&mut self, running: &BuiltStep) -> Result<BuiltStep> {
        let mut segments = Vec::new();
        let mut samplers = Vec::new();
        for (row, sequence) in self.active.iter_mut().enumerate() {
            let row = row as i32;
            sequence.kv.hold();
            sequence.sampler.hold();
            samplers.push((&mut sequence.sampler, (sequence.tokens.len() + 1 - sequence.prompt) as u32));
            segments.push(Segment { rows: row..row + 1, kv: &mut sequence.kv });
        }
        let ids = running.sampled.as_ref().map(|sampled| sampled.tokens.clone());
        let ids = ids.ok_or_else(|| mlx::MlxError::new("a decode step without tokens"))?;
        let mut batch = Batch { backend: self.loaded.backend, segments };
        step::build(self.loaded.model.as_ref(), &ids, &mut batch, &WantedRows::All, &mut samplers)
    }

    /// Undoes a step that was built ahead and will not run.
    fn take_back_ahead(&mut self) {
        if self.ahead.take().is_some() {
            for sequence in &mut self.active {
                sequence.kv.restore();
                sequence.sampler.restore();
            }
        }
    }

    /// Waits for the step and hands out what it computed.
    fn collect(&mut self, step: &BuiltStep, events: &mut Vec<Event>) -> Result<()> {
        let tokens = match &step.sampled {
            Some(sampled) => sampled.read_tokens()?,
            None => Vec::new(),
        };
        mlx::synchronize()?;
        let peak = memory::peak_memory().map_or(0, |bytes| bytes as u64);
        let mut ended = Vec::new();
        let mut row = 0;
        for index in 0..self.active.len() {
            let sequence = &mut self.active[index];
            sequence.peak_memory = sequence.peak_memory.max(peak);
            // A step built ahead has already counted one token more.
            let computed = sequence.kv.len() as usize - usize::from(self.ahead.is_some());
            if computed < sequence.tokens.len() {
                let (done, total) = (sequence.kv.len() as u32, sequence.prompt as u32);
                events.push(Event::Prefill { id: sequence.id, done, total });
                continue;
            }
            let logprobs = match &step.sampled {
                Some(sampled) => sampled.read_logprobs(row)?,
                None => None,
            };
            sequence.push(tokens[row]);
            row += 1;
            events.push(Event::Token { id: sequence.id, token: tokens[row - 1], logprobs });
            if let Some(finish) = self.finish_reason(index) {
                ended.push((index, finish));
            }
        }
        if !ended.is_empty() {
            self.take_back_ahead();
        }
        if self.ahead.is_none() {
            for sequence in &mut self.active {
                sequence.kv.convert_if_due()?;
            }
        }
        for (index, finish) in ended.into_iter().rev() {
            events.push(self.finish(index, finish));
        }
        Ok(())
    }

    fn finish_reason(&self, index: usize) -> Option<FinishReason> {
        let sequence = &self.active[index];
        let last = sequence.tokens.last()?;
        if !sequence.ignore_eos && self.loaded.checkpoint.eos_token_ids.contains(last) {
            Some(FinishReason::Stop)
        } else if sequence.tokens.len() >= sequence.limit {
            Some(FinishReason::Length)
        } else {
            None
        }
    }

    /// Takes a sequence out and keeps its cache.
    fn finish(&mut self, index: usize, finish: FinishReason) -> Event {
        let sequence = self.active.remove(index);
        let report = sequence.report(finish);
        if sequence.kv.len() > 0 {
            self.prompt_cache.insert(&sequence.tokens, sequence.kv);
        }
        Event::Finished { id: sequence.id, report, error: None }
    }

    /// An error in a joint step fails every request in it; their caches are dropped, never used again.
    fn fail_all(&mut self, error: &str, events: &mut Vec<Event>) {
        self.ahead = None;
        for sequence in self.active.drain(..) {
            let report = sequence.report(FinishReason::Error);
            events.push(Event::Finished { id: sequence.id, report, error: Some(error.to_owned()) });
        }
    }

    fn never_started(&self, waiting: &Waiting, finish: FinishReason, error: Option<String>) -> Event {
        let queue_seconds = waiting.arrived.elapsed().as_secs_f64();
        let report = RequestReport {
            prompt_tokens: waiting.request.prompt.len() as u32,
            cached_tokens: 0,
            generated_tokens: 0,
            queue_seconds,
            prefill_seconds: 0.0,
            decode_seconds: 0.0,
            peak_memory: 0,
            kv: EffectiveKv::empty(self.kv_of(&waiting.request)),
            finish,
        };
        Event::Finished { id: waiting.request.id, report, error }
    }

    fn learn_prompt_speed(&mut self, rows: usize, time: Duration) {
        if rows < FEWEST_PROMPT_ROWS {
            return;
        }
        let seconds = time.as_secs_f64() / rows as f64;
        let learned = self.seconds_per_prompt_row.unwrap_or(seconds);
        self.seconds_per_prompt_row = Some(0.5 * learned + 0.5 * seconds);
    }
}

fn dtype_bytes(dtype: mlx_rs::Dtype) -> u64 {
    match dtype {
        mlx_rs::Dtype::Float32 => 4,
        _ => 2,
    }
}
