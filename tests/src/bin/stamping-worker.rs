//! A worker that sends a token to every request at each step, as the engine does, and notes when: the other half of
//! `server-overhead`.
#![allow(clippy::unwrap_used, reason = "a broken measurement may panic")]

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use shorn_chat::tokenizer::Tokenizer;
use shorn_protocol::{
    EffectiveKv, FinishReason, FromWorker, Generate, LoadedModel, MemoryFigures, PROTOCOL_VERSION,
    RequestReport, ToWorker, read_frame, write_frame,
};
use shorn_tests::overhead::{STAMPS, STEP, WORD, now};

/// A request that gets tokens.
struct Running {
    request: Generate,
    /// When each of its tokens was sent, in nanoseconds since 1970.
    stamps: Vec<u64>,
}

fn main() {
    let mut stamps =
        OpenOptions::new().append(true).create(true).open(std::env::var(STAMPS).unwrap()).unwrap();
    let mut pipe = BufWriter::new(io::stdout().lock());
    let mut tell = |message: &FromWorker| {
        if write_frame(&mut pipe, message).is_err() {
            std::process::exit(0);
        }
    };
    tell(&FromWorker::Hello { version: PROTOCOL_VERSION });
    let inbox = listen();
    let Ok(ToWorker::Load(settings)) = inbox.recv() else { panic!("the first message must be `load`") };
    let tokenizer = Tokenizer::from_folder(&settings.directory).unwrap();
    let [token] = tokenizer.encode(WORD).unwrap()[..] else { panic!("{WORD:?} is not one token") };
    tell(&FromWorker::Loaded(LoadedModel {
        backend: "cpu".to_owned(),
        context_length: settings.context_length,
        prompt_cache_bytes: 0,
        memory_limit: 0,
        load_seconds: 0.0,
        notes: Vec::new(),
        memory: MemoryFigures::default(),
    }));
    let mut running: Vec<Running> = Vec::new();
    let mut next = Instant::now();
    loop {
        // Until the next step is due, listen.
        match inbox.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(ToWorker::Generate(request)) => running.push(Running { request, stamps: Vec::new() }),
            Ok(_) => {}
            Err(RecvTimeoutError::Disconnected) => std::process::exit(0),
            Err(RecvTimeoutError::Timeout) => {
                next += STEP;
                for Running { request, stamps } in &mut running {
                    stamps.push(now());
                    tell(&FromWorker::Token { id: request.id, token, logprobs: None });
                }
                running.retain(|Running { request, stamps: sent }| {
                    let goes_on = sent.len() < request.max_tokens.unwrap() as usize;
                    if !goes_on {
                        // The seed says which stream it is.
                        let line = serde_json::to_string(&(request.sampling.seed, sent)).unwrap();
                        stamps.write_all((line + "\n").as_bytes()).unwrap();
                        let id = request.id;
                        tell(&FromWorker::Finished { id, report: report(request, sent.len()), error: None });
                    }
                    goes_on
                });
            }
        }
    }
}

fn report(request: &Generate, generated: usize) -> RequestReport {
    RequestReport {
        prompt_tokens: request.prompt.len() as u32,
        cached_tokens: 0,
        generated_tokens: generated as u32,
        queue_seconds: 0.0,
        prefill_seconds: 0.0,
        decode_seconds: Duration::as_secs_f64(&(STEP * generated as u32)),
        ahead_tokens: 0,
        grammar: None,
        peak_memory: 0,
        kv: EffectiveKv::empty(request.kv.unwrap_or_default()),
        finish: FinishReason::Length,
    }
}

fn listen() -> Receiver<ToWorker> {
    let (sender, inbox) = mpsc::channel();
    thread::spawn(move || {
        let mut pipe = io::stdin().lock();
        while let Ok(Some(message)) = read_frame(&mut pipe) {
            sender.send(message).unwrap();
        }
        std::process::exit(0);
    });
    inbox
}
