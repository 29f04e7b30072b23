//! The kinds of layers, by what they keep between tokens.

/// A layer of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// How it mixes tokens, and what it keeps for that.
    pub kind: LayerKind,
    /// What follows.
    pub feed_forward: FeedForward,
}

/// What a layer keeps between tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// Keys and values of every token.
    Attention(Heads),
    /// Keys and values of the last tokens.
    Sliding {
        /// The heads.
        heads: Heads,
        /// How many tokens back a token sees.
        window: u32,
    },
    /// Nothing of its own: it reads the keys and values of an earlier layer.
    Borrowing(Heads),
    /// For every token one compressed vector, from which keys and values are made (multi-head latent attention).
    Latent(Latent),
    /// A state that does not grow.
    Recurrent(DeltaNet),
}

/// Heads of grouped-query attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Query heads.
    pub query_heads: u32,
    /// Key-value heads.
    pub kv_heads: u32,
    /// Elements of one query, key or value.
    pub head_dim: u32,
    /// Whether the query projection gives a gate for the output too.
    pub gated: bool,
    /// Whether there is no projection for values: they are the keys, before these are rotated.
    pub values_from_keys: bool,
}

impl Heads {
    /// Heads with a projection each for queries, keys and values.
    pub fn new(query_heads: u32, kv_heads: u32, head_dim: u32) -> Self {
        Self { query_heads, kv_heads, head_dim, gated: false, values_from_keys: false }
    }

    /// Elements of one token's keys, or values.
    pub fn kv_width(&self) -> u64 {
        u64::from(self.kv_heads) * u64::from(self.head_dim)
    }

    /// Elements of one token's queries.
    pub fn query_width(&self) -> u64 {
        u64::from(self.query_heads) * u64::from(self.head_dim)
    }
}

/// Multi-head latent attention. Names are those of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latent {
    /// Heads.
    pub heads: u32,
    /// Elements of the vector that stands for keys and values.
    pub kv_lora_rank: u32,
    /// Elements of a key that are rotated and shared by all heads.
    pub qk_rope_head_dim: u32,
    /// Elements of a key that are not rotated.
    pub qk_nope_head_dim: u32,
    /// Elements of a value.
    pub v_head_dim: u32,
    /// Width through which queries are projected; `None` when they are projected at once.
    pub q_lora_rank: Option<u32>,
}

impl Latent {
    /// Elements that one token keeps.
    pub fn width(&self) -> u64 {
        u64::from(self.kv_lora_rank) + u64::from(self.qk_rope_head_dim)
    }

    /// Elements of one head's query or key.
    pub fn key_dim(&self) -> u64 {
        u64::from(self.qk_nope_head_dim) + u64::from(self.qk_rope_head_dim)
    }
}

/// A gated delta net: a convolution over the last tokens, and a matrix for each value head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaNet {
    /// Query and key heads.
    pub key_heads: u32,
    /// Value heads.
    pub value_heads: u32,
    /// Elements of a query or key.
    pub key_dim: u32,
    /// Elements of a value.
    pub value_dim: u32,
    /// Tokens that the convolution sees.
    pub kernel: u32,
}

impl DeltaNet {
    /// Elements of one token's keys.
    pub fn key_width(&self) -> u64 {
        u64::from(self.key_heads) * u64::from(self.key_dim)
    }

    /// Elements of one token's values.
    pub fn value_width(&self) -> u64 {
        u64::from(self.value_heads) * u64::from(self.value_dim)
    }

    /// Elements of one token's queries, keys and values.
    pub fn conv_width(&self) -> u64 {
        2 * self.key_width() + self.value_width()
    }

    /// Bytes of the state: the convolution's earlier inputs in activations, the matrices in 32 bits (as mlx-lm's
    /// `gated_delta.py` has them).
    pub fn state_bytes(&self, activation_bytes: u64) -> u64 {
        let earlier = u64::from(self.kernel.saturating_sub(1)) * self.conv_width();
        let matrices = self.value_width().saturating_mul(self.key_dim.into());
        earlier.saturating_mul(activation_bytes).saturating_add(matrices.saturating_mul(4))
    }
}

/// What a layer does with each token by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedForward {
    /// Width of the gated MLP that every token passes: the layer's own, or the shared experts' together; 0 for none.
    pub width: u32,
    /// The experts.
    pub experts: Option<Experts>,
}

impl FeedForward {
    /// A gated MLP.
    pub fn dense(width: u32) -> Self {
        Self { width, experts: None }
    }

    /// Experts alone.
    pub fn sparse(experts: Experts) -> Self {
        Self { width: 0, experts: Some(experts) }
    }
}

/// A mixture of experts, each a gated MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Experts {
    /// How many there are.
    pub count: u32,
    /// How many see a token.
    pub per_token: u32,
    /// Width of one.
    pub width: u32,
}
