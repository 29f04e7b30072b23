//! Loading fixtures and running requests, for the engine's tests.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use safetensors::SafeTensors;
use shorn_checkpoint::KvCache;
use shorn_engine::{Engine, Event};
use shorn_protocol::{Failure, Generate, LoadSettings, RequestId, RequestReport, Sampling, TokenLogprobs};

/// The folder of a fixture checkpoint.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/checkpoints").join(name)
}

/// Settings that fit all fixtures.
pub fn settings(directory: &Path) -> LoadSettings {
    LoadSettings {
        directory: directory.to_owned(),
        kv: KvCache::Dense,
        context_length: 4096,
        max_concurrent: 8,
        prompt_cache_bytes: Some(64 << 20),
        memory_limit: None,
    }
}

static TURN: Mutex<()> = Mutex::new(());

/// Keeps other tests of the same file waiting: MLX counts memory for the whole process.
pub fn take_turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A loaded fixture.
pub fn load(name: &str) -> Engine {
    Engine::load(settings(&folder(name)), &mut |_, _| ControlFlow::Continue(())).unwrap()
}

/// A request that always takes the best token.
pub fn greedy(prompt: &[u32], kv: KvCache, max_tokens: u32) -> Generate {
    Generate {
        id: RequestId(0),
        prompt: prompt.to_vec(),
        max_tokens: Some(max_tokens),
        sampling: Sampling { temperature: 0.0, ..Sampling::default() },
        kv: Some(kv),
        ignore_eos: true,
        grammar: None,
    }
}

/// What came of a request.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub tokens: Vec<u32>,
    pub logprobs: Vec<TokenLogprobs>,
    pub report: RequestReport,
    pub error: Option<Failure>,
}

/// Runs requests together to their ends; their ids are given here.
pub fn generate(engine: &mut Engine, requests: Vec<Generate>) -> Vec<Outcome> {
    let count = requests.len();
    for (index, request) in requests.into_iter().enumerate() {
        engine.submit(Generate { id: RequestId(index as u64), ..request }).unwrap();
    }
    let mut collected = Collected::default();
    while !engine.is_idle() {
        collected.take(engine.step());
    }
    (0..count as u64).map(|id| collected.outcome(RequestId(id))).collect()
}

/// Events sorted by request.
#[derive(Default)]
pub struct Collected {
    tokens: HashMap<RequestId, Vec<u32>>,
    logprobs: HashMap<RequestId, Vec<TokenLogprobs>>,
    finished: HashMap<RequestId, (RequestReport, Option<Failure>)>,
}

impl Collected {
    pub fn take(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Prefill { .. } => {}
                Event::Token { id, token, logprobs } => {
                    self.tokens.entry(id).or_default().push(token);
                    self.logprobs.entry(id).or_default().extend(logprobs);
                }
                Event::Finished { id, report, error } => {
                    let before = self.finished.insert(id, (report, error));
                    assert!(before.is_none(), "a request ends once");
                }
            }
        }
    }

    pub fn tokens(&self, id: RequestId) -> &[u32] {
        self.tokens.get(&id).map_or(&[], Vec::as_slice)
    }

    pub fn outcome(&mut self, id: RequestId) -> Outcome {
        let (report, error) = self.finished.remove(&id).expect("every request ends");
        Outcome {
            tokens: self.tokens.remove(&id).unwrap_or_default(),
            logprobs: self.logprobs.remove(&id).unwrap_or_default(),
            report,
            error,
        }
    }
}

/// What mlx-lm computed for a fixture.
pub struct Reference {
    pub prompt: Vec<u32>,
    pub logits: Vec<Vec<f32>>,
    bytes: Vec<u8>,
}

impl Reference {
    pub fn read(name: &str) -> Self {
        let bytes = std::fs::read(folder(name).join("reference.safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let prompt = integers(&tensors, "prompt");
        let flat = floats(&tensors, "logits");
        let logits = flat.chunks(flat.len() / prompt.len()).map(<[f32]>::to_vec).collect();
        Self { prompt, logits, bytes: bytes.clone() }
    }

    /// Tokens of a case and how clearly each was the best.
    pub fn continuation(&self, case: &str) -> (Vec<u32>, Vec<f32>) {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        (integers(&tensors, case), floats(&tensors, &format!("{case}/leads")))
    }
}

fn words(tensors: &SafeTensors<'_>, name: &str) -> Vec<[u8; 4]> {
    let data = tensors.tensor(name).unwrap().data();
    data.chunks(4).map(|word| word.try_into().unwrap()).collect()
}

fn integers(tensors: &SafeTensors<'_>, name: &str) -> Vec<u32> {
    words(tensors, name).into_iter().map(u32::from_le_bytes).collect()
}

fn floats(tensors: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    words(tensors, name).into_iter().map(f32::from_le_bytes).collect()
}

/// `|a - b| / |b|` with the 2-norm.
pub fn relative_distance(a: &[f32], b: &[f32]) -> f64 {
    let square = |x: f32| f64::from(x) * f64::from(x);
    let difference: f64 = a.iter().zip(b).map(|(a, b)| square(a - b)).sum();
    let length: f64 = b.iter().map(|b| square(*b)).sum();
    (difference / length).sqrt()
}

/// How often a long loop runs: a tenth of `full` in the tests, all of it where `SHORN_FULL_LOOPS` is set (`cargo xtask
/// measure` sets it).
pub fn loops(full: usize) -> usize {
    if std::env::var_os("SHORN_FULL_LOOPS").is_some() { full } else { full.div_ceil(10) }
}
