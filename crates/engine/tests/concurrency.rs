//! Requests together: each gives exactly the tokens that it gives alone (processor, float32).

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use shorn_checkpoint::{KvCache, KvQuantization};
use shorn_engine::Event;
use shorn_protocol::{Abort, EffectiveKvKind, FinishReason, Generate, RequestId, Sampling};
use support::{Collected, Reference, generate, greedy, load};

fn quantized(key_bits: u32, value_bits: u32, group_size: u32, start: u32) -> KvCache {
    KvCache::Quantized(KvQuantization {
        key_bits: key_bits.try_into().unwrap(),
        value_bits: value_bits.try_into().unwrap(),
        group_size: group_size.try_into().unwrap(),
        start,
    })
}

/// Four requests as unlike each other as they come.
fn four_requests(prompt: &[u32]) -> Vec<Generate> {
    let sampled = Sampling {
        temperature: 0.8,
        top_p: 0.9,
        top_k: 40,
        repetition_penalty: 1.1,
        seed: 7,
        ..Sampling::default()
    };
    vec![
        greedy(&prompt[..300], KvCache::Dense, 24),
        greedy(&prompt[..7], quantized(8, 8, 64, 0), 40),
        Generate { sampling: sampled, ..greedy(&prompt[10..120], quantized(8, 4, 32, 130), 32) },
        greedy(&prompt[50..114], quantized(4, 4, 64, 0), 12),
    ]
}

#[test]
fn four_concurrent_requests_give_what_each_gives_alone() {
    let prompt = Reference::read("qwen3_moe-4bit").prompt;
    let mut engine = load("qwen3_moe-4bit");
    let together = generate(&mut engine, four_requests(&prompt));
    for (index, request) in four_requests(&prompt).into_iter().enumerate() {
        engine.clear_prompt_cache();
        let alone = generate(&mut engine, vec![request]).remove(0);
        assert_eq!(together[index].tokens, alone.tokens, "request {index}");
        assert_eq!(together[index].report.kv.kind, alone.report.kv.kind, "request {index}");
        assert_eq!(together[index].report.kv.bytes_in_use, alone.report.kv.bytes_in_use);
    }
}

#[test]
fn a_request_that_joins_in_the_middle_changes_nothing_for_the_others() {
    let prompt = Reference::read("qwen3_moe-4bit").prompt;
    let mut engine = load("qwen3_moe-4bit");
    let first = greedy(&prompt[..20], KvCache::Dense, 30);
    let alone = generate(&mut engine, vec![first.clone()]).remove(0);
    engine.clear_prompt_cache();

    let mut collected = Collected::default();
    engine.submit(first).unwrap();
    for _ in 0..10 {
        collected.take(engine.step());
    }
    engine.submit(Generate { id: RequestId(1), ..greedy(&prompt[100..300], KvCache::Dense, 5) }).unwrap();
    while !engine.is_idle() {
        collected.take(engine.step());
    }
    assert_eq!(collected.tokens(RequestId(0)), alone.tokens);
    assert_eq!(collected.tokens(RequestId(1)).len(), 5);
}

#[test]
fn an_aborted_request_leaves_at_once_and_the_others_go_on_unchanged() {
    let prompt = Reference::read("qwen3_moe-4bit").prompt;
    let mut engine = load("qwen3_moe-4bit");
    let stays = greedy(&prompt[..20], KvCache::Dense, 30);
    let alone = generate(&mut engine, vec![stays.clone()]).remove(0);
    engine.clear_prompt_cache();

    let mut collected = Collected::default();
    engine.submit(stays).unwrap();
    engine.submit(Generate { id: RequestId(1), ..greedy(&prompt[..90], KvCache::Dense, 1000) }).unwrap();
    for _ in 0..12 {
        collected.take(engine.step());
    }
    let event = engine.abort(Abort { id: RequestId(1), complete: false }).unwrap();
    let Event::Finished { report, .. } = event else { panic!("{event:?}") };
    assert_eq!(report.finish, FinishReason::Cancelled);
    assert_eq!(report.generated_tokens as usize, collected.tokens(RequestId(1)).len());
    while !engine.is_idle() {
        collected.take(engine.step());
    }
    assert_eq!(collected.tokens(RequestId(0)), alone.tokens);
}

#[test]
fn more_requests_than_places_wait_and_all_end() {
    let prompt = Reference::read("qwen3_moe-4bit").prompt;
    let mut engine = load("qwen3_moe-4bit");
    let requests: Vec<_> = (0..11).map(|n| greedy(&prompt[n..n + 30], KvCache::Dense, 6)).collect();
    let outcomes = generate(&mut engine, requests);
    assert!(outcomes.iter().all(|outcome| outcome.tokens.len() == 6));
    assert!(outcomes[10].report.queue_seconds > outcomes[0].report.queue_seconds);
}

#[test]
fn a_waiting_request_can_be_aborted() {
    let prompt = Reference::read("qwen3_moe-4bit").prompt;
    let mut engine = load("qwen3_moe-4bit");
    for id in 0..9 {
        engine.submit(Generate { id: RequestId(id), ..greedy(&prompt[..10], KvCache::Dense, 4) }).unwrap();
    }
    engine.step();
    let event = engine.abort(Abort { id: RequestId(8), complete: false }).unwrap();
    let Event::Finished { report, .. } = event else { panic!("{event:?}") };
    assert_eq!((report.generated_tokens, report.finish), (0, FinishReason::Cancelled));
    assert_eq!(report.kv.kind, EffectiveKvKind::Empty);
}

#[test]
fn an_end_token_ends_the_reply_and_is_counted() {
    let prompt = Reference::read("qwen3_moe-4bit").prompt;
    let mut engine = load("qwen3_moe-4bit");
    // A bias makes the end token certain.
    let sampling = Sampling { temperature: 0.0, logit_bias: vec![(255, 1e6)], ..Sampling::default() };
    let request = Generate { sampling, ignore_eos: false, ..greedy(&prompt[..10], KvCache::Dense, 50) };
    let outcome = generate(&mut engine, vec![request]).remove(0);
    assert_eq!(outcome.tokens, [255]);
    assert_eq!(outcome.report.finish, FinishReason::Stop);
}

#[test]
fn the_end_of_the_context_ends_the_reply() {
    let prompt = Reference::read("qwen3_moe-4bit").prompt;
    let settings = shorn_protocol::LoadSettings {
        context_length: 40,
        ..support::settings(&support::folder("qwen3_moe-4bit"))
    };
    let mut engine =
        shorn_engine::Engine::load(settings, &mut |_, _| std::ops::ControlFlow::Continue(())).unwrap();
    let request = Generate { max_tokens: None, ..greedy(&prompt[..30], KvCache::Dense, 0) };
    let outcome = generate(&mut engine, vec![request]).remove(0);
    assert_eq!(outcome.tokens.len(), 10);
    assert_eq!(outcome.report.finish, FinishReason::Length);
    let too_long = engine.submit(greedy(&prompt[..40], KvCache::Dense, 1)).unwrap_err().to_string();
    assert!(too_long.contains("40 tokens, the context 40"), "{too_long}");
}
