use clap::Args;
use shorn_checkpoint::{KvBits, KvCache, KvGroupSize, KvQuantization};

/// The KV cache, as options of several commands.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "KV cache")]
pub struct KvArguments {
    /// Quantize keys and values to so many bits (2, 3, 4, 6 or 8), or `off`. When not given, what was saved for the
    /// model, else unquantized.
    #[arg(long, value_name = "BITS", value_parser = bits_or_off,
        conflicts_with_all = ["kv_key_bits", "kv_value_bits"])]
    kv_bits: Option<Bits>,
    /// Quantize keys to so many bits.
    #[arg(long, value_name = "BITS", value_parser = bits, requires = "kv_value_bits")]
    kv_key_bits: Option<KvBits>,
    /// Quantize values to so many bits.
    #[arg(long, value_name = "BITS", value_parser = bits, requires = "kv_key_bits")]
    kv_value_bits: Option<KvBits>,
    /// Elements that share a scale: 32 is the most accurate, 64 balanced, 128 the smallest.
    #[arg(long, value_name = "SIZE", value_parser = group_size, default_value = "64")]
    kv_group_size: KvGroupSizeArgument,
    /// Tokens in the cache from which it is quantized.
    #[arg(long, value_name = "TOKENS", default_value_t = KvQuantization::DEFAULT_START)]
    kv_start: u32,
}

/// A width, or none.
#[derive(Debug, Clone, Copy)]
enum Bits {
    Off,
    Some(KvBits),
}

/// A group size with the default that clap needs.
#[derive(Debug, Clone, Copy)]
struct KvGroupSizeArgument(KvGroupSize);

impl Default for KvGroupSizeArgument {
    fn default() -> Self {
        Self(KvQuantization::DEFAULT_GROUP_SIZE)
    }
}

impl KvArguments {
    /// The setting they stand for, if they say anything.
    pub fn setting(&self) -> Option<KvCache> {
        let (key_bits, value_bits) = match (self.kv_bits, self.kv_key_bits, self.kv_value_bits) {
            (Some(Bits::Off), _, _) => return Some(KvCache::Dense),
            (Some(Bits::Some(bits)), _, _) => (bits, bits),
            (None, Some(key_bits), Some(value_bits)) => (key_bits, value_bits),
            _ => return None,
        };
        let group_size = self.kv_group_size.0;
        Some(KvCache::Quantized(KvQuantization { key_bits, value_bits, group_size, start: self.kv_start }))
    }
}

fn bits_or_off(text: &str) -> Result<Bits, String> {
    if text == "off" { Ok(Bits::Off) } else { bits(text).map(Bits::Some) }
}

fn bits(text: &str) -> Result<KvBits, String> {
    let bits: u32 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    bits.try_into()
}

fn group_size(text: &str) -> Result<KvGroupSizeArgument, String> {
    let size: u32 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    size.try_into().map(KvGroupSizeArgument)
}
