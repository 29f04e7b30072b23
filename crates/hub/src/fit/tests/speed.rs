use super::*;

fn estimate(kv: KvCache, cached: u32, chip: &str) -> DecodeSpeedEstimate {
    let shape = shape(&qwen3_coder());
    decode_speed_estimate(&facts(&shape), &kv, cached, apple_chip_bandwidth(chip).unwrap())
}

#[test]
fn a_token_reads_the_active_weights_and_the_cache() {
    let weights = 1_900_000_000;
    let bytes = |kv, cached| estimate(kv, cached, "Apple M4 Pro").bytes_per_token;
    assert_eq!(bytes(KvCache::Dense, 0), weights);
    assert_eq!(bytes(KvCache::Dense, 10_000), weights + 10_000 * 98_304);
    assert_eq!(bytes(quantized(8, 5000), 10_000), weights + 10_000 * 52_224);
    assert_eq!(bytes(quantized(8, 5000), 4999), weights + 4999 * 98_304);
}

#[test]
fn speeds_that_people_measured_lie_in_the_range() {
    // 35B-A3B in 4 bits, about 1.65 GB of active weights: the sources stand at `EXPERTS_SHARE`.
    let shape = shape(&qwen3_coder());
    let model = ModelFacts { active_weights_bytes: 1_650_000_000, ..facts(&shape) };
    for (chip, measured) in [("Apple M2 Max", 79.8), ("Apple M5 Max", 133.5)] {
        let bandwidth = apple_chip_bandwidth(chip).unwrap();
        let estimate = decode_speed_estimate(&model, &KvCache::Dense, 0, bandwidth);
        assert!((estimate.slowest..estimate.fastest).contains(&measured), "{chip}: {estimate:?}");
    }
    // 9B in 4 bits, 5.1 GB of weights: the source stands at `DENSE_SHARE`.
    let mut value = qwen3_coder();
    value["model_type"] = json!("qwen3");
    let shape = super::shape(&value);
    let model = ModelFacts { active_weights_bytes: 5_100_000_000, ..facts(&shape) };
    for (chip, measured) in [("Apple M4 Pro", 43.4), ("Apple M3 Ultra", 101.0)] {
        let bandwidth = apple_chip_bandwidth(chip).unwrap();
        let estimate = decode_speed_estimate(&model, &KvCache::Dense, 0, bandwidth);
        assert!((estimate.slowest..estimate.fastest).contains(&measured), "{chip}: {estimate:?}");
    }
}

#[test]
fn chips_are_found_by_the_name_that_macos_gives_them() {
    let bandwidth = |name| apple_chip_bandwidth(name).map(|found| (found.slowest, found.fastest));
    assert_eq!(bandwidth("Apple M4 Max\n"), Some((410, 546)));
    assert_eq!(bandwidth("Apple M1"), Some((68, 68)));
    assert_eq!(bandwidth("Intel(R) Xeon(R) Processor"), None);
    assert_eq!(apple_chip(" apple  M3 Pro (Virtual)\n"), Some("Apple M3 Pro"));
    assert_eq!(apple_chip("Apple M3 Extreme"), None, "a variant is not the chip it is a variant of");
}
