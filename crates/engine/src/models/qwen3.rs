//! Qwen3, dense: pre-norm decoder with grouped-query attention whose queries and keys are normalised per head.

use mlx_rs::Array;
use shorn_checkpoint::Qwen3Config;

use super::{Model, OnGroup};
use crate::batch::{AttentionShape, Batch};
use crate::error::LoadError;
use crate::kv::KvLayout;
use crate::mlx::{self, Result};
use crate::nn::{Embedding, HeadNorm, JoinedLinear, Linear, Mlp, RmsNorm, Rope};
use crate::weights::Weights;

/// The dense family.
pub(super) struct Qwen3 {
    decoder: Decoder<Mlp>,
}

impl Qwen3 {
    pub fn load(
        config: &Qwen3Config,
        weights: &mut Weights<'_>,
        on_group: &mut OnGroup<'_>,
    ) -> Result<Self, LoadError> {
        let decoder = Decoder::load(config, weights, on_group, |weights, _, path| {
            Mlp::load(weights, path, config.hidden_size, config.intermediate_size)
        })?;
        Ok(Self { decoder })
    }
}

impl Model for Qwen3 {
    fn embed(&self, ids: &Array) -> Result<Array> {
        self.decoder.embedding.forward(ids)
    }

    fn layer(&self, index: usize, x: &Array, batch: &mut Batch<'_>) -> Result<Array> {
        self.decoder.layer(index, x, batch)
    }

    fn logits(&self, x: &Array) -> Result<Array> {
        self.decoder.logits(x)
    }

    fn kv_layout(&self) -> &[KvLayout] {
        &self.decoder.kv_layout
    }
}

/// What follows attention in a layer.
pub(super) trait FeedForward {
    /// `[rows, hidden]` to `[rows, hidden]`.
    fn forward(&self, x: &Array) -> Result<Array>;

    /// The arrays to be evaluated on loading.
    fn arrays(&self) -> Vec<&Array>;
}

impl FeedForward for Mlp {
    fn forward(&self, x: &Array) -> Result<Array> {
        self.forward(x)
    }

    fn arrays(&self) -> Vec<&Array> {
        self.arrays()
    }
}

/// The decoder of this family and of those that differ only in what follows attention.
pub(super) struct Decoder<F> {
    pub embedding: Embedding,
    layers: Vec<Layer<F>>,
    norm: RmsNorm,
    /// `None` when the embedding is the output projection.
    head: Option<Linear>,
    pub kv_layout: Vec<KvLayout>,
}

struct Layer<F> {
    input_norm: RmsNorm,
    attention: Attention,
    post_attention_norm: RmsNorm,
    feed_forward: F,
}

struct Attention {
    qkv: JoinedLinear,
    head_norm: HeadNorm,
    rope: Rope,
    out: Linear,
    shape: AttentionShape,
}

