//! Models for coding that fit machines of common sizes, known without a network.
//!
//! Only families that the engine has; each entry fits its machines by [`fit`](crate::fit) with at least
//! [`USEFUL_CONTEXT`] tokens, which a test computes. Reasons are facts from the models' cards.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::fit::{GuardLevel, Machine, ModelFacts, ShapeError};
use crate::remote::RepositoryName;

/// Tokens of context that a recommended model has at least, unquantized or in 8 bits.
pub const USEFUL_CONTEXT: u32 = 32_768;

/// A recommended model.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendation {
    /// Its repository on the Hub.
    pub name: RepositoryName,
    /// The smallest machine that it is meant for: memory as it is sold, in gigabytes.
    pub memory_gigabytes: u32,
    /// Why this one.
    pub reason: String,
    /// Bytes to download.
    pub download_bytes: u64,
    /// What an estimate needs to know of it.
    pub facts: ModelFacts,
}

/// The data file's entries. Bytes of weights are those of the tensors, from their shapes: for Qwen3-8B-4bit, whose file
/// could be looked up, that is a hundred kilobytes less than the file.
#[derive(Deserialize)]
struct Entry {
    name: RepositoryName,
    memory_gigabytes: u32,
    reason: String,
    download_bytes: u64,
    weights_bytes: u64,
    /// The values of its `config.json` that matter here.
    config: Map<String, Value>,
}

/// The recommended models, the first choice first.
pub fn recommended() -> &'static [Recommendation] {
    static ALL: LazyLock<Vec<Recommendation>> = LazyLock::new(|| {
        parse(include_str!("recommended.json")).expect("the list is part of the program, and a test reads it")
    });
    &ALL
}

fn parse(list: &str) -> Result<Vec<Recommendation>, ListError> {
    let entries: Vec<Entry> = serde_json::from_str(list)?;
    let recommendation = |entry: Entry| {
        let config = Value::Object(entry.config).to_string();
        Ok(Recommendation {
            name: entry.name,
            memory_gigabytes: entry.memory_gigabytes,
            reason: entry.reason,
            download_bytes: entry.download_bytes,
            facts: ModelFacts::from_config(&config, entry.weights_bytes)?,
        })
    };
    entries.into_iter().map(recommendation).collect()
}

#[derive(Debug, thiserror::Error)]
enum ListError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// A Mac as it is sold, for estimates about machines that one does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypicalMac {
    /// Its memory as it is sold, in gigabytes; of 2^30 bytes each, as everywhere with memory.
    pub memory_gigabytes: u32,
    /// What its GPU recommends using at most, in bytes.
    pub gpu_limit: u64,
}

/// Macs by memory, with what `recommendedMaxWorkingSetSize` was reported to be on them. It differs by a few percent
/// between versions of macOS; these are low ones.
///
/// 16, 24, 48 and 128 GB: reports of users of local models; 32 and 64 GB: logs of llama.cpp on such Macs, which
/// print 22,906.50 and 51,539.61 MB.
pub const TYPICAL_MACS: [TypicalMac; 6] = [
    TypicalMac { memory_gigabytes: 16, gpu_limit: 11_800_000_000 },
    TypicalMac { memory_gigabytes: 24, gpu_limit: 19_112_604_467 },
    TypicalMac { memory_gigabytes: 32, gpu_limit: 22_906_500_000 },
    TypicalMac { memory_gigabytes: 48, gpu_limit: 37_400_000_000 },
    TypicalMac { memory_gigabytes: 64, gpu_limit: 51_539_610_000 },
    TypicalMac { memory_gigabytes: 128, gpu_limit: 115_427_246_080 },
];

impl TypicalMac {
    /// Its memory with nothing else in it, and the default share left to the system.
    pub fn machine(&self) -> Machine {
        let total = u64::from(self.memory_gigabytes) << 30;
        Machine {
            total,
            gpu_limit: Some(self.gpu_limit),
            available: None,
            ours: 0,
            reserve: GuardLevel::default().reserve(total),
            chosen: None,
        }
    }
}

#[cfg(test)]
mod tests;
