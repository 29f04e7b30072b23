//! A worker whose answers come from a script instead of a model. See `shorn_tests::script`.
#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

mod real_engine;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use real_engine::RealEngine;
use shorn_chat::tokenizer::Tokenizer;
use shorn_protocol::{
    Abort, EffectiveKv, FinishReason, FromWorker, Generate, LoadedModel, MemoryFigures, PROTOCOL_VERSION,
    RequestId, RequestReport, ToWorker, read_frame, write_frame,
};
use shorn_tests::script::{Answer, Record, Script, VARIABLE};

fn main() {
    let path = PathBuf::from(std::env::var(VARIABLE).unwrap());
    let script: Script = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let record = Record::of(&path);
    tell(&FromWorker::Hello { version: PROTOCOL_VERSION });
    let inbox = listen(record.clone());
    let Ok(ToWorker::Load(settings)) = inbox.recv() else { panic!("the first message must be `load`") };
    for step in 0..=10 {
        tell(&FromWorker::LoadProgress { done: step, total: 10 });
        thread::sleep(Duration::from_millis(script.load_ms / 10));
    }
    let before = record.load();
    if let Some(message) = &script.load_error
        && script.failing_loads.is_none_or(|failing| before < failing)
    {
        return tell(&FromWorker::LoadFailed { message: message.clone() });
    }
    let tokenizer = Tokenizer::from_folder(&settings.directory).unwrap();
    // Without the engine its memory is the machine's.
    let mut loaded = LoadedModel {
        backend: "cpu".to_owned(),
        context_length: settings.context_length,
        prompt_cache_bytes: 0,
        memory_limit: 0,
        load_seconds: 0.0,
        notes: Vec::new(),
        memory: MemoryFigures::default(),
    };
    let engine = script.engine.then(|| RealEngine::start(settings));
    loaded = engine.as_ref().map_or(loaded, |engine| engine.loaded.clone());
    tell(&FromWorker::Loaded(loaded));
    Worker { script, record, tokenizer, engine, inbox, waiting: VecDeque::new() }.work();
}

struct Worker {
    script: Script,
    record: Record,
    tokenizer: Tokenizer,
    engine: Option<RealEngine>,
    inbox: Receiver<ToWorker>,
    /// Requests that came while another was answered.
    waiting: VecDeque<Generate>,
}

impl Worker {
    fn work(mut self) {
        while let Some(request) = self.next_request() {
            let prompt = self.tokenizer.decode(&request.prompt, false);
            let answer = self.record.prompt(prompt, &self.script).cloned().unwrap_or_default();
            self.play(&answer, &request);
        }
    }

    fn next_request(&mut self) -> Option<Generate> {
        if let Some(request) = self.waiting.pop_front() {
            return Some(request);
        }
        loop {
            match self.inbox.recv().ok()? {
                ToWorker::Generate(request) => return Some(request),
                ToWorker::ClearPromptCache => self.clear_prompt_cache(),
                ToWorker::Load(_) | ToWorker::Abort(_) => {}
            }
        }
    }

    fn play(&mut self, answer: &Answer, request: &Generate) {
        let id = request.id;
        if let Some(message) = &answer.refuse {
            return tell(&FromWorker::Refused { id, message: message.clone() });
        }
        if answer.forget {
            self.clear_prompt_cache();
        }
        let begun = Instant::now();
        let mut report = match &mut self.engine {
            Some(engine) => engine.compute(request, request.prompt.clone()),
            None => report(request),
        };
        let (sent, finish) = self.send(answer, request);
        if let Some(engine) = &mut self.engine {
            // As in a real generation, the last token is known and not computed.
            let computed = &sent[..sent.len().saturating_sub(1)];
            report.kv = engine.compute(request, [&request.prompt, computed].concat()).kv;
        }
        report.generated_tokens = sent.len() as u32;
        report.decode_seconds = begun.elapsed().as_secs_f64() - report.prefill_seconds;
        report.finish = finish;
        self.record.report(report.clone());
        tell(&FromWorker::Finished { id, report, error: None });
    }

