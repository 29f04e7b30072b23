//! The layers of each family, as mlx-lm's models of the same name build them.

use serde_json::{Map, Value};

use super::fields::Fields;
use super::{FeedForward, Heads, Layer, LayerKind, ModelShape, PerLayerEmbedding, ShapeError};

/// The families whose layers are known, by `model_type`.
const FAMILIES: [&str; 20] = [
    "deepseek_v3",
    "gemma3",
    "gemma3_text",
    "gemma4",
    "gemma4_text",
    "glm4_moe",
    "glm4_moe_lite",
    "gpt_oss",
    "llama",
    "minimax_m2",
    "ministral3",
    "mistral",
    "mistral3",
    "qwen2",
    "qwen3",
    "qwen3_5",
    "qwen3_5_moe",
    "qwen3_5_text",
    "qwen3_moe",
    "qwen3_next",
];

/// What a family's configuration class fills in where the file leaves it out.
#[derive(Default)]
struct Defaults {
    tied_embedding: bool,
    vocab_size: Option<u32>,
    context_length: Option<u32>,
}

pub(super) fn shape(config: &Map<String, Value>) -> Result<ModelShape, ShapeError> {
    let family = config.get("model_type").and_then(Value::as_str);
    let family = family.ok_or_else(|| ShapeError::field("model_type", "must be a string"))?;
    let fields = Fields::of(config);
    let mut defaults = Defaults::default();
    let layers = match family {
        "llama" | "ministral3" | "mistral" | "mistral3" | "qwen2" | "qwen3" => dense(&fields)?,
        "qwen3_moe" => qwen3_moe(&fields)?,
        "qwen3_next" | "qwen3_5" | "qwen3_5_moe" | "qwen3_5_text" => hybrid_qwen(&fields)?,
        "gemma3" | "gemma3_text" => {
            // transformers' Gemma3TextConfig; the files of the larger models leave these out.
            defaults =
                Defaults { tied_embedding: true, vocab_size: Some(262_208), context_length: Some(131_072) };
            gemma3(&fields)?
        }
        "gemma4" | "gemma4_text" => {
            defaults.tied_embedding = true;
            gemma4(&fields)?
        }
        "gpt_oss" => gpt_oss(&fields)?,
        "glm4_moe" => grouped_experts(&fields, LayerKind::Attention(fields.heads_as_stated()?))?,
        "glm4_moe_lite" | "deepseek_v3" => grouped_experts(&fields, LayerKind::Latent(fields.latent()?))?,
        "minimax_m2" => minimax_m2(&fields)?,
        _ => {
            let (model_type, known) = (family.to_owned(), FAMILIES.join(", "));
            return Err(ShapeError::UnknownFamily { model_type, known });
        }
    };
    let per_layer_embedding = match family {
        "gemma4" | "gemma4_text" => per_layer_embedding(&fields)?,
        _ => None,
    };
    Ok(ModelShape {
        family: family.to_owned(),
        hidden_size: fields.size("hidden_size")?,
        vocab_size: fields.vocab_size(defaults.vocab_size)?,
        tied_embedding: fields.tied_embedding(defaults.tied_embedding)?,
        context_length: fields.context_length(defaults.context_length)?,
        activation_bytes: fields.activation_bytes(),
        per_layer_embedding,
        layers,
    })
}

/// Layers that differ by their index alone.
fn layers(
    fields: &Fields,
    mut layer: impl FnMut(u32) -> Result<Layer, ShapeError>,
) -> Result<Vec<Layer>, ShapeError> {
    (0..fields.layer_count()?).map(&mut layer).collect()
}

/// Full or sliding attention by the layer's name in `layer_types`; full where the file lists none.
fn attention(
    fields: &Fields,
    types: Option<&[&str]>,
    index: u32,
    heads: Heads,
) -> Result<LayerKind, ShapeError> {
    match types.map(|types| types[index as usize]) {
        None | Some("full_attention") => Ok(LayerKind::Attention(heads)),
        Some("sliding_attention") => Ok(LayerKind::Sliding { heads, window: fields.size("sliding_window")? }),
        Some(other) => Err(unknown_layer(fields, other)),
    }
}

