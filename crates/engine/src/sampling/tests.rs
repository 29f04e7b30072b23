use super::*;

const VOCABULARY: usize = 8;

fn logits() -> Vec<f32> {
    vec![1.0, 3.0, -2.0, 2.5, 0.0, 2.9, -1.0, 0.5]
}

fn sampler(settings: Sampling, prompt: &[u32]) -> Sampler {
    Sampler::new(settings, prompt, VOCABULARY as u32).unwrap()
}

/// The same logits for each sampler; tokens that they choose for the reply's token at `index` = row.
fn choose_rows(samplers: &mut [Sampler]) -> Vec<u32> {
    let rows = samplers.len();
    let logits = Array::from_slice(&logits().repeat(rows), &[rows as i32, VOCABULARY as i32]);
    let mut rows: Vec<_> =
        samplers.iter_mut().enumerate().map(|(index, sampler)| (sampler, index as u32)).collect();
    sample(&logits, &mut rows).unwrap().read_tokens().unwrap()
}

/// How often each token is drawn in 8,000 draws.
fn frequencies(settings: Sampling) -> Vec<f64> {
    let draws = 8000;
    let mut samplers: Vec<Sampler> = (0..draws).map(|_| sampler(settings.clone(), &[])).collect();
    let mut counts = vec![0.0; VOCABULARY];
    for token in choose_rows(&mut samplers) {
        counts[token as usize] += 1.0 / f64::from(draws);
    }
    counts
}

