//! `shorn eval`: tries the model of the server that runs now with a coding agent.

mod table;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use shorn_agents::eval::{
    Agent, Eval, EvalHistory, EvalProgress, EvalRun, ModelServer, PiProgram, Python, RunEnd, Sandbox, Task,
};
use shorn_checkpoint::{KvBits, KvCache, KvGroupSize, KvQuantization};
use shorn_runtime::data_directory;
use tokio::sync::watch;

use crate::serve::stop_signal;

/// Lets an agent work on small coding tasks, and hidden tests decide whether it did them.
#[derive(clap::Args)]
pub struct Arguments {
    /// The tasks, by name; all of them when none is given.
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    task: Vec<String>,
    /// A folder of other tasks.
    #[arg(long, value_name = "DIR")]
    tasks: Option<PathBuf>,
    /// List the tasks and do nothing.
    #[arg(long)]
    list: bool,
    /// Let nobody work: tell whether each task's reference solution passes and doing nothing fails.
    #[arg(long)]
    check: bool,
    /// Who works.
    #[arg(long, value_enum, default_value_t = AgentArgument::BuiltIn)]
    agent: AgentArgument,
    /// Pi's program or script, when it is not the command `pi`.
    #[arg(long, value_name = "FILE")]
    pi: Option<PathBuf>,
    /// Another agent: a program that takes the prompt as its argument and finds the model in OPENAI_BASE_URL,
    /// OPENAI_API_KEY and OPENAI_MODEL.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["agent", "pi"])]
    program: Option<PathBuf>,
    /// Run all tasks with each of these KV caches: 16 (unquantized), 8, 6, 4, 3, 2, or keys and values apart as in k8v4.
    /// With the one that the model was loaded with when not given.
    #[arg(long, value_name = "BITS", value_delimiter = ',', value_parser = kv)]
    kv: Vec<KvCache>,
    /// Elements that share a scale in a quantized KV cache.
    #[arg(long, value_name = "SIZE", value_parser = group_size, default_value = "64")]
    kv_group_size: u32,
    /// The sampling temperature, or `model` for the model's own.
    #[arg(long, default_value = "0", value_parser = temperature)]
    temperature: Temperature,
    /// The port of the server.
    #[arg(long, default_value_t = 1234)]
    port: u16,
    /// A Python 3 that has pytest.
    #[arg(long, value_name = "FILE", default_value = "python3", env = "SHORN_EVAL_PYTHON")]
    python: PathBuf,
    /// Confine nothing: the agent can then read and write all of your files and reach every network. For containers and
    /// machines that hold nothing of worth.
    #[arg(long)]
    unconfined: bool,
    /// Print the run as JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Show past runs and do nothing.
    #[arg(long)]
    past: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum AgentArgument {
    /// Shorn's own, which needs nothing installed.
    BuiltIn,
    /// Pi in print mode.
    Pi,
}

/// A temperature, or the model's own.
#[derive(Clone, Copy)]
struct Temperature(Option<f64>);

/// Runs the eval, or lists tasks or past runs.
pub fn eval(arguments: &Arguments) -> Result<()> {
    let tasks = match &arguments.tasks {
        Some(folder) => Task::read_all(folder)?,
        None => Task::shipped(),
    };
    let tasks = Task::choose(tasks, &arguments.task)?;
    let history = EvalHistory::new(&data_directory()?);
    if arguments.list {
        println!("{}", table::of_tasks(&tasks));
        return Ok(());
    }
    if arguments.past {
        let runs = history.runs()?;
        return show(arguments.json, &runs, || table::of_runs(&runs));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if arguments.check {
        return runtime.block_on(check(arguments, &tasks));
    }
    let run = runtime.block_on(run(arguments, tasks))?;
    let path = history.keep(&run)?;
    show(arguments.json, &run, || table::of_run(&run))?;
    eprintln!("kept in {}", path.display());
    match run.end {
        Some(RunEnd::Failed { why }) => bail!("{why}"),
        Some(RunEnd::Cancelled) => bail!("stopped"),
        _ => Ok(()),
    }
}

/// Runs, as an agent in its cell, what the argument says.
pub fn agent(what: &str) -> Result<std::process::ExitCode> {
    shorn_agents::eval::run_inside(what)
}

fn show<T: serde::Serialize>(json: bool, value: &T, table: impl FnOnce() -> String) -> Result<()> {
    println!("{}", if json { serde_json::to_string_pretty(value)? } else { table() });
    Ok(())
}

async fn check(arguments: &Arguments, tasks: &[Task]) -> Result<()> {
    let (sandbox, python) = (arguments.sandbox()?, Python::find(&arguments.python)?);
    let mut checks = Vec::new();
    for task in tasks {
        checks.push(shorn_agents::eval::check(task, sandbox, &python).await?);
    }
    show(arguments.json, &checks, || table::of_checks(&checks))?;
    let unsound = checks.iter().filter(|check| !check.is_sound()).count();
    if unsound == 0 { Ok(()) } else { bail!("{unsound} of {} tasks are not as they must be", checks.len()) }
}

async fn run(arguments: &Arguments, tasks: Vec<Task>) -> Result<EvalRun> {
    let sandbox = arguments.sandbox()?;
    let python = Python::find(&arguments.python)?;
    let agent = arguments.agent()?;
    let api_key = std::env::var("SHORN_API_KEY").ok().filter(|key| !key.is_empty());
    let server = ModelServer::at(format!("http://127.0.0.1:{}/v1", arguments.port), api_key).await?;
    let eval = Eval {
        server,
        agent,
        tasks,
        kv: arguments.kv()?,
        temperature: arguments.temperature.0,
        sandbox,
        python,
        shorn: std::env::current_exe().context("the path of this executable is not known")?,
    };
    let progress = eval.begin();
    let shown = tokio::spawn(show_progress(progress.subscribe()));
    let run = eval.run(&progress, stop_signal()).await;
    drop(progress);
    shown.await?;
    Ok(run)
}

impl Arguments {
    fn sandbox(&self) -> Result<Sandbox> {
        Ok(if self.unconfined { Sandbox::Unconfined } else { Sandbox::find()? })
    }

    fn agent(&self) -> Result<Agent> {
        if let Some(program) = &self.program {
            let program = program.canonicalize().with_context(|| format!("{}", program.display()))?;
            return Ok(Agent::Other { program, arguments: Vec::new() });
        }
        match self.agent {
            AgentArgument::BuiltIn if self.pi.is_none() => Ok(Agent::BuiltIn),
            _ => {
                let path: OsString = std::env::var_os("PATH").unwrap_or_default();
                Ok(Agent::Pi(PiProgram::find(self.pi.as_deref(), &path)?))
            }
        }
    }

    /// The KV caches with the group size that was chosen.
    fn kv(&self) -> Result<Vec<KvCache>> {
        let group_size = KvGroupSize::try_from(self.kv_group_size).map_err(anyhow::Error::msg)?;
        let with_group_size = |kv: &KvCache| match *kv {
            KvCache::Dense => KvCache::Dense,
            KvCache::Quantized(kv) => KvCache::Quantized(KvQuantization { group_size, ..kv }),
        };
        Ok(self.kv.iter().map(with_group_size).collect())
    }
}

/// One line on a terminal for what is being done, and one for each task that is done.
async fn show_progress(mut progress: watch::Receiver<EvalProgress>) {
    let bar = ProgressBar::new_spinner();
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.set_style(ProgressStyle::default_spinner());
    let mut shown = 0;
    loop {
        let EvalProgress { run, current } = progress.borrow_and_update().clone();
        let done =
            || run.settings.iter().flat_map(|setting| setting.tasks.iter().map(move |task| (setting, task)));
        for (setting, task) in done().skip(shown) {
            bar.suspend(|| eprintln!("{}", table::line(setting, task)));
        }
        shown = done().count();
        if let Some(current) = current {
            bar.set_message(format!(
                "{}: turn {} with a KV cache {}",
                current.task, current.turns, current.kv
            ));
            bar.tick();
        }
        if run.end.is_some() || progress.changed().await.is_err() {
            return bar.finish_and_clear();
        }
    }
}

/// Evals quantize from the first token on, so that short tasks say something about long ones.
fn kv(text: &str) -> Result<KvCache, String> {
    let bits = |text: &str| -> Result<KvBits, String> {
        let problem = || format!("`{text}` is no KV cache: 16, 8, 6, 4, 3, 2, or keys and values as in k8v4");
        text.parse::<u32>().map_err(|_| problem()).and_then(|bits| bits.try_into())
    };
    if matches!(text, "16" | "off") {
        return Ok(KvCache::Dense);
    }
    let (key_bits, value_bits) = match text.strip_prefix('k').and_then(|rest| rest.split_once('v')) {
        Some((keys, values)) => (bits(keys)?, bits(values)?),
        None => (bits(text)?, bits(text)?),
    };
    let group_size = KvQuantization::DEFAULT_GROUP_SIZE;
    Ok(KvCache::Quantized(KvQuantization { key_bits, value_bits, group_size, start: 0 }))
}

fn group_size(text: &str) -> Result<u32, String> {
    let size: u32 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    KvGroupSize::try_from(size).map(u32::from)
}

fn temperature(text: &str) -> Result<Temperature, String> {
    if text == "model" {
        return Ok(Temperature(None));
    }
    let value: f64 = text.parse().map_err(|_| format!("`{text}` is neither a number nor `model`"))?;
    if (0.0..=2.0).contains(&value) {
        Ok(Temperature(Some(value)))
    } else {
        Err("a temperature is from 0 to 2".to_owned())
    }
}
