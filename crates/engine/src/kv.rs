//! Key-value caches: one for each sequence, dense or quantized, growing in place.

mod buffers;
mod sequence;

pub(crate) use buffers::{Context, KvFormat, KvLayout};
pub(crate) use sequence::{PREFILL_CHUNK, SequenceKv};

#[cfg(test)]
mod tests;