fn unknown_layer(fields: &Fields, name: &str) -> ShapeError {
    fields.wrong("layer_types", format!("what a layer of type `{name}` keeps in this family is not known"))
}

/// Attention and a gated MLP. A `sliding_window` alone means nothing: only layers that `layer_types` names slide.
fn dense(fields: &Fields) -> Result<Vec<Layer>, ShapeError> {
    let (heads, types) = (fields.heads()?, fields.layer_types()?);
    let feed_forward = FeedForward::dense(fields.size("intermediate_size")?);
    layers(fields, |index| {
        Ok(Layer { kind: attention(fields, types.as_deref(), index, heads)?, feed_forward })
    })
}

/// Whether a layer has experts, in the Qwen families.
fn sparse_layers(fields: &Fields) -> Result<impl Fn(u32) -> bool, ShapeError> {
    let step = fields.optional("decoder_sparse_step")?.unwrap_or(1);
    let mlp_only = fields.indices("mlp_only_layers")?;
    Ok(move |index: u32| (index + 1).is_multiple_of(step) && !mlp_only.contains(&index))
}

fn qwen3_moe(fields: &Fields) -> Result<Vec<Layer>, ShapeError> {
    let (kind, sparse) = (LayerKind::Attention(fields.heads()?), sparse_layers(fields)?);
    let experts = fields.experts("num_experts", "num_experts_per_tok", "moe_intermediate_size")?;
    let dense = FeedForward::dense(fields.size("intermediate_size")?);
    layers(fields, |index| {
        let feed_forward = if sparse(index) { FeedForward::sparse(experts) } else { dense };
        Ok(Layer { kind, feed_forward })
    })
}

/// Qwen3-Next and Qwen3.5: gated delta nets with gated attention in between, with or without experts.
fn hybrid_qwen(fields: &Fields) -> Result<Vec<Layer>, ShapeError> {
    let heads = Heads { gated: true, ..fields.heads_as_stated()? };
    let (net, types, sparse) = (fields.delta_net()?, fields.layer_types()?, sparse_layers(fields)?);
    let interval = match types {
        Some(_) => 1,
        None => fields.size("full_attention_interval")?,
    };
    let experts = match fields.number_or("num_experts", Some(0))? {
        Some(0) | None => None,
        Some(_) => Some(FeedForward {
            width: fields.number("shared_expert_intermediate_size")?,
            experts: Some(fields.experts("num_experts", "num_experts_per_tok", "moe_intermediate_size")?),
        }),
    };
    let dense = || Ok(FeedForward::dense(fields.size("intermediate_size")?));
    layers(fields, |index| {
        let kind = match types.as_ref().map(|types| types[index as usize]) {
            Some("linear_attention") => LayerKind::Recurrent(net),
            Some("full_attention") => LayerKind::Attention(heads),
            Some(other) => return Err(unknown_layer(fields, other)),
            None if (index + 1).is_multiple_of(interval) => LayerKind::Attention(heads),
            None => LayerKind::Recurrent(net),
        };
        let feed_forward = experts.filter(|_| sparse(index)).map_or_else(dense, Ok)?;
        Ok(Layer { kind, feed_forward })
    })
}

fn gemma3(fields: &Fields) -> Result<Vec<Layer>, ShapeError> {
    // Again transformers' Gemma3TextConfig, whose defaults the files leave out.
    let query_heads = fields.optional("num_attention_heads")?.unwrap_or(8);
    let kv_heads = fields.optional("num_key_value_heads")?.unwrap_or(4);
    let heads = Heads::new(query_heads, kv_heads, fields.optional("head_dim")?.unwrap_or(256));
    let pattern = match fields.optional("sliding_window_pattern")? {
        Some(pattern) => pattern,
        None => fields.optional("_sliding_window_pattern")?.unwrap_or(6),
    };
    let window = fields.size("sliding_window")?;
    let types = fields.layer_types()?;
    let feed_forward = FeedForward::dense(fields.size("intermediate_size")?);
    layers(fields, |index| {
        let kind = match &types {
            Some(types) => attention(fields, Some(types), index, heads)?,
            None if (index + 1).is_multiple_of(pattern) => LayerKind::Attention(heads),
            None => LayerKind::Sliding { heads, window },
        };
        Ok(Layer { kind, feed_forward })
    })
}

