//! Damaged files and what loading leaves behind. The tests of this file look at memory of the whole process, so they
//! take turns.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::fs::{self, OpenOptions};
use std::ops::ControlFlow;
use std::path::Path;

use shorn_checkpoint::KvCache;
use shorn_engine::{Engine, LoadError};
use shorn_protocol::{FailureKind, Generate};
use support::{Outcome, folder, generate, greedy, settings, take_turn};

/// A copy of a fixture in a folder of its own.
fn copy(name: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        fs::copy(folder(name).join(file), directory.path().join(file)).unwrap();
    }
    directory
}

fn try_load(directory: &Path) -> Result<Engine, LoadError> {
    Engine::load(settings(directory), &mut |_, _| ControlFlow::Continue(()))
}

/// Flips one bit below byte `end` of a file; where is drawn from the state.
fn flip(path: &Path, end: u64, state: &mut u64) {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let mut bytes = fs::read(path).unwrap();
    let position = (*state >> 33) % end.min(bytes.len() as u64);
    bytes[position as usize] ^= 1 << ((*state >> 20) % 8);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_flipped_byte_in_configuration_or_header_is_refused_by_name_or_harmless() {
    let _turn = take_turn();
    let name = "qwen3_moe-4bit";
    let file_bytes = fs::metadata(folder(name).join("model.safetensors")).unwrap().len();
    let header = fs::read(folder(name).join("model.safetensors")).unwrap();
    let header_bytes = 8 + u64::from_le_bytes(header[..8].try_into().unwrap());
    let (mut loaded, mut refused) = (0, 0);
    for round in 0..support::loops(100) {
        let directory = copy(name);
        let mut state = round as u64 + 1;
        if round % 2 == 0 {
            flip(&directory.path().join("config.json"), u64::MAX, &mut state);
        } else {
            flip(&directory.path().join("model.safetensors"), header_bytes, &mut state);
        }
        mlx_rs::memory::reset_peak_memory().unwrap();
        let before = mlx_rs::memory::active_memory().unwrap() as u64;
        match try_load(directory.path()) {
            Ok(mut engine) => {
                loaded += 1;
                let logits = engine.logits(&[1, 2, 3, 4, 5]).unwrap();
                assert!(logits.iter().flatten().all(|logit| logit.is_finite()), "round {round}");
            }
            Err(error) => {
                refused += 1;
                let message = error.to_string();
                assert!(message.contains(directory.path().to_str().unwrap()), "round {round}: {message}");
            }
        }
        let peak = mlx_rs::memory::peak_memory().unwrap() as u64 - before;
        assert!(peak < 3 * file_bytes + (4 << 20), "round {round}: {peak} bytes for a file of {file_bytes}");
    }
    assert!(loaded > 0 && refused > 0, "{loaded} loaded, {refused} refused");
}

#[test]
fn a_file_that_is_cut_short_is_refused_by_name() {
    let _turn = take_turn();
    let directory = copy("qwen3_moe-4bit");
    let path = directory.path().join("model.safetensors");
    let length = fs::metadata(&path).unwrap().len();
    for left in [length - 1, length / 2, 100, 8, 3, 0] {
        OpenOptions::new().write(true).open(&path).unwrap().set_len(left).unwrap();
        let message = try_load(directory.path()).map(drop).unwrap_err().to_string();
        assert!(message.contains("model.safetensors"), "{left} bytes: {message}");
    }
}

#[test]
fn a_file_that_is_cut_short_while_it_is_read_is_refused_by_name() {
    let _turn = take_turn();
    let directory = copy("qwen3_moe-4bit");
    let path = directory.path().join("model.safetensors");
    let outcome = Engine::load(settings(directory.path()), &mut |_, _| {
        OpenOptions::new().write(true).open(&path).unwrap().set_len(5000).unwrap();
        ControlFlow::Continue(())
    });
    let message = outcome.map(drop).unwrap_err().to_string();
    assert!(message.contains("model.safetensors") && message.contains("download"), "{message}");
}

#[test]
fn a_loaded_model_does_not_need_its_files_any_more() {
    let _turn = take_turn();
    let directory = copy("qwen3_moe-4bit");
    let mut engine = try_load(directory.path()).unwrap();
    let before = generate(&mut engine, vec![greedy(&[1, 2, 3], KvCache::Dense, 5)]).remove(0).tokens;
    let path = directory.path().join("model.safetensors");
    OpenOptions::new().write(true).open(&path).unwrap().set_len(10).unwrap();
    engine.clear_prompt_cache();
    let after = generate(&mut engine, vec![greedy(&[1, 2, 3], KvCache::Dense, 5)]).remove(0).tokens;
    assert_eq!(before, after);
}

#[test]
fn weights_that_give_no_numbers_are_refused() {
    let _turn = take_turn();
    let directory = copy("qwen3_moe-float32");
    let path = directory.path().join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let start = bytes.len() - 4000;
    for word in bytes[start..].chunks_exact_mut(4) {
        word.copy_from_slice(&f32::NAN.to_le_bytes());
    }
    fs::write(&path, bytes).unwrap();
    let message = try_load(directory.path()).map(drop).unwrap_err().to_string();
    assert!(message.contains("no finite numbers"), "{message}");
}

#[test]
fn loading_can_be_cancelled() {
    let _turn = take_turn();
    let outcome = Engine::load(settings(&folder("qwen3_moe-4bit")), &mut |_, _| ControlFlow::Break(()));
    assert!(matches!(outcome.map(drop), Err(LoadError::Cancelled)));
}

#[test]
fn unloading_gives_every_byte_back_round_after_round() {
    let _turn = take_turn();
    let before = mlx_rs::memory::active_memory().unwrap();
    for round in 0..support::loops(20) {
        let mut engine = try_load(&folder("qwen3_moe-4bit")).unwrap();
        let prompt: Vec<u32> = (0..120).collect();
        generate(&mut engine, vec![greedy(&prompt, KvCache::Dense, 20)]);
        assert!(engine.memory().mlx_active > 400_000);
        drop(engine);
        let after = mlx_rs::memory::active_memory().unwrap();
        assert_eq!(after, before, "after round {round}");
    }
}

#[test]
fn a_model_that_does_not_fit_below_the_limit_is_refused_before_it_is_read() {
    let _turn = take_turn();
    let settings =
        shorn_protocol::LoadSettings { memory_limit: Some(100_000), ..settings(&folder("qwen3_moe-4bit")) };
    let outcome = Engine::load(settings, &mut |_, _| panic!("nothing may be read"));
    assert!(matches!(outcome.map(drop), Err(LoadError::Memory { .. })));
    mlx_rs::memory::set_memory_limit(1 << 40).unwrap();
}

/// Runs requests together on a model of 0.42 MB that takes 2 KB for each token, below a memory limit in bytes.
fn generate_below(limit: u64, requests: Vec<Generate>) -> Vec<Outcome> {
    let _turn = take_turn();
    let settings =
        shorn_protocol::LoadSettings { memory_limit: Some(limit), ..settings(&folder("qwen3_moe-4bit")) };
    let mut engine = Engine::load(settings, &mut |_, _| ControlFlow::Continue(())).unwrap();
    let outcomes = generate(&mut engine, requests);
    mlx_rs::memory::set_memory_limit(1 << 40).unwrap();
    outcomes
}

/// The failure that must be why a request ended.
fn failure(outcome: &Outcome, kind: FailureKind, says: &str) {
    let failure = outcome.error.as_ref().expect("it must fail");
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(failure.message.contains(says), "{failure}");
}

#[test]
fn a_prompt_whose_cache_does_not_fit_fails_alone_and_says_what_to_do() {
    let long: Vec<u32> = (0..2000).map(|n| n % 200).collect();
    let requests = vec![greedy(&[1, 2, 3], KvCache::Dense, 5), greedy(&long, KvCache::Dense, 5)];
    let outcomes = generate_below(2_000_000, requests);
    assert_eq!(outcomes[0].tokens.len(), 5);
    failure(&outcomes[1], FailureKind::TooLong, "quantize the KV cache");
}

#[test]
fn a_prompt_whose_cache_does_not_fit_beside_another_waits_for_its_end() {
    let prompt = |first: u32| (0..700).map(|n| (first + n) % 200).collect::<Vec<u32>>();
    let requests = [1, 50, 90].map(|first| greedy(&prompt(first), KvCache::Dense, 20)).to_vec();
    // Room for one cache of 768 tokens, 1.57 MB.
    let outcomes = generate_below(2_900_000, requests.clone());
    let roomy = generate_below(1 << 40, requests);
    for (outcome, roomy) in outcomes.iter().zip(&roomy) {
        assert_eq!(outcome.error, None);
        assert_eq!(outcome.tokens, roomy.tokens);
    }
    let queued = |index: usize| outcomes[index].report.queue_seconds;
    let took = |index: usize| outcomes[index].report.prefill_seconds + outcomes[index].report.decode_seconds;
    assert!(queued(1) >= took(0) && queued(2) >= took(0) + took(1), "one after the other");
}

#[test]
fn a_reply_that_outgrows_the_memory_alone_is_too_long() {
    let outcome = generate_below(2_000_000, vec![greedy(&[1, 2, 3], KvCache::Dense, 1500)]).remove(0);
    failure(&outcome, FailureKind::TooLong, "memory ran out");
    assert!(outcome.tokens.len() > 200);
}

#[test]
fn a_reply_that_outgrows_the_memory_limit_ends_with_an_error_and_its_elders_go_on() {
    let requests = vec![greedy(&[1, 2, 3], KvCache::Dense, 600), greedy(&[4, 5, 6], KvCache::Dense, 600)];
    // Room for two caches of 512 tokens, 1.05 MB each. Growing one to 768 tokens takes 1.57 MB, until the old one is gone.
    let outcomes = generate_below(3_100_000, requests);
    assert_eq!(outcomes[0].tokens.len(), 600);
    // With fewer beside it, it may succeed.
    failure(&outcomes[1], FailureKind::Broken, "memory ran out");
    assert!(outcomes[1].tokens.len() > 500);
}
