//! `cargo xtask`: build chores that would otherwise be shell scripts.

mod bundle;
mod cache;
mod fit_table;
mod fixtures;
mod front_end;
mod fuzz;
mod icons;
mod licences;
mod measure;
#[cfg(target_os = "linux")]
mod mlx;
mod npm;
mod process;
mod workflows;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build chores of this workspace")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Make MLX available to Cargo (Linux; on macOS mlx-sys builds it).
    Mlx {
        /// Which prebuilt MLX to use.
        #[cfg(target_os = "linux")]
        #[arg(long, value_enum, default_value = "cpu")]
        backend: mlx::Backend,
        /// Also copy what an executable in DIR/bin needs at run time into DIR, as one relocatable folder.
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
    /// Build and start the app: what `npm start` runs.
    Start {
        /// Only the server, without the app; so it is where there is no display.
        #[arg(long)]
        server: bool,
        /// Options of `shorn-app`, or of `shorn serve`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Check everything that is right or wrong: what `npm test` runs.
    Test,
    /// Build the packages that people install: what `npm run build` runs.
    Bundle {
        /// Check the packages that were built: start them where nothing of this checkout can be found.
        #[arg(long)]
        check: bool,
    },
    /// Make the committed pictures in `icons` anew from their SVG sources: what `npm run icons` runs.
    Icons,
    /// Write THIRD_PARTY.md: the licences of all that the packages carry.
    Licences {
        /// Only compare it with the lock files.
        #[arg(long)]
        check: bool,
    },
    /// Write the window's types, `ui/src/backend/types.ts`, anew from those of Rust.
    Types,
    /// Write docs/fit.md, what each recommended model takes, anew.
    FitTable {
        /// Only compare it with the arithmetic.
        #[arg(long)]
        check: bool,
    },
    /// Fuzz the output parsers, each format for some seconds: what `npm test` does for 20.
    Fuzz {
        /// Seconds for each format.
        #[arg(long, default_value_t = fuzz::IN_TESTS)]
        seconds: u64,
    },
    /// Check the workflows in .github.
    Workflows,
    /// Take pictures of every view of the running app, light and dark, into `docs/images`.
    Screenshots,
    /// Make the committed checkpoints anew, with mlx-lm.
    Fixtures,
    /// Measure speed, memory and long loops, into docs/measurements.
    Measure {
        /// Which measurements; all when none is named.
        names: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    match task {
        #[cfg(target_os = "linux")]
        Task::Mlx { backend, into } => {
            let folder = mlx::install(&workspace, backend)?;
            if let Some(into) = into {
                mlx::copy_into(&folder, &into)?;
            }
        }
        #[cfg(not(target_os = "linux"))]
        Task::Mlx { .. } => eprintln!("nothing to do: on this platform mlx-sys builds MLX itself"),
        Task::Start { server, options } => return npm::start(&workspace, server, &options),
        Task::Test => npm::test(&workspace)?,
        Task::Bundle { check: false } => bundle::bundle(&workspace)?,
        Task::Bundle { check: true } => bundle::check_package(&workspace)?,
        Task::Icons => icons::make(&workspace)?,
        Task::Licences { check } => licences::licences(&workspace, check)?,
        Task::Types => npm::types()?,
        Task::Screenshots => npm::screenshots(&workspace)?,
        Task::FitTable { check } => fit_table::fit_table(check)?,
        Task::Fuzz { seconds } => {
            fuzz::fuzz(&workspace, seconds)?;
        }
        Task::Workflows => workflows::lint(&workspace)?,
        Task::Fixtures => fixtures::make(&workspace)?,
        Task::Measure { names } => measure::measure(&workspace, &names)?,
    }
    Ok(ExitCode::SUCCESS)
}