fn gemma4(fields: &Fields) -> Result<Vec<Layer>, ShapeError> {
    let local = fields.heads_as_stated()?;
    let values_from_keys = fields.flag("attention_k_eq_v")?.unwrap_or(false);
    let kv_heads = match fields.optional("num_global_key_value_heads")? {
        Some(heads) if values_from_keys => heads,
        _ => local.kv_heads,
    };
    let head_dim = fields.optional("global_head_dim")?.unwrap_or(local.head_dim);
    let global = Heads { kv_heads, head_dim, values_from_keys, ..local };
    let types = fields.layer_types()?.ok_or_else(|| fields.wrong("layer_types", "is missing"))?;
    let (count, borrowing) = (fields.layer_count()?, fields.number("num_kv_shared_layers")?);
    // The first layer that borrows; none does when all would.
    let first_borrowing = count.checked_sub(borrowing).filter(|&first| first > 0).unwrap_or(count);
    let double = first_borrowing < count && fields.flag("use_double_wide_mlp")?.unwrap_or(true);
    let width = fields.size("intermediate_size")?;
    let experts = match fields.flag("enable_moe_block")? {
        Some(true) => Some(fields.experts("num_experts", "top_k_experts", "moe_intermediate_size")?),
        _ => None,
    };
    layers(fields, |index| {
        let is_global = types[index as usize] == "full_attention";
        let heads = if is_global { global } else { local };
        let borrows = index >= first_borrowing;
        let kind = match attention(fields, Some(&types), index, heads)? {
            _ if borrows => LayerKind::Borrowing(heads),
            kind => kind,
        };
        let width = if borrows && double { width * 2 } else { width };
        Ok(Layer { kind, feed_forward: FeedForward { width, experts } })
    })
}

fn per_layer_embedding(fields: &Fields) -> Result<Option<PerLayerEmbedding>, ShapeError> {
    let width = fields.number("hidden_size_per_layer_input")?;
    if width == 0 {
        return Ok(None);
    }
    Ok(Some(PerLayerEmbedding { vocab_size: fields.size("vocab_size_per_layer_input")?, width }))
}

fn gpt_oss(fields: &Fields) -> Result<Vec<Layer>, ShapeError> {
    let heads = fields.heads_as_stated()?;
    let types = fields.layer_types()?.ok_or_else(|| fields.wrong("layer_types", "is missing"))?;
    let experts = fields.experts("num_local_experts", "num_experts_per_tok", "intermediate_size")?;
    layers(fields, |index| {
        let kind = attention(fields, Some(&types), index, heads)?;
        Ok(Layer { kind, feed_forward: FeedForward::sparse(experts) })
    })
}

/// GLM and DeepSeek: the first layers have an MLP, the others experts with shared ones beside them.
fn grouped_experts(fields: &Fields, kind: LayerKind) -> Result<Vec<Layer>, ShapeError> {
    let experts = fields.experts("n_routed_experts", "num_experts_per_tok", "moe_intermediate_size")?;
    let shared = fields.number_or("n_shared_experts", Some(0))?.unwrap_or(0);
    let width = shared.checked_mul(experts.width);
    let width = width.ok_or_else(|| fields.wrong("n_shared_experts", format!("cannot be {shared}")))?;
    let sparse = FeedForward { width, experts: Some(experts) };
    let dense = FeedForward::dense(fields.size("intermediate_size")?);
    let first_sparse = fields.number("first_k_dense_replace")?;
    let frequency = fields.optional("moe_layer_freq")?.unwrap_or(1);
    layers(fields, |index| {
        let is_sparse = index >= first_sparse && index.is_multiple_of(frequency);
        Ok(Layer { kind, feed_forward: if is_sparse { sparse } else { dense } })
    })
}

fn minimax_m2(fields: &Fields) -> Result<Vec<Layer>, ShapeError> {
    let experts = fields.experts("num_local_experts", "num_experts_per_tok", "intermediate_size")?;
    let feed_forward = FeedForward {
        width: fields.number_or("shared_intermediate_size", Some(0))?.unwrap_or(0),
        experts: Some(experts),
    };
    let kind = LayerKind::Attention(fields.heads_as_stated()?);
    layers(fields, |_| Ok(Layer { kind, feed_forward }))
}
