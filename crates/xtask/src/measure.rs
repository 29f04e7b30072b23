//! `cargo xtask measure`: speed, memory and long loops, beside mlx-lm where there is something to compare with. Each
//! measurement becomes `docs/measurements/NAME.json`, with the machine, commit and versions it was made on.

mod conformance;
mod download;
mod grammar;
mod memory;
mod overhead;
mod reference;
mod reuse;
mod speed;
mod statistics;
mod tiny_coder;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::process::{cargo, check, output};
use crate::workspace::Workspace;

pub use reference::python;

/// A measurement's own part: its results.
enum Measure {
    /// Of what the released `shorn` does, beside mlx-lm.
    Engine(fn(&Measuring) -> Result<Value>),
    /// Of something that needs neither.
    Alone(fn(&Workspace) -> Result<Value>),
}

/// All measurements, by name.
const MEASUREMENTS: &[(&str, Measure)] = &[
    ("speed", Measure::Engine(speed::measure)),
    ("memory", Measure::Engine(memory::measure)),
    ("loops", Measure::Engine(long_loops)),
    ("grammar", Measure::Engine(grammar::measure)),
    ("app", Measure::Engine(app)),
    ("download", Measure::Alone(download::measure)),
    ("tiny-coder", Measure::Engine(tiny_coder::measure)),
    ("overhead", Measure::Engine(overhead::measure)),
    ("schemathesis", Measure::Alone(conformance::schemathesis)),
    ("parsers", Measure::Alone(conformance::parsers)),
    ("properties", Measure::Alone(conformance::properties)),
    ("fuzz", Measure::Alone(conformance::fuzzing)),
    ("reuse", Measure::Alone(reuse::measure)),
];

/// What measurements of the engine need.
pub struct Measuring<'a> {
    workspace: &'a Workspace,
    /// The released `shorn`.
    shorn: PathBuf,
    python: PathBuf,
}

/// Runs the named measurements, or all.
pub fn measure(workspace: &Workspace, names: &[String]) -> Result<()> {
    for name in names {
        if !MEASUREMENTS.iter().any(|(known, _)| known == name) {
            let known: Vec<&str> = MEASUREMENTS.iter().map(|(known, _)| *known).collect();
            bail!("there is no measurement `{name}`; there are {}", known.join(", "));
        }
    }
    let mut prepared = None;
    for (name, run) in MEASUREMENTS {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            eprintln!("measuring {name}");
            let results = match run {
                Measure::Alone(run) => run(workspace)?,
                Measure::Engine(run) => run(match &prepared {
                    Some(measuring) => measuring,
                    None => prepared.insert(Measuring::prepare(workspace)?),
                })?,
            };
            write(workspace, name, &results)?;
        }
    }
    Ok(())
}

impl<'a> Measuring<'a> {
    fn prepare(workspace: &'a Workspace) -> Result<Self> {
        crate::npm::prepare(workspace)?;
        check(cargo().args(["build", "--release", "--package", "shorn-cli"]))?;
        Ok(Self {
            workspace,
            shorn: workspace.target_directory.join("release/shorn"),
            python: python(&workspace.mlx_sys()?.mlx_version)?,
        })
    }

    /// One `shorn bench` run, as its JSON.
    fn bench(&self, folder: &std::path::Path, options: &[&str]) -> Result<Value> {
        let folder = folder.display().to_string();
        let arguments = [&["bench", &folder, "--json", "--runs", "1"], options].concat();
        let shorn = self.shorn.display().to_string();
        Ok(serde_json::from_slice(&output(&shorn, &[], &arguments)?)?)
    }
}

fn write(workspace: &Workspace, name: &str, results: &Value) -> Result<()> {
    let folder = workspace.root.join("docs/measurements");
    fs::create_dir_all(&folder)?;
    let record = json!({
        "measurement": name,
        "command": format!("cargo xtask measure {name}"),
        "machine": machine()?,
        "commit": text(&["git", "describe", "--always", "--dirty"])?,
        "versions": {
            "mlx": workspace.mlx_sys()?.mlx_version,
            "mlx-sys": workspace.mlx_sys()?.version,
            "mlx-lm": reference::MLX_LM,
            "rustc": text(&["rustc", "--version"])?,
        },
        "results": results,
    });
    let path = folder.join(format!("{name}.json"));
    fs::write(&path, serde_json::to_string_pretty(&record)? + "\n")
        .with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", serde_json::to_string_pretty(&record["results"])?);
    Ok(())
}

/// The loops that the tests cut to a tenth, whole.
fn long_loops(_: &Measuring) -> Result<Value> {
    let mut results = serde_json::Map::new();
    for (package, test) in
        [("shorn-engine", "faults"), ("shorn-tests", "faults"), ("shorn-hub-tests", "download")]
    {
        check(
            cargo()
                .args(["test", "--release", "--package", package, "--test", test])
                .env("SHORN_FULL_LOOPS", "1"),
        )?;
        results.insert(format!("{package} --test {test}"), json!("passed, with all rounds"));
    }
    Ok(results.into())
}

/// What the app costs while it does nothing, and how soon it is there.
fn app(measuring: &Measuring) -> Result<Value> {
    crate::front_end::build(measuring.workspace)?;
    let released = ["build", "--release", "--package", "shorn-cli", "--package", "shorn-app"];
    check(cargo().args(released))?;
    let root = measuring.workspace.root.display().to_string();
    let run = ["run", "--quiet", "--package", "shorn-tests", "--bin", "app-cost", "--", &root];
    Ok(serde_json::from_slice(&output(&cargo().get_program().to_string_lossy(), &[], &run)?)?)
}

fn machine() -> Result<Value> {
    let processor = match cfg!(target_os = "macos") {
        true => text(&["sysctl", "-n", "machdep.cpu.brand_string"])?,
        false => fs::read_to_string("/proc/cpuinfo")?
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or("unknown".to_owned(), |(_, name)| name.to_owned()),
    };
    let cores = std::thread::available_parallelism()?.get();
    Ok(json!({ "processor": processor, "cores": cores, "system": text(&["uname", "-srm"])? }))
}

fn text(command: &[&str]) -> Result<String> {
    let (program, arguments) = command.split_first().context("an empty command")?;
    Ok(String::from_utf8_lossy(&output(program, &[], arguments)?).trim().to_owned())
}

/// Numbers of a JSON array.
fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}
