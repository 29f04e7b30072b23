//! Requests whose tokens have to be those that a mask allows.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use shorn_checkpoint::KvCache;
use shorn_engine::{RequestError, TokenMask};
use shorn_protocol::{FinishReason, Generate, RequestId, Sampling};
use support::{Collected, Outcome, Reference, generate, greedy, load};

/// Allows, at each place of the reply, one list of ids; is complete after the last, or fails.
struct Places {
    places: Vec<Vec<u32>>,
    at: usize,
    words: Vec<u32>,
}

impl Places {
    fn new(places: &[&[u32]]) -> Box<Self> {
        Box::new(Self { places: places.iter().map(|ids| ids.to_vec()).collect(), at: 0, words: Vec::new() })
    }
}

impl TokenMask for Places {
    fn allowed(&mut self) -> Result<&[u32], String> {
        let ids = self.places.get(self.at).ok_or("no place is left")?;
        self.words = vec![0; 2];
        ids.iter().for_each(|id| self.words[*id as usize / 32] |= 1 << (id % 32));
        Ok(&self.words)
    }

    fn accept(&mut self, token: u32) -> bool {
        assert!(self.places[self.at].contains(&token), "{token} is not allowed at {}", self.at);
        self.at += 1;
        self.at == self.places.len()
    }
}

fn prompt() -> Vec<u32> {
    Reference::read("qwen3_moe-4bit").prompt
}

fn masked(id: u64, max_tokens: u32) -> Generate {
    Generate {
        id: RequestId(id),
        grammar: Some("of the test".to_owned()),
        ..greedy(&prompt()[..20], KvCache::Dense, max_tokens)
    }
}

/// What one masked request gives.
fn run(request: Generate, mask: Box<Places>) -> Outcome {
    let mut engine = load("qwen3_moe-4bit");
    let id = request.id;
    engine.submit_masked(request, mask).unwrap();
    let mut collected = Collected::default();
    while !engine.is_idle() {
        collected.take(engine.step());
    }
    collected.outcome(id)
}

#[test]
fn only_allowed_tokens_are_chosen_and_the_reply_ends_where_the_mask_says() {
    let outcome = run(masked(0, 50), Places::new(&[&[5], &[7, 40], &[63]]));
    assert_eq!((outcome.tokens[0], outcome.tokens[2], outcome.tokens.len()), (5, 63, 3));
    assert!([7, 40].contains(&outcome.tokens[1]));
    assert_eq!(outcome.report.finish, FinishReason::Stop);
}

#[test]
fn sampling_keeps_to_what_is_allowed() {
    let sampling = Sampling { temperature: 5.0, top_k: 3, top_p: 0.9, seed: 3, ..Sampling::default() };
    let request = Generate { sampling, ..masked(0, 50) };
    let places = vec![&[1u32, 2, 3, 50][..]; 30];
    assert_eq!(run(request, Places::new(&places)).tokens.len(), 30);
}

#[test]
fn a_token_limit_before_the_end_is_a_cut() {
    let outcome = run(masked(0, 2), Places::new(&[&[5], &[6], &[7]]));
    assert_eq!((outcome.tokens, outcome.report.finish), (vec![5, 6], FinishReason::Length));
}

#[test]
fn the_report_says_what_masks_cost_and_that_nothing_was_built_ahead() {
    let report = run(masked(0, 50), Places::new(&[&[5], &[6], &[7]])).report;
    let cost = report.grammar.unwrap();
    assert_eq!((cost.tokens, report.ahead_tokens), (3, 0));
    assert!(cost.seconds >= cost.slowest_seconds && cost.slowest_seconds > 0.0, "{cost:?}");

    let mut engine = load("qwen3_moe-4bit");
    let report = generate(&mut engine, vec![greedy(&prompt()[..20], KvCache::Dense, 10)]).remove(0).report;
    assert_eq!(report.grammar, None);
    assert!(report.ahead_tokens >= 8, "{}", report.ahead_tokens);
}

#[test]
fn a_masked_request_changes_nothing_for_the_others() {
    let mut engine = load("qwen3_moe-4bit");
    let sampling = Sampling { temperature: 0.8, top_p: 0.9, top_k: 40, seed: 7, ..Sampling::default() };
    let others = [
        greedy(&prompt()[..60], KvCache::Dense, 24),
        Generate { sampling, ..greedy(&prompt()[10..90], KvCache::Dense, 30) },
    ];
    let alone: Vec<Vec<u32>> =
        others.iter().map(|other| generate(&mut engine, vec![other.clone()]).remove(0).tokens).collect();
    engine.clear_prompt_cache();

    let mut collected = Collected::default();
    engine.submit(Generate { id: RequestId(0), ..others[0].clone() }).unwrap();
    for _ in 0..5 {
        collected.take(engine.step());
    }
    let places = vec![&[1u32, 2, 3][..]; 12];
    engine.submit_masked(masked(2, 50), Places::new(&places)).unwrap();
    engine.submit(Generate { id: RequestId(1), ..others[1].clone() }).unwrap();
    while !engine.is_idle() {
        collected.take(engine.step());
    }
    assert_eq!(collected.tokens(RequestId(0)), alone[0]);
    assert_eq!(collected.tokens(RequestId(1)), alone[1]);
    assert_eq!(collected.tokens(RequestId(2)).len(), 12);
}

#[test]
fn a_mask_that_fails_ends_its_own_request_only() {
    let mut engine = load("qwen3_moe-4bit");
    let mut collected = Collected::default();
    engine.submit(Generate { id: RequestId(0), ..greedy(&prompt()[..20], KvCache::Dense, 20) }).unwrap();
    engine.submit_masked(masked(1, 50), Places::new(&[&[5], &[]])).unwrap();
    while !engine.is_idle() {
        collected.take(engine.step());
    }
    let failed = collected.outcome(RequestId(1));
    assert_eq!((failed.tokens, failed.report.finish), (vec![5], FinishReason::Error));
    assert!(failed.error.unwrap().message.contains("no token"));
    assert_eq!(collected.outcome(RequestId(0)).tokens.len(), 20);
}

#[test]
fn a_grammar_without_a_mask_is_refused() {
    let mut engine = load("qwen3_moe-4bit");
    assert!(matches!(engine.submit(masked(0, 5)), Err(RequestError::NoMask)));
}
