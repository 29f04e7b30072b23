use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A worker's memory, in bytes, read from MLX and from the live arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct MemoryFigures {
    /// The model's weights.
    pub weights: u64,
    /// KV caches of running requests: tokens that are in them.
    pub kv_in_use: u64,
    /// KV caches of running requests: their buffers, room to grow included.
    pub kv_allocated: u64,
    /// KV caches kept for later requests, their buffers.
    pub prompt_cache: u64,
    /// Everything MLX holds for arrays that are alive; the figures above are parts of it.
    pub mlx_active: u64,
    /// Buffers MLX keeps for re-use.
    pub mlx_cache: u64,
    /// Highest `mlx_active` since the model began to load.
    pub mlx_peak: u64,
}
