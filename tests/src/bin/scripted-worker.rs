//! A worker whose answers come from a script instead of a model. See `shorn_tests::script`.
#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use shorn_chat::tokenizer::Tokenizer;
use shorn_protocol::{
    EffectiveKv, FinishReason, FromWorker, Generate, LoadedModel, MemoryFigures, PROTOCOL_VERSION, RequestId,
    RequestReport, ToWorker, read_frame, write_frame,
};
use shorn_tests::script::{Answer, Script, VARIABLE};

fn main() {
    let script = std::fs::read(std::env::var(VARIABLE).unwrap()).unwrap();
    let script: Script = serde_json::from_slice(&script).unwrap();
    tell(&FromWorker::Hello { version: PROTOCOL_VERSION });
    let inbox = listen();
    let Ok(ToWorker::Load(settings)) = inbox.recv() else { panic!("the first message must be `load`") };
    for step in 0..=10 {
        tell(&FromWorker::LoadProgress { done: step, total: 10 });
        thread::sleep(Duration::from_millis(script.load_ms / 10));
    }
    if let Some(message) = script.load_error {
        return tell(&FromWorker::LoadFailed { message });
    }
    let tokenizer = Tokenizer::from_folder(&settings.directory).unwrap();
    tell(&FromWorker::Loaded(LoadedModel {
        // Its memory is the machine's.
        backend: "cpu".to_owned(),
        context_length: settings.context_length,
        prompt_cache_bytes: 0,
        memory_limit: 0,
        load_seconds: 0.0,
        notes: Vec::new(),
        memory: MemoryFigures::default(),
    }));
    let mut answers = script.answers.into_iter();
    let mut answer = Answer::default();
    while let Ok(message) = inbox.recv() {
        if let ToWorker::Generate(request) = message {
            answer = answers.next().unwrap_or(answer);
            play(&answer, &request, &tokenizer, &inbox);
        }
    }
}

fn play(answer: &Answer, request: &Generate, tokenizer: &Tokenizer, inbox: &Receiver<ToWorker>) {
    let id = request.id;
    if let Some(message) = &answer.refuse {
        return tell(&FromWorker::Refused { id, message: message.clone() });
    }
    let mut tokens = tokenizer.encode(&answer.text).unwrap();
    tokens.extend(tokenizer.token_to_id("<|im_end|>"));
    let limit = request.max_tokens.map_or(usize::MAX, |limit| limit as usize);
    let limit = limit.min(answer.cut_after.unwrap_or(usize::MAX));
    let begun = Instant::now();
    let mut sent = 0;
    let report = |generated: usize, finish| report(request, generated, finish, begun.elapsed());
    let mut pause = Duration::from_millis(answer.prefill_ms);
    for token in tokens {
        if let Some(complete) = aborted(inbox, id, pause) {
            let finish = if complete { FinishReason::Stop } else { FinishReason::Cancelled };
            return tell(&FromWorker::Finished { id, report: report(sent, finish), error: None });
        }
        if answer.die_after == Some(sent) {
            std::process::abort();
        }
        tell(&FromWorker::Token { id, token, logprobs: None });
        sent += 1;
        if sent == limit {
            return tell(&FromWorker::Finished {
                id,
                report: report(sent, FinishReason::Length),
                error: None,
            });
        }
        pause = Duration::from_millis(answer.token_ms);
    }
    tell(&FromWorker::Finished { id, report: report(sent, FinishReason::Stop), error: None });
}

/// Waits, listening: `Some(complete)` when the server ends the request.
fn aborted(inbox: &Receiver<ToWorker>, id: RequestId, pause: Duration) -> Option<bool> {
    let until = Instant::now() + pause;
    loop {
        match inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(ToWorker::Abort(abort)) if abort.id == id => return Some(abort.complete),
            Ok(ToWorker::Generate(_)) => panic!("this worker answers one request at a time"),
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => std::process::exit(0),
        }
    }
}

fn report(request: &Generate, generated: usize, finish: FinishReason, time: Duration) -> RequestReport {
    RequestReport {
        prompt_tokens: request.prompt.len() as u32,
        cached_tokens: 0,
        generated_tokens: generated as u32,
        queue_seconds: 0.0,
        prefill_seconds: 0.0,
        decode_seconds: time.as_secs_f64(),
        ahead_tokens: 0,
        grammar: None,
        peak_memory: 0,
        kv: EffectiveKv::empty(request.kv.unwrap_or_default()),
        finish,
    }
}

fn tell(message: &FromWorker) {
    if write_frame(&mut io::stdout().lock(), message).is_err() {
        std::process::exit(0);
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
