//! The menu-bar app: a shell around [`shorn_desktop::Desktop`].

mod app;
mod commands;
mod notifications;
mod platform;
mod tray;
mod window;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;

/// Shorn runs coding models on this machine and serves them to coding agents.
#[derive(Debug, Clone, Parser)]
#[command(name = "shorn-app", version)]
pub struct Arguments {
    /// Start without a window; the icon in the menu bar opens one. What launch at login does.
    #[arg(long)]
    hidden: bool,
    /// Do without an icon in the menu bar: closing the window quits.
    #[arg(long)]
    no_tray: bool,
    /// The `shorn` executable; the one beside this one when not given.
    #[arg(long, value_name = "PROGRAM")]
    worker: Option<PathBuf>,
}

fn main() -> ExitCode {
    match Arguments::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    fn run(self) -> Result<()> {
        if !platform::has_display() {
            bail!("there is no display to open a window on; `shorn serve` serves without one");
        }
        let worker = self.worker()?;
        app::run(self, worker)
    }

    /// The executable that serves as worker.
    fn worker(&self) -> Result<PathBuf> {
        let beside = || -> Result<PathBuf> { Ok(std::env::current_exe()?.with_file_name("shorn")) };
        let worker = self.worker.clone().map_or_else(beside, Ok)?;
        if !worker.is_file() {
            bail!("there is no {}; build it with `cargo build --package shorn-cli`", worker.display());
        }
        worker.canonicalize().with_context(|| format!("cannot use {}", worker.display()))
    }
}
