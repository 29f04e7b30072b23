//! `shorn pull`: downloads a model from the Hub into the Hugging Face cache.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use shorn_hub::download::{Download, DownloadState, Downloads};
use shorn_hub::remote::RepositoryName;
use shorn_runtime::in_bytes;

use crate::hub::{block_on, folders, hub, say_if_token_was_refused};
use crate::serve::stop_signal;

#[derive(clap::Args)]
pub struct Arguments {
    /// The model, as ORG/NAME, or the address of its page.
    #[arg(value_name = "ORG/NAME")]
    name: RepositoryName,
}

/// The person stopped it.
#[derive(Debug, thiserror::Error)]
#[error("stopped: what has arrived ({}) is kept, and `shorn pull {name}` goes on from there", in_bytes(*.done))]
pub struct Stopped {
    name: RepositoryName,
    done: u64,
}

/// Downloads until the model is whole, or until it is stopped.
pub fn pull(arguments: &Arguments) -> Result<()> {
    let directory = block_on(download(&arguments.name))?;
    println!("{} is ready in {}", arguments.name, directory.display());
    Ok(())
}

async fn download(name: &RepositoryName) -> Result<PathBuf> {
    let hub = hub()?;
    // A queue of its own, which ends with the command: the cache itself says what is there already.
    let queue = tempfile::tempdir().context("no folder for temporary files")?;
    let downloads = Downloads::start(hub.clone(), folders()?.hugging_face, queue.path().join("queue.json"));
    downloads.add(name.clone());
    let bar = bar();
    let outcome = tokio::select! {
        outcome = watch(&downloads, name, &bar) => outcome,
        () = stop_signal() => {
            downloads.stop().await;
            let done = downloads.watch().borrow().iter().find(|one| one.name == *name).map_or(0, |one| one.done);
            Err(Stopped { name: name.clone(), done }.into())
        }
    };
    bar.finish_and_clear();
    say_if_token_was_refused(&hub);
    outcome
}

/// Shows how it goes, until it ends.
async fn watch(downloads: &Downloads, name: &RepositoryName, bar: &ProgressBar) -> Result<PathBuf> {
    let mut all = downloads.watch();
    let mut announced = false;
    loop {
        let download = all.borrow_and_update().iter().find(|one| one.name == *name).cloned();
        if let Some(download) = download {
            match &download.state {
                DownloadState::Ready { directory } => return Ok(directory.clone()),
                DownloadState::Failed { problem } => bail!("{problem}"),
                DownloadState::Queued
                | DownloadState::Preparing
                | DownloadState::Downloading
                | DownloadState::Paused => {}
            }
            if let (false, Some(bytes)) = (announced, download.bytes) {
                let files = download.files.len();
                bar.suspend(|| eprintln!("{name}: {} in {files} files", in_bytes(bytes)));
                announced = true;
            }
            show(&download, bar);
        }
        all.changed().await.context("the download ended without an outcome")?;
    }
}

/// On standard error; nothing when that is no terminal.
fn bar() -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:40} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    bar.set_style(style);
    bar
}

fn show(download: &Download, bar: &ProgressBar) {
    bar.set_length(download.bytes.unwrap_or(0));
    bar.set_position(download.done);
    bar.set_message(in_words(download));
}

fn in_words(download: &Download) -> String {
    let Some(bytes) = download.bytes else { return "asking the Hub for its files".to_owned() };
    let mut words = format!("{} of {}", in_bytes(download.done), in_bytes(bytes));
    if let Some(retrying) = &download.retrying {
        return format!("{words}, again in {} s: {}", retrying.seconds, retrying.why);
    }
    if let Some(speed) = download.bytes_per_second {
        words.push_str(&format!(", {}/s", in_bytes(speed as u64)));
    }
    if let Some(seconds) = download.seconds_left {
        words.push_str(&format!(", {} left", duration(seconds)));
    }
    words
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use shorn_hub::download::Retrying;

    use super::*;

    fn download() -> Download {
        Download {
            name: "org/name".parse().unwrap(),
            commit: None,
            state: DownloadState::Downloading,
            files: Vec::new(),
            bytes: Some(4_000_000_000),
            done: 1_000_000_000,
            bytes_per_second: Some(50e6),
            seconds_left: Some(61),
            retrying: None,
        }
    }

    #[test]
    fn progress_says_how_much_how_fast_and_how_long() {
        assert_eq!(in_words(&download()), "1.00 GB of 4.00 GB, 50.0 MB/s, 2 min left");
    }

    #[test]
    fn a_pause_says_why_and_until_when() {
        let retrying = Some(Retrying { why: "the network is away".to_owned(), seconds: 8 });
        let waiting = Download { retrying, bytes_per_second: None, seconds_left: None, ..download() };
        assert_eq!(in_words(&waiting), "1.00 GB of 4.00 GB, again in 8 s: the network is away");
    }
}
