//! How fast a model may decode: a token reads the active weights and the KV cache once, and memory is what limits that.

use serde::Serialize;
use shorn_checkpoint::{Checkpoint, KvCache, TensorEntry};
use ts_rs::TS;

use super::{ModelFacts, ModelShape, kv};

/// Shares of the published bandwidth that decoding reached in the field, models without experts. MLX, 4-bit weights: 82 %
/// on M4 Pro and 63 % on M3 Ultra (raullenchai/Rapid-MLX issue 567), 67 % on M3 Pro (ml-explore/mlx-lm pull request 1569).
const DENSE_SHARE: (f64, f64) = (0.6, 0.85);

/// The same with experts, where many small operations for little weight take their own time: 79.8 tokens/s on M2 Max
/// (raullenchai/Rapid-MLX pull request 1065) and 133.5 on M5 Max (magicnight/Mac-MLX issue 24) for 35B-A3B in 4 bits are 33
/// and 36 % of the bandwidth for its 1.65 GB of active weights.
const EXPERTS_SHARE: (f64, f64) = (0.25, 0.6);

/// Peak memory bandwidth in gigabytes (10^9 bytes) per second: one value, or a range where a chip is sold with several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MemoryBandwidth {
    /// Of the slowest variant.
    pub slowest: u32,
    /// Of the fastest variant.
    pub fastest: u32,
}

/// Apple's published figures, from the technical specifications at apple.com of the Macs that have the chip. Max chips
/// with fewer GPU cores have fewer memory channels; so has the M6 with 16 GB.
const APPLE_CHIPS: [(&str, u32, u32); 20] = [
    ("Apple M1", 68, 68),
    ("Apple M1 Pro", 200, 200),
    ("Apple M1 Max", 400, 400),
    ("Apple M1 Ultra", 800, 800),
    ("Apple M2", 100, 100),
    ("Apple M2 Pro", 200, 200),
    ("Apple M2 Max", 400, 400),
    ("Apple M2 Ultra", 800, 800),
    ("Apple M3", 100, 100),
    ("Apple M3 Pro", 150, 150),
    ("Apple M3 Max", 300, 400),
    ("Apple M3 Ultra", 819, 819),
    ("Apple M4", 120, 120),
    ("Apple M4 Pro", 273, 273),
    ("Apple M4 Max", 410, 546),
    ("Apple M5", 153, 153),
    ("Apple M5 Pro", 307, 307),
    ("Apple M5 Max", 460, 614),
    ("Apple M5 Ultra", 1200, 1200),
    ("Apple M6", 153, 170),
];

/// The name of an Apple chip, as it stands in the table of bandwidths, from the brand of the processor: what macOS says
/// as `machdep.cpu.brand_string`, and sysinfo as `Cpu::brand`. `None` for a processor that is not in the table.
///
/// Case, blanks around and between words and the `(Virtual)` of virtual machines do not matter; all words have to
/// agree, so an unknown variant is never taken for the chip that it is a variant of.
pub fn apple_chip(brand: &str) -> Option<&'static str> {
    find_chip(brand).map(|(name, ..)| name)
}

/// The memory bandwidth of an Apple chip by the brand of the processor, as for [`apple_chip`]; `None` for a processor
/// that is not in the table.
pub fn apple_chip_bandwidth(brand: &str) -> Option<MemoryBandwidth> {
    find_chip(brand).map(|(_, slowest, fastest)| MemoryBandwidth { slowest, fastest })
}

fn find_chip(brand: &str) -> Option<(&'static str, u32, u32)> {
    let words = |name: &str| -> Vec<String> {
        let words = name.split_whitespace().map(str::to_lowercase);
        words.filter(|word| word != "(virtual)").collect()
    };
    let brand = words(brand);
    APPLE_CHIPS.into_iter().find(|(name, ..)| words(name) == brand)
}

/// How fast one request may decode: a range, estimated and not measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, TS)]
pub struct DecodeSpeedEstimate {
    /// Bytes that one token reads: active weights and cache. Of a sliding layer that is its window, of a recurrent one
    /// its state.
    pub bytes_per_token: u64,
    /// The slow end, in tokens per second.
    pub slowest: f64,
    /// The fast end, in tokens per second.
    pub fastest: f64,
}

/// Estimates the decode speed behind `cached_tokens` tokens on a machine with this memory bandwidth.
pub fn decode_speed_estimate(
    model: &ModelFacts,
    kv: &KvCache,
    cached_tokens: u32,
    bandwidth: MemoryBandwidth,
) -> DecodeSpeedEstimate {
    let cache = kv::bytes_read(model, kv, cached_tokens);
    let bytes_per_token = model.active_weights_bytes.saturating_add(cache);
    let (low, high) = if model.shape.experts().is_some() { EXPERTS_SHARE } else { DENSE_SHARE };
    let speed =
        |gigabytes: u32, share: f64| f64::from(gigabytes) * 1e9 * share / bytes_per_token.max(1) as f64;
    DecodeSpeedEstimate {
        bytes_per_token,
        slowest: speed(bandwidth.slowest, low),
        fastest: speed(bandwidth.fastest, high),
    }
}

/// Bytes of the tensors that one token reads, from their headers.
pub(super) fn active_weights_bytes(checkpoint: &Checkpoint, shape: &ModelShape) -> u64 {
    let experts = shape.experts();
    let active = |(name, entry): (&str, &TensorEntry)| {
        let share = |part: u32, whole: u32| {
            let bytes = u128::from(entry.bytes) * u128::from(part) / u128::from(whole.max(1));
            u64::try_from(bytes).unwrap_or(entry.bytes)
        };
        match experts {
            // The two names under which checkpoints have them: stacked, or one by one.
            Some(experts) if name.contains(".mlp.switch_mlp.") || name.contains(".mlp.experts.") => {
                share(experts.per_token, experts.count)
            }
            // A tied embedding is the output projection too, which is read whole.
            _ if name.starts_with("model.embed_tokens.") && !shape.tied_embedding => {
                share(1, shape.vocab_size)
            }
            _ => entry.bytes,
        }
    };
    checkpoint.tensors.iter().map(active).sum()
}
