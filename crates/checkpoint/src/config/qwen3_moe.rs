use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Qwen3Config, check_size, parse_fields};
use crate::CheckpointError;

/// Qwen3 with experts in place of the MLP in some or all layers.
#[derive(Debug, Clone)]
pub struct Qwen3MoeConfig {
    /// What it shares with the dense family.
    pub decoder: Qwen3Config,
    /// The experts.
    pub experts: ExpertsConfig,
    /// For each layer, whether it has experts rather than an MLP.
    pub has_experts: Vec<bool>,
}

/// The mixture of experts of one layer. Names are those of the file.
#[derive(Debug, Clone)]
pub struct ExpertsConfig {
    /// Number of experts.
    pub num_experts: u32,
    /// Experts that see a token.
    pub num_experts_per_tok: u32,
    /// Width of one expert.
    pub moe_intermediate_size: u32,
    /// Whether the weights of the chosen experts are scaled to sum to one.
    pub norm_topk_prob: bool,
}

#[derive(Deserialize)]
struct Fields {
    num_experts: u32,
    num_experts_per_tok: u32,
    moe_intermediate_size: u32,
    #[serde(default)]
    norm_topk_prob: bool,
    #[serde(default = "one")]
    decoder_sparse_step: u32,
    #[serde(default)]
    mlp_only_layers: Vec<u32>,
}

fn one() -> u32 {
    1
}

impl Qwen3MoeConfig {
    pub(super) fn parse(path: &Path, object: &Map<String, Value>) -> Result<Self, CheckpointError> {
        let decoder = Qwen3Config::parse(path, object)?;
        let fields: Fields = parse_fields(path, object)?;
        for (field, size) in [
            ("num_experts", fields.num_experts),
            ("num_experts_per_tok", fields.num_experts_per_tok),
            ("moe_intermediate_size", fields.moe_intermediate_size),
            ("decoder_sparse_step", fields.decoder_sparse_step),
        ] {
            check_size(path, field, size)?;
        }
        if fields.num_experts_per_tok > fields.num_experts {
            let problem =
                format!("{} exceeds num_experts {}", fields.num_experts_per_tok, fields.num_experts);
            return Err(CheckpointError::field(path, "num_experts_per_tok", &problem));
        }
        let has_experts = (0..decoder.num_hidden_layers)
            .map(|layer| {
                (layer + 1).is_multiple_of(fields.decoder_sparse_step)
                    && !fields.mlp_only_layers.contains(&layer)
            })
            .collect();
        let experts = ExpertsConfig {
            num_experts: fields.num_experts,
            num_experts_per_tok: fields.num_experts_per_tok,
            moe_intermediate_size: fields.moe_intermediate_size,
            norm_topk_prob: fields.norm_topk_prob,
        };
        Ok(Self { decoder, experts, has_experts })
    }
}
