//! The cache of one sequence over all layers: when it grows, when it is quantized, what it really is.

use mlx_rs::transforms::eval;
use mlx_rs::{Array, random};
use shorn_checkpoint::{KvCache, KvQuantization};
use shorn_protocol::{EffectiveKv, EffectiveKvKind};

use super::buffers::{Buffers, Context, KvFormat, KvLayout};
use crate::mlx::Result;

/// Prompt tokens of one chunk: what mlx-lm takes, and what the points are counted by at which a cache is quantized.
pub(crate) const PREFILL_CHUNK: i32 = 2048;

/// Layers that are grown, copied or quantized at a time: the old buffers of only so many live beside the new.
const LAYERS_AT_A_TIME: usize = 2;

/// Keys and values of one sequence.
#[derive(Debug)]
pub(crate) struct SequenceKv {
    settings: KvCache,
    layers: Vec<Buffers>,
    /// Tokens in every layer's buffers.
    len: i32,
    /// Tokens before the current request's prefill, and of its whole prompt: what conversion points are counted by.
    prefill: (i32, i32),
    /// Handles from before a step that is built but not scheduled.
    held: Option<(Vec<Buffers>, i32)>,
}

impl SequenceKv {
    /// An empty cache.
    pub fn new(layout: &[KvLayout], settings: KvCache) -> Result<Self> {
        let layers = layout.iter().map(|&layout| Buffers::dense(layout, 0)).collect::<Result<_>>()?;
        Ok(Self { settings, layers, len: 0, prefill: (0, 0), held: None })
    }

