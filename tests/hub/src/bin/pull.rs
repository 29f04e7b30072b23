//! Downloads one model in a process of its own, which tests kill and measure.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use shorn_hub::download::{DownloadState, Downloads, Timing};
use shorn_hub::remote::{Hub, HubSource, RepositoryName};

/// Prints each state as a line of JSON; ends well when the model is ready.
#[derive(Parser)]
struct Arguments {
    /// The Hub's address.
    endpoint: String,
    /// The Hugging Face cache.
    cache: PathBuf,
    /// The file of the queue. What is in it goes on, too.
    queue: PathBuf,
    /// The model.
    name: RepositoryName,
    /// Milliseconds before the first new try; before later ones up to eight times as many.
    #[arg(long)]
    first_pause: Option<u64>,
    /// When the model is ready, wait for the end of standard input, so that one can look at this process.
    #[arg(long)]
    linger: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let mut timing = Timing::default();
    if let Some(milliseconds) = arguments.first_pause {
        timing.first_pause = Duration::from_millis(milliseconds);
        timing.longest_pause = timing.first_pause * 8;
    }
    let hub = Hub::new(HubSource::at(&arguments.endpoint)?);
    let downloads = Downloads::start_with(hub, arguments.cache, arguments.queue, timing);
    let mut watch = downloads.watch();
    downloads.add(arguments.name.clone());
    loop {
        watch.changed().await?;
        let all = watch.borrow_and_update().clone();
        let Some(download) = all.iter().find(|download| download.name == arguments.name) else { continue };
        println!("{}", serde_json::to_string(download)?);
        match download.state {
            DownloadState::Ready { .. } => {
                if arguments.linger {
                    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
                }
                return Ok(ExitCode::SUCCESS);
            }
            DownloadState::Failed { .. } => return Ok(ExitCode::FAILURE),
            _ => {}
        }
    }
}
