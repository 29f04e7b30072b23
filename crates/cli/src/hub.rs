//! The Hub and this machine, as the commands about models see them.

use std::future::Future;
use std::path::PathBuf;

use anyhow::{Context, Result};
use shorn_hub::fit::{GuardLevel, Machine, MemoryBandwidth, apple_chip, apple_chip_bandwidth};
use shorn_hub::library::Folders;
use shorn_hub::remote::Hub;
use shorn_runtime::{Runtime, WorkerCommand, chip_name, data_directory};

use crate::serve::model_folders;

/// The Hub that the environment names.
pub fn hub() -> Result<Hub> {
    let home: PathBuf = std::env::home_dir().context("HOME is not set")?;
    Ok(Hub::from_environment(&home, |name| std::env::var_os(name)))
}

/// Says that the Hub did not take the token, if so.
pub fn say_if_token_was_refused(hub: &Hub) {
    if hub.token_refused() {
        eprintln!(
            "note: the Hub refused the token and was asked without it; `hf auth login` makes a new one"
        );
    }
}

/// Where models are on this disk. The embedded one is part of Shorn and left out.
pub fn folders() -> Result<Folders> {
    model_folders(&data_directory()?)
}

/// Runs what has to wait for the network.
pub fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future)
}

/// This machine's memory now, for a model beside all that runs; `None` where the system does not tell. Needs a tokio
/// runtime.
pub fn machine() -> Result<Option<Machine>> {
    let runtime = Runtime::start(WorkerCommand::this_executable()?);
    Ok(runtime.now().system.map(|memory| Machine {
        total: memory.total,
        gpu_limit: memory.gpu_limit,
        available: Some(memory.available),
        ours: 0,
        reserve: GuardLevel::default().reserve(memory.total),
        chosen: None,
    }))
}

/// The processor and the bandwidth of its memory, where that is known.
pub fn bandwidth() -> Option<(&'static str, MemoryBandwidth)> {
    let brand = chip_name()?;
    Some((apple_chip(&brand)?, apple_chip_bandwidth(&brand)?))
}

/// Tokens in thousands of 1,024, as people say them.
pub fn in_tokens(tokens: u32) -> String {
    if tokens >= 1024 { format!("{}K", tokens / 1024) } else { tokens.to_string() }
}
