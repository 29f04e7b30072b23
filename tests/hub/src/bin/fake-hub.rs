//! Serves folders `DIR/ORG/NAME` as repositories of a Hub on loopback, until it is stopped.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Parser;
use shorn_hub_tests::{FakeFile, FakeHub, Fault};

/// A Hub on loopback. Its first line of output is its address, for HF_ENDPOINT.
#[derive(Parser)]
struct Arguments {
    /// The folder with a folder for each organisation, and in it one for each model.
    directory: Option<PathBuf>,
    /// Also a repository of this name with one made-up file of weights of so many bytes.
    #[arg(long, value_name = "ORG/NAME=BYTES", value_parser = synthetic)]
    synthetic: Vec<(String, u64)>,
    /// Ports of the Hub and of its delivery network; 0 is any free one.
    #[arg(long, num_args = 2, value_names = ["HUB", "CDN"], default_values_t = [0, 0])]
    ports: Vec<u16>,
    /// Files come no faster than so many bytes a second.
    #[arg(long, value_name = "BYTES")]
    bytes_per_second: Option<u64>,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let hub = FakeHub::listen(arguments.ports[0], arguments.ports[1]).await?;
    if let Some(directory) = &arguments.directory {
        add_all(&hub, directory)?;
    }
    for (name, bytes) in &arguments.synthetic {
        hub.add(name, [FakeFile::synthetic("model.safetensors", 1, *bytes)]);
    }
    if let Some(speed) = arguments.bytes_per_second {
        hub.fail(Fault::BytesPerSecond(speed));
    }
    println!("{}", hub.endpoint());
    tokio::signal::ctrl_c().await
}

fn add_all(hub: &FakeHub, directory: &Path) -> io::Result<()> {
    for organisation in fs::read_dir(directory)? {
        let organisation = organisation?;
        for model in fs::read_dir(organisation.path())? {
            let model = model?;
            let name =
                [organisation.file_name(), model.file_name()].map(|name| name.to_string_lossy().into_owned());
            hub.add_folder(&name.join("/"), &model.path())?;
        }
    }
    Ok(())
}

fn synthetic(text: &str) -> Result<(String, u64), String> {
    let (name, bytes) = text.split_once('=').ok_or("must be ORG/NAME=BYTES")?;
    Ok((name.to_owned(), bytes.parse().map_err(|_| format!("`{bytes}` is no number"))?))
}
