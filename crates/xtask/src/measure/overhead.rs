//! What the server adds to each token: from the worker's pipe to the client.

use anyhow::Result;
use serde_json::{Value, json};

use super::Measuring;
use crate::process::{cargo, check, output};

pub fn measure(measuring: &Measuring) -> Result<Value> {
    check(cargo().args(["build", "--release", "--package", "shorn-tests", "--bins"]))?;
    let folder = measuring.workspace.target_directory.join("release");
    let program = |name: &str| folder.join(name).display().to_string();
    let shorn = measuring.shorn.display().to_string();
    let said = output(&program("server-overhead"), &[], &[&shorn, &program("stamping-worker")])?;
    let streams: Value = serde_json::from_slice(&said)?;
    Ok(json!({ "microseconds from the worker's pipe to the client's chunk": streams }))
}
