//! The `shorn` command.

mod bench;
mod connect;
mod inspect;
mod kv_arguments;
mod progress;
mod run;
mod serve;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "shorn",
    version,
    about = "Runs coding models on this machine and serves them to coding agents"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a model over an OpenAI-compatible API on this machine.
    Serve(serve::Arguments),
    /// Answer one prompt in the terminal.
    Run(run::Arguments),
    /// Show what a model folder holds and what each KV cache setting would cost.
    Inspect(inspect::Arguments),
    /// Measure prefill, decode and memory.
    Bench(bench::Arguments),
    /// Point a coding agent at the server that runs on this machine.
    Connect(connect::Arguments),
    /// Load and run one model for a server, over standard input and output.
    #[command(hide = true)]
    Worker,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(arguments) => serve::serve(arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Inspect(arguments) => inspect::inspect(&arguments),
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::Connect(arguments) => connect::connect(&arguments),
        Command::Worker => worker::work(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
