//! Which rows run next, and what their tokens mean for their requests.

use std::time::{Duration, Instant};

use mlx_rs::{Array, memory};
use shorn_protocol::{Failure, FinishReason};

use super::{Engine, Event};
use crate::batch::{Batch, Segment};
use crate::kv::PREFILL_CHUNK;
use crate::mlx::{self, Result};
use crate::sequence::Sequence;
use crate::step::{self, BuiltStep, WantedRows};

/// While other requests decode, a step takes so many prompt rows that it lasts about this long.
const JOINT_STEP: Duration = Duration::from_millis(150);

/// Prompt rows that a joint step takes at least.
const FEWEST_PROMPT_ROWS: usize = 16;

impl Engine {
    pub(super) fn run_step(&mut self, events: &mut Vec<Event>) -> Result<()> {
        let begun = Instant::now();
        let prompt_rows;
        let built_ahead = self.ahead.is_some();
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
        self.collect(&built, built_ahead, events)?;
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
        let mut batch = Batch::new(self.loaded.backend, segments);
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
                    && !sequence.sampler.is_masked()
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
        let mut batch = Batch::new(self.loaded.backend, segments);
        step::build(self.loaded.model.as_ref(), &ids, &mut batch, &WantedRows::All, &mut samplers)
    }

    /// Undoes a step that was built ahead and will not run.
    pub(super) fn take_back_ahead(&mut self) {
        if self.ahead.take().is_some() {
            for sequence in &mut self.active {
                sequence.kv.restore();
                sequence.sampler.restore();
            }
        }
    }

    /// Waits for the step and hands out what it computed.
    fn collect(&mut self, step: &BuiltStep, built_ahead: bool, events: &mut Vec<Event>) -> Result<()> {
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
            sequence.ahead += u32::from(built_ahead);
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

    fn finish_reason(&mut self, index: usize) -> Option<FinishReason> {
        let sequence = &mut self.active[index];
        let last = *sequence.tokens.last()?;
        let ends = !sequence.ignore_eos && self.loaded.checkpoint.eos_token_ids.contains(&last);
        if ends || sequence.sampler.accept(last) {
            Some(FinishReason::Stop)
        } else if sequence.tokens.len() >= sequence.limit {
            Some(FinishReason::Length)
        } else {
            None
        }
    }

    /// Takes a sequence out and keeps its cache.
    pub(super) fn finish(&mut self, index: usize, finish: FinishReason) -> Event {
        let sequence = self.active.remove(index);
        let report = sequence.report(finish);
        if sequence.kv.len() > 0 {
            self.prompt_cache.insert(&sequence.tokens, sequence.kv);
        }
        Event::Finished { id: sequence.id, report, error: None }
    }

    /// An error in a joint step fails every request in it; their caches are dropped, never used again.
    pub(super) fn fail_all(&mut self, error: &str, events: &mut Vec<Event>) {
        self.ahead = None;
        for sequence in self.active.drain(..) {
            let report = sequence.report(FinishReason::Error);
            events.push(Event::Finished { id: sequence.id, report, error: Some(Failure::broken(error)) });
        }
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
