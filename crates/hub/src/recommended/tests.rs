use shorn_checkpoint::KvCache;

use super::*;
use crate::fit::{Verdict, longest_fit};

fn mac(memory_gigabytes: u32) -> Machine {
    let mac = TYPICAL_MACS.iter().find(|mac| mac.memory_gigabytes == memory_gigabytes);
    mac.unwrap_or_else(|| panic!("no Mac with {memory_gigabytes} GB is listed")).machine()
}

#[test]
fn each_model_fits_its_machines_with_a_useful_context_unquantized_or_in_8_bits() {
    for model in recommended() {
        let found = longest_fit(&model.facts, &mac(model.memory_gigabytes));
        let name = &model.name;
        assert_ne!(found.fit.verdict, Verdict::TooLarge, "{name}: {found:?}");
        assert!(found.context_length >= USEFUL_CONTEXT, "{name}: {} tokens", found.context_length);
        if let KvCache::Quantized(kv) = found.kv {
            // At the full context the rule may choose fewer bits; then 8 have to do for a useful one.
            assert!(kv.key_bits.get() == 8 || fits_in_8_bits(model), "{name}: {}", found.kv);
        }
    }
}

fn fits_in_8_bits(model: &Recommendation) -> bool {
    let choices = crate::fit::kv_choices(&model.facts, USEFUL_CONTEXT, 64.try_into().unwrap(), 5000);
    let options = crate::fit::FitOptions::one_context(USEFUL_CONTEXT, choices[1].kv);
    let fit = crate::fit::fit(&model.facts, &options, &mac(model.memory_gigabytes)).unwrap();
    fit.verdict != Verdict::TooLarge
}

#[test]
fn no_model_fits_so_well_into_the_next_smaller_machine() {
    // Else it should be recommended for that one.
    for model in recommended() {
        let smaller = TYPICAL_MACS.iter().rev().find(|mac| mac.memory_gigabytes < model.memory_gigabytes);
        let Some(smaller) = smaller else { continue };
        let found = longest_fit(&model.facts, &smaller.machine());
        let whole = found.kv == KvCache::Dense && found.context_length == model.facts.shape.context_length;
        assert!(!whole || found.fit.verdict != Verdict::Fits, "{}", model.name);
    }
}

#[test]
fn every_size_of_machine_has_a_model_and_each_model_is_listed_once() {
    let mut sizes: Vec<u32> = recommended().iter().map(|model| model.memory_gigabytes).collect();
    sizes.sort_unstable();
    sizes.dedup();
    assert_eq!(sizes, TYPICAL_MACS.map(|mac| mac.memory_gigabytes));
    let mut names: Vec<&str> = recommended().iter().map(|model| model.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), recommended().len());
    assert_eq!(recommended()[0].name.as_str(), "mlx-community/Qwen3-Coder-30B-A3B-Instruct-4bit");
}

#[test]
fn only_families_that_the_engine_has_are_recommended() {
    for model in recommended() {
        let config = include_str!("../../../checkpoint/src/config.rs");
        let arm = format!("\"{}\" => Family::", model.facts.shape.family);
        assert!(config.contains(&arm), "{}: {}", model.name, model.facts.shape.family);
    }
}

#[test]
fn bytes_parameters_and_bits_of_each_entry_agree() {
    for model in recommended() {
        let Recommendation { name, facts, download_bytes, .. } = model;
        let bits = facts.weights_bytes as f64 * 8.0 / facts.shape.parameters() as f64;
        let suffix = name.as_str().rsplit('-').next().unwrap().trim_end_matches("bit");
        // A scale and a bias in 16 bits for 64 elements are half a bit more.
        let stated = suffix.parse::<f64>().unwrap() + 0.5;
        assert!((bits / stated - 1.0).abs() < 0.002, "{name}: {bits} bits");
        // Beside the weights there is Qwen3's tokenizer.
        assert!((10_000_000..20_000_000).contains(&(download_bytes - facts.weights_bytes)), "{name}");
    }
}
