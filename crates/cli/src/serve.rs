//! `shorn serve`.

use std::fs;
use std::io::IsTerminal;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use shorn_checkpoint::model_name;
use shorn_hub::embedded;
use shorn_hub::library::Folders;
use shorn_hub::remote::Hub;
use shorn_runtime::{LoadOptions, ModelPhase, ModelState, Runtime, WorkerCommand, data_directory, in_bytes};
use shorn_server::{App, Guard, LoadError, LoadRequest, listen, router};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use crate::kv_arguments::KvArguments;
use crate::progress::loading_bar;

#[derive(clap::Args)]
pub struct Arguments {
    /// The model folder; the small embedded model when not given.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// The model's name in the API; the folder's name when not given.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The address to listen on. Other machines can reach anything but a loopback address: that needs a key.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port to listen on.
    #[arg(long, default_value_t = 1234)]
    port: u16,
    /// Longest context in tokens; the model's own when not given.
    #[arg(long, value_name = "N")]
    context_length: Option<u32>,
    /// Requests that run at the same time; more wait. 4 when not given.
    #[arg(long, value_name = "N")]
    max_concurrent: Option<u32>,
    /// Seconds without a request after which the model is unloaded, until the next one; never when not given.
    #[arg(long, value_name = "SECONDS")]
    idle_unload: Option<u32>,
    /// Megabytes of KV caches kept for later requests; a quarter of what the weights leave when not given.
    #[arg(long, value_name = "MB")]
    prompt_cache: Option<u64>,
    /// Megabytes that the model may take in all; what the GPU recommends when not given.
    #[arg(long, value_name = "MB")]
    memory_limit: Option<u64>,
    /// Load the model although it does not fit into memory.
    #[arg(long)]
    anyway: bool,
    /// A file that holds the key clients must send. SHORN_API_KEY in the environment does the same.
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// The key itself. Others on this machine can see it in the list of processes: prefer --api-key-file.
    #[arg(long, value_name = "KEY", conflicts_with = "api_key_file")]
    api_key: Option<String>,
    /// Another worker executable in place of this one.
    #[arg(long, value_name = "PROGRAM", hide = true)]
    worker: Option<PathBuf>,
    /// Milliseconds that a request which is not streamed waits for the model to load before it is told to come back.
    #[arg(long, value_name = "MS", hide = true)]
    load_wait: Option<u64>,
    #[command(flatten)]
    kv: KvArguments,
}

/// Serves until it is told to stop.
pub fn serve(arguments: Arguments) -> Result<()> {
    let filter = EnvFilter::try_from_env("SHORN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve_until_stopped(arguments))
}

async fn serve_until_stopped(arguments: Arguments) -> Result<()> {
    let key = api_key(&arguments)?;
    let listeners = listen(arguments.host, arguments.port, key.is_some()).await?;
    let port = listeners.first().context("nothing to listen on")?.local_addr()?.port();

    let data_directory = data_directory()?;
    let embedded = embedded::unpack(&data_directory)?;
    let (name, directory) = match &arguments.model {
        Some(directory) => {
            (arguments.name.clone().unwrap_or_else(|| model_name(directory)), directory.clone())
        }
        None => (embedded::NAME.to_owned(), embedded.clone()),
    };
    let worker = match &arguments.worker {
        Some(program) => WorkerCommand { program: program.clone(), arguments: Vec::new() },
        None => WorkerCommand::this_executable()?,
    };
    let folders = Folders { embedded: Some(embedded), ..model_folders(&data_directory)? };
    let runtime = Runtime::start(worker);
    let home = std::env::home_dir().context("HOME is not set")?;
    let hub = Hub::from_environment(&home, |name| std::env::var_os(name));
    let mut app = App::new(runtime.clone(), data_directory, folders, hub, "server-downloads.json");
    if let Some(load_wait) = arguments.load_wait {
        app = app.with_load_wait(Duration::from_millis(load_wait));
    }
    let app = Arc::new(app);
    let (options, anyway) = (arguments.load_options(), arguments.anyway);
    let request = LoadRequest { name: name.clone(), directory, options, save: None, anyway };
    let model = app.load(request).await.map_err(|error| match error {
        LoadError::DoesNotFit(_) => anyhow::anyhow!("{error} with --anyway"),
        error => error.into(),
    })?;
    tracing::info!("serving {name} on http://{}:{port}/v1", display_host(arguments.host));
    let settings = &model.plan.spec.settings;
    tracing::info!("context {} tokens, KV cache {}", settings.context_length, settings.kv);
    tokio::spawn(watch_load(model.model.state()));

    let guard = Guard::new(port, arguments.host.is_loopback(), key);
    let routes = router(app, guard);
    shorn_server::serve(listeners, routes, stop_signal()).await?;
    tracing::info!("stopping");
    runtime.unload_all().await;
    Ok(())
}

/// Where models are looked for.
pub fn model_folders(data_directory: &Path) -> Result<Folders> {
    let home = std::env::home_dir().context("HOME is not set")?;
    Ok(Folders::new(data_directory, &home, |name| std::env::var_os(name)))
}

impl Arguments {
    fn load_options(&self) -> LoadOptions {
        LoadOptions {
            context_length: self.context_length,
            kv: self.kv.setting(),
            max_concurrent: self.max_concurrent,
            prompt_cache_bytes: self.prompt_cache.map(|megabytes| megabytes * 1_000_000),
            memory_limit: self.memory_limit.map(|megabytes| megabytes * 1_000_000),
            idle_seconds: self.idle_unload,
        }
    }
}

fn api_key(arguments: &Arguments) -> Result<Option<String>> {
    if let Some(key) = &arguments.api_key {
        tracing::warn!(
            "others on this machine can read the key in the list of processes; use --api-key-file"
        );
        return Ok(Some(key.clone()));
    }
    let key = match &arguments.api_key_file {
        Some(file) => fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?,
        None => std::env::var("SHORN_API_KEY").unwrap_or_default(),
    };
    let key = key.trim();
    if key.is_empty() && arguments.api_key_file.is_some() {
        bail!("the key file is empty");
    }
    Ok((!key.is_empty()).then(|| key.to_owned()))
}

fn display_host(host: IpAddr) -> String {
    match host {
        IpAddr::V6(host) => format!("[{host}]"),
        IpAddr::V4(host) => host.to_string(),
    }
}

/// Shows how loading goes, and says when the model is ready.
async fn watch_load(mut state: watch::Receiver<ModelState>) {
    let bar = loading_bar();
    loop {
        let phase = state.borrow_and_update().phase.clone();
        match phase {
            ModelPhase::Loading { done, total } => {
                bar.set_length(total);
                bar.set_position(done);
            }
            ModelPhase::Ready(loaded) => {
                bar.finish_and_clear();
                loaded.notes.iter().for_each(|note| tracing::warn!("{note}"));
                tracing::info!(
                    "loaded in {:.1} s: {} of weights on {}",
                    loaded.load_seconds,
                    in_bytes(loaded.memory.weights),
                    loaded.backend
                );
                return;
            }
            // The supervisor has said why.
            ModelPhase::Stopped { why: Some(_) } => return,
            ModelPhase::Stopped { why: None } => {}
        }
        if state.changed().await.is_err() {
            return;
        }
    }
}

/// Resolves on Ctrl-C or when the system asks the process to end.
pub async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