    /// A cache of `tokens` tokens of noise, quantized where a prompt of that length would be.
    pub fn noise(layout: &[KvLayout], settings: KvCache, tokens: i32) -> Result<Self> {
        let mut kv = Self::new(layout, settings)?;
        kv.begin_prompt(tokens + 1, 0)?;
        while kv.len < tokens {
            let rows = kv.prefill_stop() - kv.len;
            for (layer, layout) in layout.iter().enumerate() {
                let shape = [1, layout.kv_heads, rows, layout.head_dim];
                let noise = || random::normal::<f32>(&shape, None, None, None)?.as_dtype(layout.dtype);
                kv.append(layer, &noise()?, &noise()?)?;
                eval(kv.layer_arrays(layer))?;
            }
            kv.advance(rows);
            kv.convert_if_due()?;
        }
        Ok(kv)
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &KvCache {
        &self.settings
    }

    /// Tokens in the cache.
    pub fn len(&self) -> i32 {
        self.len
    }

    /// Forgets all but the first `len` tokens. Buffers stay as they are.
    pub fn truncate(&mut self, len: i32) {
        self.len = self.len.min(len);
    }

    /// Begins a prompt of `prompt` tokens, of which `self.len()` are there, and makes room for it.
    pub fn begin_prompt(&mut self, prompt: i32, reply: i32) -> Result<()> {
        self.prefill = (self.len, prompt);
        match self.conversion_in_prompt() {
            Some(point) => self.reserve(point),
            None => self.reserve(prompt + reply),
        }
    }

    /// Most tokens that may be in the cache after the next prefill step: the next point at which the cache may have to
    /// be quantized, in the end the prompt without its last token (which is always a step of its own).
    pub fn prefill_stop(&self) -> i32 {
        let (origin, prompt) = self.prefill;
        let chunks = (self.len - origin) / PREFILL_CHUNK + 1;
        (origin + chunks * PREFILL_CHUNK).min(prompt - 1)
    }

    /// Whether the step that ends with `len` tokens is followed by quantizing the cache.
    ///
    /// With chunks counted from where the prefill begins, that is the first chunk's end, or the prompt's end but for
    /// its last token, at or past the start threshold; else the first later step whose end is at or past it. This is
    /// what mlx-lm's `generate_step` does, made independent of how rows are scheduled.
    pub fn converts_after(&self, len: i32) -> bool {
        let Some(start) = self.pending_start() else { return false };
        let (origin, prompt) = self.prefill;
        let is_point = len >= prompt - 1 || (len > origin && (len - origin) % PREFILL_CHUNK == 0);
        is_point && len >= start
    }

    /// Whether a step that ends with `len` tokens finds room for them.
    pub fn has_room_for(&self, len: i32) -> bool {
        self.capacity() >= len
    }

    /// Makes room for `tokens` in all, a few layers at a time.
    pub fn reserve(&mut self, tokens: i32) -> Result<()> {
        if self.has_room_for(tokens) {
            return Ok(());
        }
        let (len, capacity) = (self.len, capacity_for(tokens));
        self.rebuild(|buffers| buffers.copy(len, capacity))
    }

    /// Bytes beyond the present ones that [`Self::reserve`] needs at its height, when a few layers are there twice.
    pub fn bytes_to_reserve(&self, tokens: i32) -> u64 {
        let (now, layers) = (self.bytes_allocated(), self.layers.len().max(1) as u64);
        let capacity = self.layers.first().map_or(1, |buffers| buffers.capacity().max(1));
        let grown = now * capacity_for(tokens) as u64 / capacity as u64;
        grown.saturating_sub(now) + now * layers.min(LAYERS_AT_A_TIME as u64) / layers
    }

    /// Appends one layer's new keys and values, `[1, kv_heads, n, head_dim]`; [`Self::advance`] follows the last layer.
    pub fn append(&mut self, layer: usize, keys: &Array, values: &Array) -> Result<Context> {
        self.layers[layer].append(self.len, keys, values)
    }

    /// Counts the tokens that every layer has got.
    pub fn advance(&mut self, tokens: i32) {
        self.len += tokens;
    }

    /// Quantizes the cache if the last step makes it due; says whether it did.
    pub fn convert_if_due(&mut self) -> Result<bool> {
        let (KvCache::Quantized(settings), true) = (self.settings, self.converts_after(self.len)) else {
            return Ok(false);
        };
        let len = self.len;
        let capacity = capacity_for(self.prefill.1.max(len) + 1);
        self.rebuild(|buffers| buffers.quantized(KvFormat::from(settings), len, capacity))?;
        Ok(true)
    }

    /// Keeps the present handles, so that a step built from here can be taken back. Until [`Self::release`], an append
    /// that is evaluated copies its buffer.
    pub fn hold(&mut self) {
        self.held = Some((self.layers.clone(), self.len));
    }

    /// Lets go of the held handles: the built step will run.
    pub fn release(&mut self) {
        self.held = None;
    }

    /// Goes back to the held handles: the built step will not run.
    pub fn restore(&mut self) {
        if let Some((layers, len)) = self.held.take() {
            (self.layers, self.len) = (layers, len);
        }
    }

    /// A cache of its own with the first `len` tokens.
    pub fn fork(&self, len: i32) -> Result<Self> {
        let mut layers = Vec::with_capacity(self.layers.len());
        for group in self.layers.chunks(LAYERS_AT_A_TIME) {
            let copies: Vec<Buffers> =
                group.iter().map(|buffers| buffers.copy(len, capacity_for(len))).collect::<Result<_>>()?;
            eval(copies.iter().flat_map(Buffers::arrays))?;
            layers.extend(copies);
        }
        Ok(Self { settings: self.settings, layers, len, prefill: (0, 0), held: None })
    }

    /// The arrays of one layer.
    pub fn layer_arrays(&self, layer: usize) -> Vec<&Array> {
        self.layers[layer].arrays()
    }

    /// Bytes of the buffers.
    pub fn bytes_allocated(&self) -> u64 {
        self.layers.iter().map(Buffers::bytes).sum()
    }

    /// What the cache is, read from its arrays.
    pub fn effective(&self) -> EffectiveKv {
        let in_use = |buffers: &Buffers| match buffers.capacity() {
            0 => 0,
            capacity => buffers.bytes() / capacity as u64 * self.len as u64,
        };
        let bytes_in_use: u64 = self.layers.iter().map(in_use).sum();
        let quantized: u64 = self
            .layers
            .iter()
            .filter(|buffers| matches!(buffers, Buffers::Quantized { .. }))
            .map(in_use)
            .sum();
        EffectiveKv {
            requested: self.settings,
            tokens: self.len as u32,
            kind: self.kind(),
            bytes_in_use,
            bytes_allocated: self.bytes_allocated(),
            quantized_share: if bytes_in_use == 0 { 0.0 } else { quantized as f64 / bytes_in_use as f64 },
        }
    }

    fn kind(&self) -> EffectiveKvKind {
        match self.layers.first() {
            _ if self.len == 0 => EffectiveKvKind::Empty,
            None => EffectiveKvKind::Empty,
            Some(Buffers::Dense { keys, .. }) => EffectiveKvKind::Dense { bits: 8 * keys.item_size() as u32 },
            Some(Buffers::Quantized { keys, values, format }) => {
                // Words per row over elements per row: the width that the arrays really have.
                let elements =
                    |packed: &crate::mlx::Packed| packed.scales.dim(3) as u32 * format.keys.group_size;
                EffectiveKvKind::Quantized {
                    key_bits: keys.words.dim(3) as u32 * 32 / elements(keys),
                    value_bits: values.words.dim(3) as u32 * 32 / elements(values),
                    group_size: format.keys.group_size,
                }
            }
        }
    }

    fn capacity(&self) -> i32 {
        self.layers.first().map_or(i32::MAX, Buffers::capacity)
    }

    /// The threshold, while the cache is still dense.
    fn pending_start(&self) -> Option<i32> {
        match (&self.settings, self.layers.first()) {
            (KvCache::Quantized(KvQuantization { start, .. }), Some(Buffers::Dense { .. })) => {
                Some(i32::try_from(*start).unwrap_or(i32::MAX))
            }
            _ => None,
        }
    }

    /// The point within the prompt at which the cache will be quantized, if there is one.
    fn conversion_in_prompt(&self) -> Option<i32> {
        let start = self.pending_start()?;
        let (origin, prompt) = self.prefill;
        let chunks = ((start - origin).max(1) - 1) / PREFILL_CHUNK + 1;
        let point = chunks.saturating_mul(PREFILL_CHUNK).saturating_add(origin).min(prompt - 1);
        (point >= start && point > origin).then_some(point)
    }

    /// Replaces every layer's buffers, evaluating a few layers at a time so that old and new coexist only there.
    fn rebuild(&mut self, mut replace: impl FnMut(&Buffers) -> Result<Buffers>) -> Result<()> {
        for group in self.layers.chunks_mut(LAYERS_AT_A_TIME) {
            for buffers in group.iter_mut() {
                *buffers = replace(buffers)?;
            }
            eval(group.iter().flat_map(|buffers| buffers.arrays()))?;
        }
        Ok(())
    }
}

/// Room for `tokens` and some more: steps of 256 for short caches, of an eighth for longer ones, of 4,096 at most.
fn capacity_for(tokens: i32) -> i32 {
    let step = (tokens / 8 / 256 * 256).clamp(256, 4096);
    (tokens + step - 1) / step * step
}