    /// Sends the answer's tokens, and says which and why they ended.
    fn send(&mut self, answer: &Answer, request: &Generate) -> (Vec<u32>, FinishReason) {
        let mut tokens = self.tokens(answer);
        tokens.extend(self.tokenizer.token_to_id("<|im_end|>"));
        let limit = request.max_tokens.map_or(usize::MAX, |limit| limit as usize);
        let limit = limit.min(answer.cut_after.unwrap_or(usize::MAX));
        let mut pause = Duration::from_millis(answer.prefill_ms);
        let mut sent = Vec::new();
        for token in tokens {
            if let Some(complete) = self.aborted(request.id, pause) {
                return (sent, if complete { FinishReason::Stop } else { FinishReason::Cancelled });
            }
            if answer.die_after == Some(sent.len()) {
                std::process::abort();
            }
            tell(&FromWorker::Token { id: request.id, token, logprobs: None });
            sent.push(token);
            if sent.len() == limit {
                return (sent, FinishReason::Length);
            }
            pause = Duration::from_millis(answer.token_ms);
        }
        (sent, FinishReason::Stop)
    }

    /// The model's tokens for its text.
    fn tokens(&self, answer: &Answer) -> Vec<u32> {
        if !answer.letters {
            return self.tokenizer.encode(&answer.text).unwrap();
        }
        let (mut tokens, mut rest) = (Vec::new(), answer.text.as_str());
        while let Some(letter) = rest.chars().next() {
            let marks = ["<tool_call>", "</tool_call>", "<think>", "</think>"];
            let mark = marks.iter().find(|mark| rest.starts_with(**mark));
            let (piece, after) = rest.split_at(mark.map_or(letter.len_utf8(), |mark| mark.len()));
            tokens.extend(self.tokenizer.encode(piece).unwrap());
            rest = after;
        }
        tokens
    }

    /// Waits, listening: `Some(complete)` when the server ends the request.
    fn aborted(&mut self, id: RequestId, pause: Duration) -> Option<bool> {
        let until = Instant::now() + pause;
        loop {
            match self.inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(ToWorker::Abort(abort)) if abort.id == id => return Some(abort.complete),
                Ok(ToWorker::Abort(abort)) => self.forget(abort),
                Ok(ToWorker::Generate(request)) => self.waiting.push_back(request),
                Ok(ToWorker::ClearPromptCache) => self.clear_prompt_cache(),
                Ok(ToWorker::Load(_)) => {}
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => std::process::exit(0),
            }
        }
    }

    /// Ends a request that has not begun.
    fn forget(&mut self, Abort { id, .. }: Abort) {
        if let Some(index) = self.waiting.iter().position(|request| request.id == id)
            && let Some(request) = self.waiting.remove(index)
        {
            let report = RequestReport { finish: FinishReason::Cancelled, ..report(&request) };
            tell(&FromWorker::Finished { id, report, error: None });
        }
    }

    fn clear_prompt_cache(&mut self) {
        self.engine.iter_mut().for_each(RealEngine::clear_prompt_cache);
    }
}

/// What a request costs that nothing computes.
fn report(request: &Generate) -> RequestReport {
    RequestReport {
        prompt_tokens: request.prompt.len() as u32,
        cached_tokens: 0,
        generated_tokens: 0,
        queue_seconds: 0.0,
        prefill_seconds: 0.0,
        decode_seconds: 0.0,
        ahead_tokens: 0,
        grammar: None,
        peak_memory: 0,
        kv: EffectiveKv::empty(request.kv.unwrap_or_default()),
        finish: FinishReason::Stop,
    }
}

fn tell(message: &FromWorker) {
    if write_frame(&mut io::stdout().lock(), message).is_err() {
        std::process::exit(0);
    }
}

fn listen(record: Record) -> Receiver<ToWorker> {
    let (sender, inbox) = mpsc::channel();
    thread::spawn(move || {
        let mut pipe = io::stdin().lock();
        while let Ok(Some(message)) = read_frame(&mut pipe) {
            sender.send(message).unwrap();
        }
        record.unload();
        std::process::exit(0);
    });
    inbox
}
