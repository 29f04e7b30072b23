use super::*;

#[track_caller]
fn advice(options: FitOptions, machine: &Machine) -> Vec<Advice> {
    let shape = shape(&qwen3_coder());
    let model = facts(&shape);
    let fit = fit(&model, &options, machine).unwrap();
    assert_eq!(fit.verdict, Verdict::TooLarge);
    assert!(!fit.advice.is_empty(), "there is always something to say");
    for advice in fit.advice.iter().filter(|advice| advice.kv.is_some() || advice.context_length.is_some()) {
        let changed = FitOptions {
            kv: advice.kv.unwrap_or(options.kv),
            context_length: advice.context_length.unwrap_or(options.context_length),
            ..options
        };
        let changed = super::fit(&model, &changed, machine).unwrap();
        assert_ne!(changed.verdict, Verdict::TooLarge, "{}", advice.words);
    }
    fit.advice
}

fn dense(context_length: u32) -> FitOptions {
    FitOptions::one_context(context_length, KvCache::Dense)
}

#[test]
fn what_fits_gets_no_advice() {
    let shape = shape(&qwen3_coder());
    assert!(fit(&facts(&shape), &dense(32_768), &mac_of_64()).unwrap().advice.is_empty());
}

#[test]
fn the_widest_kv_setting_that_keeps_the_context_comes_first() {
    // 17.2 GB of weights and 25.8 GB of KV cache pass 36 GiB; 13.7 GB of it do not.
    let advice = advice(dense(262_144), &mac(48 * GIB, 36 * GIB));
    assert_eq!((advice[0].kv, advice[0].context_length), (Some(quantized(8, 5000)), None));
    assert!(advice[0].words.contains("8 bits"), "{}", advice[0].words);
}

#[test]
fn a_narrower_setting_is_advised_where_8_bits_do_not_fit() {
    let advice = advice(dense(262_144), &mac(48 * GIB, 29 * GIB));
    let Some(KvCache::Quantized(kv)) = advice[0].kv else { panic!("{advice:?}") };
    assert!(kv.key_bits.get() < 8, "{}", advice[0].words);
}

#[test]
fn the_advised_context_is_the_longest_that_fits() {
    let machine = mac(48 * GIB, 36 * GIB);
    let longest = advice(dense(262_144), &machine)[1].context_length.unwrap();
    assert!(longest.is_multiple_of(1024) && longest > 100_000, "{longest}");
    let shape = shape(&qwen3_coder());
    let verdict = fit(&facts(&shape), &dense(longest + 1024), &machine).unwrap().verdict;
    assert_eq!(verdict, Verdict::TooLarge);
}

#[test]
fn where_no_setting_keeps_the_context_both_changes_together_lengthen_it() {
    let advice = advice(dense(262_144), &mac(32 * GIB, 20 * GIB));
    let [context, both] = advice.as_slice() else { panic!("{advice:?}") };
    assert_eq!((context.kv, both.kv), (None, Some(quantized(8, 5000))));
    assert!(both.context_length > context.context_length, "{advice:?}");
}

#[test]
fn a_cache_that_is_quantized_already_is_only_narrowed() {
    let options = FitOptions::one_context(262_144, quantized(4, 0));
    let advice = advice(options, &mac(64 * GIB, 25 * GIB));
    let Some(KvCache::Quantized(kv)) = advice[0].kv else { panic!("{advice:?}") };
    assert!(kv.key_bits.get() < 4 && kv.start == 0, "{advice:?}");
}

#[test]
fn a_late_threshold_is_dropped_where_that_is_what_helps() {
    // The threshold is past the context: the cache would never be quantized.
    let options = FitOptions::one_context(131_072, quantized(8, 200_000));
    let advice = advice(options, &mac(32 * GIB, 28 * GIB));
    let Some(KvCache::Quantized(kv)) = advice[0].kv else { panic!("{advice:?}") };
    assert_eq!(kv.start, 0, "{advice:?}");
}

#[test]
fn other_programs_are_named_where_they_take_the_memory() {
    let machine = Machine { available: Some(20 * GIB), ..mac_of_64() };
    let advice = advice(dense(65_536), &machine);
    assert!(advice.iter().any(|advice| advice.words.contains("close other programs")), "{advice:?}");
}

#[test]
fn a_chosen_limit_is_named_where_a_higher_one_would_do() {
    let machine = Machine { chosen: Some(20 * GIB), ..mac_of_64() };
    let options = dense(65_536);
    assert!(advice(options, &machine).iter().any(|advice| advice.words.contains("raise the memory limit")));
    let small = Machine { chosen: Some(10 * GIB), ..mac(16 * GIB, 11 * GIB) };
    assert!(!advice(options, &small).iter().any(|advice| advice.words.contains("raise")));
}

#[test]
fn a_model_that_is_too_large_by_itself_is_said_to_be() {
    let advice = advice(dense(4096), &mac(16 * GIB, 11 * GIB));
    let [only] = advice.as_slice() else { panic!("{advice:?}") };
    assert!(only.words.contains("smaller model") && only.words.contains("17.2 GB"), "{}", only.words);
}
