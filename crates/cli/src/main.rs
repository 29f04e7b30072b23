//! The `shorn` command.

mod bench;
mod connect;
mod eval;
mod fit;
mod hub;
mod inspect;
mod kv_arguments;
mod list;
mod progress;
mod pull;
mod rm;
mod run;
mod search;
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
    /// Look for models on the Hugging Face Hub.
    Search(search::Arguments),
    /// Download a model from the Hugging Face Hub.
    Pull(pull::Arguments),
    /// List the models on this disk.
    List(list::Arguments),
    /// Delete a model from this disk.
    Rm(rm::Arguments),
    /// Tell whether a model fits into this machine's memory, and how fast it would be.
    Fit(fit::Arguments),
    /// Show what a model folder holds and what each KV cache setting would cost.
    Inspect(inspect::Arguments),
    /// Measure prefill, decode and memory.
    Bench(bench::Arguments),
    /// Point a coding agent at the server that runs on this machine.
    Connect(connect::Arguments),
    /// Try the model of the running server on coding tasks.
    Eval(eval::Arguments),
    /// Run an agent in its cell, for an eval.
    #[command(hide = true)]
    EvalAgent {
        /// What to do, as JSON.
        what: String,
    },
    /// Load and run one model for a server, over standard input and output.
    #[command(hide = true)]
    Worker,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(arguments) => serve::serve(arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Search(arguments) => search::search(&arguments),
        Command::Pull(arguments) => pull::pull(&arguments),
        Command::List(arguments) => list::list(&arguments),
        Command::Rm(arguments) => rm::rm(&arguments),
        Command::Fit(arguments) => fit::fit(&arguments),
        Command::Inspect(arguments) => inspect::inspect(&arguments),
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::Connect(arguments) => connect::connect(&arguments),
        Command::Eval(arguments) => eval::eval(&arguments),
        Command::EvalAgent { what } => {
            return eval::agent(&what).unwrap_or_else(|error| {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            });
        }
        Command::Worker => worker::work(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            match error.is::<pull::Stopped>() {
                // What shells give for a program that Ctrl-C ended.
                true => ExitCode::from(130),
                false => ExitCode::FAILURE,
            }
        }
    }
}
