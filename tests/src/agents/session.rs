//! One agent at work in a project of its own.

use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Agent, Limits, Setup};
use crate::loopback::Loopback;
use crate::server::Server;

/// How long an agent may take for one prompt. Some that do not understand an answer ask again for ever.
const PATIENCE: Duration = Duration::from_secs(600);

/// A folder to work in.
pub struct Project {
    folder: tempfile::TempDir,
}

impl Default for Project {
    fn default() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }
}

impl Project {
    /// The path of a file, as agents write it: through no links.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file.
    pub fn put(&self, name: &str, content: &str) -> PathBuf {
        let file = self.file(name);
        fs::write(&file, content).unwrap();
        file
    }

    /// What a file holds.
    pub fn get(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    /// The names of all files, in order.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }
}

/// An agent with a home of its own, connected to a server, and to nothing else where the system can see to that.
pub struct Session {
    agent: &'static Agent,
    setup: Setup,
    loopback: Loopback,
    begun: bool,
    _home: tempfile::TempDir,
}

/// What an agent said to a prompt.
pub struct Said {
    /// How its process ended.
    pub status: ExitStatus,
    /// What it printed: its answer.
    pub answer: String,
}

impl Session {
    /// An agent that is told of a server's model, and that it takes so much.
    pub fn new(
        agent: &'static Agent,
        project: &Project,
        server: &Server,
        model: &str,
        limits: Limits,
    ) -> Self {
        Self::with(agent, project, server, model, limits, false)
    }

    /// An agent that has no tools and says little to the model before the prompt.
    pub fn brief(agent: &'static Agent, project: &Project, server: &Server, model: &str) -> Self {
        Self::with(agent, project, server, model, Limits::default(), true)
    }

    fn with(
        agent: &'static Agent,
        project: &Project,
        server: &Server,
        model: &str,
        limits: Limits,
        brief: bool,
    ) -> Self {
        let folder = tempfile::tempdir_in(homes()).unwrap();
        let home = folder.path().canonicalize().unwrap();
        let (project, server, model) = (project.path(), server.url(""), model.to_owned());
        let setup = Setup { home, project, server, model, limits, brief };
        (agent.configure)(&setup);
        let loopback = Loopback::to(&setup.server);
        Self { agent, setup, loopback, begun: false, _home: folder }
    }

    /// Asks the agent something in print mode, as the next prompt of one session, and waits for the end of its work.
    pub fn ask(&mut self, prompt: &str) -> Said {
        let program = (self.agent.program)().expect("only agents that are pinned are asked");
        let call = (self.agent.call)(&self.setup, prompt, std::mem::replace(&mut self.begun, true));
        let mut command = self.loopback.command(&program[0]);
        command
            .args(&program[1..])
            .args(call.arguments)
            .current_dir(&self.setup.project)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.setup.home)
            .envs(call.environment);
        let said = run(command);
        eprintln!("{} said: {}", self.agent.name, said.answer);
        said
    }
}

/// Where agents have their homes: Codex does not like one in the folder for temporary files.
fn homes() -> PathBuf {
    // .../target/debug/deps/test-name
    let folder = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("tmp");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs a command to its end; after [`PATIENCE`] it is killed with all that it has started.
fn run(mut command: Command) -> Said {
    let pipes = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.process_group(0).spawn().unwrap();
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (out, err) = (thread::spawn(|| text(out)), thread::spawn(|| text(err)));
    let until = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > until {
            let group = format!("-{}", child.id());
            Command::new("kill").args(["-KILL", "--", &group]).status().unwrap();
            let (out, err) = (out.join().unwrap(), err.join().unwrap());
            panic!("after {PATIENCE:?} there was no end to it:\n{out}\n{err}");
        }
        thread::sleep(Duration::from_millis(20));
    };
    eprintln!("{}", err.join().unwrap());
    Said { status, answer: out.join().unwrap() }
}

fn text(mut pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
