//! The real Pi, in print mode.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Access, Start};
use crate::eval::inside::InsideAgent;
use crate::eval::sandbox::{View, is_of_system};
use crate::eval::server::ModelServer;
use crate::eval::task::RecordingTool;
use crate::{Agent, Connection, Environment, Provider};

/// The extension that adds a task's tool, in Pi's folder.
pub(super) const EXTENSION: &str = "task-tool.mjs";

/// An installed Pi.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PiProgram {
    /// What is run: Pi itself, or Node.
    program: PathBuf,
    /// Pi's script, where Node runs it.
    script: Option<PathBuf>,
    /// Where they keep their files.
    pub(super) folders: Vec<PathBuf>,
}

/// Pi cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NoPi {
    /// There is no command `pi`.
    #[error(
        "there is no command `pi`; `npm install -g @earendil-works/pi-coding-agent` installs it, or name it with --pi"
    )]
    Missing,
    /// It is a script for Node, and there is none.
    #[error("{script} needs Node, and there is no command `node`", script = .script.display())]
    NoNode {
        /// Pi's script.
        script: PathBuf,
    },
    /// Its file cannot be read.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl PiProgram {
    /// Finds Pi: a file, or else the command `pi` in the folders of a search path.
    ///
    /// # Errors
    /// When it is not there, or its Node is not.
    pub fn find(file: Option<&Path>, search_path: &OsStr) -> Result<Self, NoPi> {
        let command = |name: &str| {
            let candidates = std::env::split_paths(search_path).map(|folder| folder.join(name));
            candidates.filter_map(|path| path.canonicalize().ok()).find(|path| path.is_file())
        };
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| NoPi::File { path, source }
        };
        let pi = match file {
            Some(file) => file.canonicalize().map_err(failed(file))?,
            None => command("pi").ok_or(NoPi::Missing)?,
        };
        if !is_for_node(&pi).map_err(failed(&pi))? {
            let folder = pi.parent().map(Path::to_owned);
            return Ok(Self { program: pi, script: None, folders: folder.into_iter().collect() });
        }
        let node = command("node").ok_or_else(|| NoPi::NoNode { script: pi.clone() })?;
        // .../bin/node
        let node_folder = node.ancestors().nth(2).unwrap_or(&node).to_owned();
        let mut folders = vec![node_folder, package_folder(&pi)];
        folders.retain(|folder| !is_of_system(folder));
        Ok(Self { program: node, script: Some(pi), folders })
    }

    pub(super) fn start(&self, model: &str, prompt: String, has_tool: bool, view: &View) -> Start {
        let mut arguments: Vec<String> = self.script.iter().map(|path| path.display().to_string()).collect();
        if has_tool {
            let extension = view.home.join(".pi/agent").join(EXTENSION);
            arguments.extend(["-e".to_owned(), extension.display().to_string()]);
        }
        arguments.extend(
            ["--provider", "shorn", "--model", model, "--no-session", "--mode", "json"].map(Into::into),
        );
        arguments.extend(["-p".to_owned(), "--".to_owned(), prompt]);
        let variables = ["PI_OFFLINE", "PI_SKIP_VERSION_CHECK"].map(|name| (name.into(), "1".into()));
        let variables = variables.into_iter().chain([("PI_TELEMETRY".into(), "0".into())]).collect();
        Start { inside: InsideAgent::Program { program: self.program.clone(), arguments }, variables }
    }
}

/// Makes the meter known to Pi, as a person would who has nothing but this home.
pub(super) fn connect(server: &ModelServer, access: &Access, home: &Path) -> io::Result<()> {
    let key = Some(access.key.clone());
    let provider =
        Provider::new(access.base_url.clone(), &server.model, server.context_length, server.reasoning, key);
    let connection = Connection::locate(Agent::Pi, &Environment::with_home(home));
    connection.and_then(|connection| connection.add(&provider)).map(|_| ()).map_err(io::Error::other)
}

/// An extension of Pi that adds a task's tool.
pub(super) fn extension(tool: &RecordingTool) -> String {
    let RecordingTool { name, description, file, parameters } = tool;
    let definition =
        json!({ "name": name, "label": name, "description": description, "parameters": parameters });
    format!(
        "import {{ writeFileSync }} from 'node:fs';\n\
         export default (pi) => pi.registerTool({{\n\
         \x20 ...{definition},\n\
         \x20 async execute(_id, parameters) {{\n\
         \x20   writeFileSync({file}, JSON.stringify(parameters));\n\
         \x20   return {{ content: [{{ type: 'text', text: {done} }}], details: {{}} }};\n\
         \x20 }},\n\
         }});\n",
        file = json!(file),
        done = json!(tool.done()),
    )
}

/// Whether a file is a script that Node runs.
fn is_for_node(path: &Path) -> io::Result<bool> {
    let mut start = [0; 64];
    let length = fs::File::open(path)?.read(&mut start)?;
    let line = String::from_utf8_lossy(&start[..length]);
    let line = line.lines().next().unwrap_or_default();
    let is_script = path.extension().is_some_and(|extension| extension == "js" || extension == "mjs");
    Ok(is_script || (line.starts_with("#!") && line.contains("node")))
}

/// The folder that has a script's package and the packages it needs: the outermost `node_modules`, else that of its
/// `package.json`.
fn package_folder(script: &Path) -> PathBuf {
    let folders: Vec<&Path> = script.ancestors().skip(1).collect();
    let modules = folders.iter().rev().find(|folder| folder.file_name() == Some(OsStr::new("node_modules")));
    let package = || folders.iter().find(|folder| folder.join("package.json").is_file());
    modules
        .or_else(package)
        .or(folders.first())
        .map_or_else(|| script.to_owned(), |folder| (*folder).to_owned())
}
