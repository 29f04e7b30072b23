//! `shorn connect`: the configuration that an agent needs for the server that runs now.

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde::Deserialize;
use shorn_agents::{Pi, PiAdded, PiEnvironment, PiProvider, PiRemoved};

#[derive(clap::Args)]
pub struct Arguments {
    /// The agent.
    agent: Agent,
    /// The port of the server.
    #[arg(long, default_value_t = 1234)]
    port: u16,
    /// Put it into the agent's own configuration, beside what is there; without this it is printed.
    #[arg(long, conflicts_with = "remove")]
    write: bool,
    /// Take out of the agent's configuration what --write put in.
    #[arg(long)]
    remove: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Agent {
    Pi,
}

/// What `GET /v1/models` says of the served model, as far as an agent needs it.
#[derive(Deserialize)]
struct Served {
    id: String,
    context_length: u32,
    reasoning: bool,
}

/// Prints, writes or removes the configuration.
pub fn connect(arguments: &Arguments) -> Result<()> {
    let Agent::Pi = arguments.agent;
    let pi = Pi::locate(&PiEnvironment::of_this_process())?;
    let file = pi.models_path().display().to_string();
    if arguments.remove {
        println!(
            "{}",
            match pi.remove()? {
                PiRemoved::Deleted => format!("{file} held nothing else and is gone"),
                PiRemoved::Restored => format!("{file} is what it was before"),
                PiRemoved::CutOut => format!("the provider `shorn` is no longer in {file}"),
                PiRemoved::NothingThere => format!("there is no provider of ours in {file}"),
            }
        );
        return Ok(());
    }
    let provider = provider(arguments.port)?;
    if !arguments.write {
        print!("{}", provider.models_json()?);
        return Ok(());
    }
    println!(
        "{}; start it with: pi --provider shorn --model {}",
        match pi.add(&provider)? {
            PiAdded::Created => format!("wrote {file}"),
            PiAdded::Added { backup } => {
                format!("added the provider `shorn` to {file}, kept as it was in {}", backup.display())
            }
            PiAdded::Updated => format!("brought the provider `shorn` in {file} up to date"),
            PiAdded::Unchanged => format!("{file} is up to date"),
        },
        provider.model
    );
    Ok(())
}

fn provider(port: u16) -> Result<PiProvider> {
    let api_key = std::env::var("SHORN_API_KEY").ok().filter(|key| !key.is_empty());
    let base_url = format!("http://127.0.0.1:{port}/v1");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Served { id, context_length, reasoning } = runtime.block_on(served(&base_url, api_key.as_deref()))?;
    Ok(PiProvider::new(base_url, &id, context_length, reasoning, api_key))
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
