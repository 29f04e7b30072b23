//! `shorn eval` as a command, tasks made for a test, and programs as agents.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use shorn_hub_tests::python::environment;
use shorn_tests::server::{Server, shorn};
use tempfile::TempDir;

/// What the tasks' tests run with.
const PYTEST: &str = include_str!("requirements.txt");

/// What agents in these tests begin with: `ask` has the model answer once, `get` tries another route of its server.
const PRELUDE: &str = "\
#!/usr/bin/env python3
import json, os, sys, urllib.error, urllib.request

def send(path, body):
    url = os.environ['OPENAI_BASE_URL'].removesuffix('/v1') + path
    headers = {'Authorization': 'Bearer ' + os.environ['OPENAI_API_KEY'], 'Content-Type': 'application/json'}
    return urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60).read()

def get(path):
    return send(path, None)

def ask():
    messages = [{'role': 'user', 'content': sys.argv[-1]}]
    body = {'model': os.environ['OPENAI_MODEL'], 'messages': messages}
    return send('/v1/chat/completions', json.dumps(body).encode())

";

/// A command that runs an eval.
pub struct Eval {
    command: Command,
    program: Option<TempDir>,
}

impl Eval {
    /// An eval of a server's model; its runs are kept in the server's data folder.
    pub fn of(server: &Server, options: &[&str]) -> Self {
        let port = server.port.to_string();
        Self::without_server(server.home(), &[&["--port", &port], options].concat())
    }

    /// An eval with a data folder.
    pub fn without_server(home: &Path, options: &[&str]) -> Self {
        let mut command = Command::new(shorn());
        command.args(["eval", "--json"]).args(options).env("SHORN_HOME", home).env_remove("SHORN_API_KEY");
        Self { command, program: None }.with_python(&environment("pytest", PYTEST).unwrap())
    }

    /// With a Python of the test's choice; the last one counts.
    pub fn with_python(mut self, python: &Path) -> Self {
        self.command.env("SHORN_EVAL_PYTHON", python);
        self
    }

    /// With a program as the agent: Python, after [`PRELUDE`].
    pub fn with_program(mut self, program: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.py");
        fs::write(&path, format!("{PRELUDE}{program}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self.command.arg("--program").arg(path);
        self.program = Some(folder);
        self
    }

    /// With one more folder of commands, before the others.
    pub fn with_path(mut self, folder: &Path) -> Self {
        let mut path = OsString::from(folder);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        self.command.env("PATH", path);
        self
    }

    /// Without any command on the search path.
    pub fn without_path(mut self) -> Self {
        self.command.env("PATH", "/nonexistent");
        self
    }

    /// Runs it; it must succeed and print JSON.
    pub fn json(self) -> Value {
        let output = self.output();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        eprintln!("{said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs it; it must fail. What it says.
    pub fn error(self) -> String {
        let output = self.output();
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }

    fn output(mut self) -> Output {
        self.command.output().unwrap()
    }
}

/// A tool call as the embedded model's format writes it.
pub fn call(function: &str, parameters: &[(&str, &str)]) -> String {
    let parameters: String = parameters
        .iter()
        .map(|(name, value)| format!("<parameter={name}>\n{value}\n</parameter>\n"))
        .collect();
    format!("<tool_call>\n<function={function}>\n{parameters}</function>\n</tool_call>")
}

/// A `task.toml` with these limits, for a task that is done when there is a file `done.txt`.
pub fn task(limits: &str) -> String {
    format!(
        "title = \"Done\"\nchecks = \"The eval.\"\nprompt = \"Write done.txt.\"\ntest = \"true\"\n\
         needs = [\"done.txt\"]\n{limits}\n"
    )
}

/// A folder of such tasks.
pub fn tasks_folder(tasks: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, description) in tasks {
        let task = folder.path().join(name);
        fs::create_dir_all(task.join("project")).unwrap();
        fs::create_dir_all(task.join("oracle")).unwrap();
        fs::write(task.join("task.toml"), description).unwrap();
        fs::write(task.join("project/readme.txt"), "Nothing yet.\n").unwrap();
        let oracle = "import os\n\n\ndef test_it_is_done():\n    assert os.path.exists('done.txt')\n";
        fs::write(task.join("oracle/test_done.py"), oracle).unwrap();
    }
    folder
}

/// A word that no other process has in its command line.
pub fn mark() -> String {
    let folder = tempfile::Builder::new().prefix("eval-mark-").tempdir().unwrap();
    folder.path().file_name().unwrap().to_str().unwrap().to_owned()
}

/// The processes that still have a word in their command line a while after their namespace ended: the system ends what was
/// in it, and takes a moment for that.
pub fn left_running(mark: &str) -> Vec<String> {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let output = Command::new("ps").args(["-A", "-ww", "-o", "args="]).output().unwrap();
        let listed = String::from_utf8_lossy(&output.stdout).into_owned();
        let found: Vec<_> =
            listed.lines().filter(|line| line.contains(mark)).map(ToOwned::to_owned).collect();
        if found.is_empty() || Instant::now() > until {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