/// Softmax of the logits over a temperature, with the tokens that are left out at zero.
fn distribution(temperature: f64, keep: impl Fn(usize) -> bool) -> Vec<f64> {
    let weights: Vec<f64> = logits()
        .iter()
        .enumerate()
        .map(|(token, &logit)| if keep(token) { (f64::from(logit) / temperature).exp() } else { 0.0 })
        .collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

fn assert_close(found: &[f64], expected: &[f64]) {
    for (token, (found, expected)) in found.iter().zip(expected).enumerate() {
        // Four standard deviations of 8,000 draws.
        let bound = 4.0 * (expected * (1.0 - expected) / 8000.0).sqrt() + 1e-9;
        assert!((found - expected).abs() <= bound, "token {token}: {found} against {expected}");
    }
}

#[test]
fn draws_follow_the_softmax_at_a_temperature() {
    let settings = Sampling { temperature: 0.7, seed: 1, ..Sampling::default() };
    assert_close(&frequencies(settings), &distribution(0.7, |_| true));
}

#[test]
fn top_k_keeps_the_k_most_likely() {
    let settings = Sampling { top_k: 3, seed: 2, ..Sampling::default() };
    assert_close(&frequencies(settings), &distribution(1.0, |token| [1, 5, 3].contains(&token)));
}

#[test]
fn top_p_keeps_the_smallest_set_that_reaches_the_mass() {
    // Probabilities 0.342 (1), 0.309 (5), 0.207 (3): 0.6 is reached by the first two.
    let settings = Sampling { top_p: 0.6, seed: 3, ..Sampling::default() };
    assert_close(&frequencies(settings), &distribution(1.0, |token| [1, 5].contains(&token)));
    let settings = Sampling { top_p: 0.0, seed: 3, ..Sampling::default() };
    assert_close(&frequencies(settings), &distribution(1.0, |token| token == 1));
}

#[test]
fn min_p_drops_what_is_too_unlikely_beside_the_best() {
    // e^(2.5 - 3.0) = 0.61, e^(1.0 - 3.0) = 0.14.
    let settings = Sampling { min_p: 0.5, seed: 4, ..Sampling::default() };
    assert_close(&frequencies(settings), &distribution(1.0, |token| [1, 5, 3].contains(&token)));
}

#[test]
fn top_p_counts_within_what_top_k_left() {
    // Among tokens 1, 5 and 3 the first has 0.40 of the mass, the first two 0.76.
    let settings = Sampling { top_k: 3, top_p: 0.7, seed: 5, ..Sampling::default() };
    assert_close(&frequencies(settings), &distribution(1.0, |token| [1, 5].contains(&token)));
}

#[test]
fn the_same_seed_draws_the_same_tokens_and_another_seed_others() {
    let draw = |seed| {
        let settings = Sampling { temperature: 1.5, seed, ..Sampling::default() };
        let mut samplers: Vec<Sampler> = (0..50).map(|_| sampler(settings.clone(), &[])).collect();
        choose_rows(&mut samplers)
    };
    assert_eq!(draw(9), draw(9));
    assert_ne!(draw(9), draw(10));
}

#[test]
fn a_row_draws_what_it_draws_alone_whatever_the_others_ask_for() {
    let plain = Sampling { temperature: 1.3, seed: 6, ..Sampling::default() };
    let others = [
        Sampling { temperature: 0.0, ..Sampling::default() },
        Sampling { top_k: 2, seed: 1, ..Sampling::default() },
        Sampling { top_p: 0.5, min_p: 0.3, frequency_penalty: 1.0, seed: 2, ..Sampling::default() },
        Sampling { logit_bias: vec![(4, 9.0)], repetition_penalty: 1.3, seed: 3, ..Sampling::default() },
    ];
    for index in 0..40 {
        let logits_row = Array::from_slice(&logits(), &[1, VOCABULARY as i32]);
        let mut alone = sampler(plain.clone(), &[]);
        let alone = sample(&logits_row, &mut [(&mut alone, index)]).unwrap().read_tokens().unwrap()[0];
        for other in &others {
            let both = Array::from_slice(&logits().repeat(2), &[2, VOCABULARY as i32]);
            let (mut first, mut second) = (sampler(plain.clone(), &[]), sampler(other.clone(), &[1]));
            let tokens = sample(&both, &mut [(&mut first, index), (&mut second, index)]).unwrap();
            assert_eq!(tokens.read_tokens().unwrap()[0], alone);
        }
    }
}

#[test]
fn repetition_punishes_prompt_and_reply_presence_and_frequency_the_reply_only() {
    let settings = Sampling {
        temperature: 0.0,
        repetition_penalty: 2.0,
        presence_penalty: 0.25,
        frequency_penalty: 0.125,
        ..Sampling::default()
    };
    let mut sampler = sampler(settings, &[1, 2]);
    for token in [3_u32, 3, 5] {
        sampler.count(&Array::from_slice(&[token], &[1])).unwrap();
    }
    let adjusted = sampler.adjust(&Array::from_slice(&logits(), &[1, 8])).unwrap();
    let expected = [1.0, 1.5, -4.0, 2.5 / 2.0 - 0.25 - 0.25, 0.0, 2.9 / 2.0 - 0.25 - 0.125, -1.0, 0.5];
    for (found, expected) in mlx::read::<f32>(&adjusted).unwrap().iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}

#[test]
fn a_bias_is_added_and_can_force_a_token() {
    let settings = Sampling { logit_bias: vec![(6, 100.0), (1, -100.0)], seed: 8, ..Sampling::default() };
    let mut samplers: Vec<Sampler> = (0..20).map(|_| sampler(settings.clone(), &[])).collect();
    assert_eq!(choose_rows(&mut samplers), vec![6; 20]);
}

#[test]
fn logprobs_are_those_of_the_model_itself_best_first() {
    let settings =
        Sampling { temperature: 0.0, logprobs: Some(3), logit_bias: vec![(0, 50.0)], ..Sampling::default() };
    let mut sampler = sampler(settings, &[]);
    let row = Array::from_slice(&logits(), &[1, 8]);
    let sampled = sample(&row, &mut [(&mut sampler, 0)]).unwrap();
    assert_eq!(sampled.read_tokens().unwrap(), [0]);
    let found = sampled.read_logprobs(0).unwrap().unwrap();
    let expected = distribution(1.0, |_| true);
    assert!((f64::from(found.logprob) - expected[0].ln()).abs() < 1e-5);
    assert_eq!(found.top.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [1, 5, 3]);
    for (token, logprob) in found.top {
        assert!((f64::from(logprob) - expected[token as usize].ln()).abs() < 1e-5);
    }
}

#[test]
fn counts_of_a_step_that_is_taken_back_are_forgotten() {
    let settings = Sampling { temperature: 0.0, frequency_penalty: 1.0, ..Sampling::default() };
    let mut sampler = sampler(settings, &[]);
    sampler.hold();
    sampler.count(&Array::from_slice(&[1_u32], &[1])).unwrap();
    sampler.restore();
    let adjusted = sampler.adjust(&Array::from_slice(&logits(), &[1, 8])).unwrap();
    assert_eq!(mlx::read::<f32>(&adjusted).unwrap(), logits());
}