impl<F: FeedForward> Decoder<F> {
    /// Loads all parts; `feed_forward` gets the layer's index and the path of its `mlp`.
    pub fn load(
        config: &Qwen3Config,
        weights: &mut Weights<'_>,
        on_group: &mut OnGroup<'_>,
        mut feed_forward: impl FnMut(&mut Weights<'_>, usize, &str) -> Result<F, LoadError>,
    ) -> Result<Self, LoadError> {
        let (hidden, eps) = (config.hidden_size, config.rms_norm_eps);
        let embedding = Embedding::load(weights, "model.embed_tokens", config.vocab_size, hidden)?;
        on_group(weights, &embedding.arrays())?;

        let mut layers = Vec::new();
        for index in 0..config.num_hidden_layers as usize {
            let path = format!("model.layers.{index}");
            let post_attention_norm = format!("{path}.post_attention_layernorm");
            let layer = Layer {
                input_norm: RmsNorm::load(weights, &format!("{path}.input_layernorm"), hidden, eps)?,
                attention: Attention::load(config, weights, &format!("{path}.self_attn"))?,
                post_attention_norm: RmsNorm::load(weights, &post_attention_norm, hidden, eps)?,
                feed_forward: feed_forward(weights, index, &format!("{path}.mlp"))?,
            };
            on_group(weights, &layer.arrays())?;
            layers.push(layer);
        }

        let norm = RmsNorm::load(weights, "model.norm", hidden, eps)?;
        let head = match config.tie_word_embeddings {
            true => None,
            false => Some(Linear::load(weights, "lm_head", hidden, config.vocab_size)?),
        };
        let mut last = vec![norm.array()];
        last.extend(head.iter().flat_map(Linear::arrays));
        on_group(weights, &last)?;

        let a_token = embedding.forward(&Array::from_slice(&[0_u32], &[1]))?;
        let kv_layout = layers.iter().map(|layer| layer.kv_layout(&a_token)).collect::<Result<_>>()?;
        Ok(Self { embedding, layers, norm, head, kv_layout })
    }

    pub fn layer(&self, index: usize, x: &Array, batch: &mut Batch<'_>) -> Result<Array> {
        let layer = &self.layers[index];
        let x = x.add(layer.attention.forward(&layer.input_norm.forward(x)?, index, batch)?)?;
        Ok(x.add(layer.feed_forward.forward(&layer.post_attention_norm.forward(&x)?)?)?)
    }

    pub fn logits(&self, x: &Array) -> Result<Array> {
        let x = self.norm.forward(x)?;
        match &self.head {
            Some(head) => head.forward(&x),
            None => self.embedding.project(&x),
        }
    }
}

impl<F: FeedForward> Layer<F> {
    /// What the layer's cache holds, for activations like `x`: the dtype is that of its own keys.
    fn kv_layout(&self, x: &Array) -> Result<KvLayout> {
        let (keys, _) = self.attention.project(&self.input_norm.forward(x)?)?;
        let AttentionShape { kv_heads, head_dim, .. } = self.attention.shape;
        Ok(KvLayout { kv_heads, head_dim, dtype: keys.dtype() })
    }

    fn arrays(&self) -> Vec<&Array> {
        let mut arrays =
            vec![self.input_norm.array(), self.post_attention_norm.array(), self.attention.head_norm.array()];
        arrays.extend(self.attention.qkv.arrays());
        arrays.extend(self.attention.out.arrays());
        arrays.extend(self.feed_forward.arrays());
        arrays
    }
}

impl Attention {
    fn load(config: &Qwen3Config, weights: &mut Weights<'_>, path: &str) -> Result<Self, LoadError> {
        let (heads, kv_heads) = (config.num_attention_heads, config.num_key_value_heads);
        let dim = config.head_dim;
        let projections = [("q_proj", heads * dim), ("k_proj", kv_heads * dim), ("v_proj", kv_heads * dim)];
        let norms = [format!("{path}.q_norm"), format!("{path}.k_norm")];
        let norms = [(norms[0].as_str(), heads), (norms[1].as_str(), kv_heads)];
        Ok(Self {
            qkv: JoinedLinear::load(weights, path, config.hidden_size, &projections)?,
            head_norm: HeadNorm::load(weights, norms, dim, config.rms_norm_eps)?,
            rope: Rope::new(&config.rope, dim),
            out: Linear::load(weights, &format!("{path}.o_proj"), heads * dim, config.hidden_size)?,
            shape: AttentionShape {
                query_heads: heads as i32,
                kv_heads: kv_heads as i32,
                head_dim: dim as i32,
                scale: (dim as f32).powf(-0.5),
            },
        })
    }

    fn forward(&self, x: &Array, layer: usize, batch: &mut Batch<'_>) -> Result<Array> {
        let (queries_keys, values) = self.project(x)?;
        let attended = batch.attention(layer, &queries_keys, &values, &self.rope, self.shape)?;
        self.out.forward(&attended)
    }

    /// `[rows, hidden]` to normalised queries and keys, `[rows, query heads + kv heads, head_dim]`, and values, `[rows,
    /// kv heads * head_dim]`.
    fn project(&self, x: &Array) -> Result<(Array, Array)> {
        let AttentionShape { query_heads, kv_heads, head_dim, .. } = self.shape;
        let rows = x.dim(0);
        let qkv = self.qkv.forward(x)?;
        let normed = (query_heads + kv_heads) * head_dim;
        let queries_keys = mlx::slice(&qkv, &[0, 0], &[rows, normed])?;
        let values = mlx::slice(&qkv, &[0, normed], &[rows, normed + kv_heads * head_dim])?;
        let queries_keys = queries_keys.reshape(&[rows, query_heads + kv_heads, head_dim])?;
        Ok((self.head_norm.forward(&queries_keys)?, values))
    }
}
