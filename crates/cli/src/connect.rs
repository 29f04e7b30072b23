//! `shorn connect`: the configuration that an agent needs for the server that runs now.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Deserialize;
use shorn_agents::{Added, Agent, Connection, Environment, Provider, Removed};

#[derive(clap::Args)]
pub struct Arguments {
    /// The agent.
    #[arg(value_parser = PossibleValuesParser::new(Agent::ALL.map(Agent::program)).try_map(|name| name.parse::<Agent>()))]
    agent: Agent,
    /// The port of the server.
    #[arg(long, default_value_t = 1234)]
    port: u16,
    #[command(flatten)]
    action: Action,
    /// After `--`: what else to start the agent with.
    #[arg(last = true, requires = "launch")]
    options: Vec<OsString>,
}

/// What to do with the configuration.
#[derive(clap::Args)]
#[group(multiple = false)]
struct Action {
    /// Print it. This is what happens without an option.
    #[arg(long)]
    print: bool,
    /// Put it into the agent's own folder, beside what is there; no default of the agent changes.
    #[arg(long)]
    write: bool,
    /// Do the same, and start the agent with it.
    #[arg(long)]
    launch: bool,
    /// Take out again what --write and --launch put in.
    #[arg(long)]
    remove: bool,
}

/// What `GET /v1/models` says of the served model, as far as an agent needs it.
#[derive(Deserialize)]
struct Served {
    id: String,
    context_length: u32,
    /// Not told of models that are only on the disk.
    reasoning: Option<bool>,
}

/// Prints, writes or removes the configuration, or starts the agent.
pub fn connect(arguments: &Arguments) -> Result<()> {
    let agent = arguments.agent;
    let connection = Connection::locate(agent, &Environment::of_this_process())?;
    let file = connection.path().display();
    if arguments.action.remove {
        println!(
            "{}",
            match connection.remove()? {
                Removed::Deleted => format!("{file} held nothing else and is gone"),
                Removed::Restored => format!("{file} is what it was before"),
                Removed::CutOut => format!("what Shorn had put into {file} is out again"),
                Removed::NothingThere => format!("there is nothing of Shorn's in {file}"),
            }
        );
        return Ok(());
    }
    let provider = provider(arguments.port)?;
    if arguments.action.launch {
        let program = connection.program()?;
        connection.add(&provider)?;
        let error = launch(program, &connection.options(&provider.model), &arguments.options);
        return Err(error).with_context(|| format!("{} cannot be started", program.display()));
    }
    if arguments.action.write {
        let done = match connection.add(&provider)? {
            Added::Created => format!("wrote {file}"),
            Added::Added { backup } => format!("added to {file}, kept as it was in {}", backup.display()),
            Added::Updated => format!("brought {file} up to date"),
            Added::Unchanged => format!("{file} is up to date"),
        };
        println!("{done}; start {agent} with: {}", connection.command_line(&provider.model));
        return Ok(());
    }
    let files = connection.config(&provider)?;
    for file in &files {
        // One file alone can be piped as it is.
        if files.len() > 1 {
            println!("==> {} <==", file.path.display());
        }
        print!("{}", file.text);
    }
    Ok(())
}

/// Becomes the agent.
fn launch(program: &Path, options: &[OsString], more: &[OsString]) -> std::io::Error {
    Command::new(program).args(options).args(more).exec()
}

fn provider(port: u16) -> Result<Provider> {
    let api_key = std::env::var("SHORN_API_KEY").ok().filter(|key| !key.is_empty());
    let base_url = format!("http://127.0.0.1:{port}/v1");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served = runtime.block_on(served(&base_url, api_key.as_deref()))?;
    let Served { id, context_length, reasoning: Some(reasoning) } = served else {
        bail!(
            "the server has no model loaded; load one, since its name and context belong into the configuration"
        );
    };
    Ok(Provider::new(base_url, &id, context_length, reasoning, api_key))
}

async fn served(base_url: &str, api_key: Option<&str>) -> Result<Served> {
    #[derive(Deserialize)]
    struct Models {
        data: Vec<Served>,
    }
    // A proxy and certificates are for addresses beyond this machine.
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
    let mut request = client.get(format!("{base_url}/models"));
    if let Some(key) = api_key {
        request = request.bearer_auth(key);
    }
    let response = request.send().await.with_context(|| {
        format!("no server answers at {base_url}; start one with `shorn serve`, or name its --port")
    })?;
    if response.status() == reqwest::StatusCode::UNAUTHORIZED {
        bail!("the server asks for its key: set SHORN_API_KEY to it");
    }
    let models: Models = response.error_for_status()?.json().await.context("that is no Shorn server")?;
    models.data.into_iter().next().context("the server has no model loaded")
}
