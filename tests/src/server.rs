//! A server process of its own for each test.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::script::{self, Exchange, Record, Script};

/// The name of the model with random weights, once it is in a data folder.
pub const RANDOM_MODEL: &str = "random-coder";

/// The folder of a small model with random weights: it answers anything at any length and says nothing.
pub fn random_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(RANDOM_MODEL)
}

/// A copy of the model with random weights, in the folder of models of a data folder.
pub fn add_random_model(data: &Path) -> PathBuf {
    let folder = data.join("models").join(RANDOM_MODEL);
    copy_folder(&random_model(), &folder);
    folder
}

/// Biases under which the random model never ends its turn: only then is a reply as long as it may be.
pub fn never_ends() -> Value {
    json!({"1088": -100, "1090": -100})
}

/// A copy of a folder's files.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// The folder of a fixture checkpoint.
pub fn checkpoint(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/checkpoints").join(name)
}

/// The `shorn` executable of this checkout, built if it is not.
pub fn shorn() -> PathBuf {
    built("shorn")
}

/// The app of this checkout, built if it is not.
pub fn shorn_app() -> PathBuf {
    built("shorn-app")
}

/// The scripted worker.
pub fn scripted_worker() -> PathBuf {
    built("scripted-worker")
}

/// An executable of the profile that runs, built with the others of its kind.
fn built(name: &str) -> PathBuf {
    static SERVER: OnceLock<()> = OnceLock::new();
    static APP: OnceLock<()> = OnceLock::new();
    let (once, programs) = match name {
        "shorn-app" => (&APP, &["shorn-app"][..]),
        _ => (&SERVER, &["shorn", "scripted-worker", "only-loopback"][..]),
    };
    // .../target/debug/deps/test-name
    let folder = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    once.get_or_init(|| {
        let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
        // As `npm test` builds: of the whole workspace, and with a test of it, else the dependencies would have other features
        // and be compiled again.
        cargo.args(["build", "--quiet", "--workspace", "--test", "fake_hub"]);
        programs.iter().for_each(|program| _ = cargo.args(["--bin", program]));
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        assert!(cargo.arg("--manifest-path").arg(manifest).status().unwrap().success());
    });
    let path = folder.join(name);
    assert!(path.is_file(), "no {}", path.display());
    path
}

/// A running `shorn serve`, ended with the test.
pub struct Server {
    child: Child,
    /// The port on loopback.
    pub port: u16,
    log: Arc<Mutex<String>>,
    home: tempfile::TempDir,
    /// The folder of its worker's script.
    script: Option<tempfile::TempDir>,
}

impl Server {
    /// The model with random weights unless they name another, with more options.
    pub fn start(options: &[&str]) -> Self {
        Self::with(Command::new(shorn()), options)
    }

    /// The same with more environment variables.
    pub fn start_with(variables: &[(&str, &str)], options: &[&str]) -> Self {
        let mut command = Command::new(shorn());
        command.envs(variables.iter().copied());
        Self::with(command, options)
    }

    /// The embedded model, the tiny coder, with more options.
    pub fn embedded(options: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self::in_home(Command::new(shorn()), home, options)
    }

    /// The random model's tokenizer and template with a scripted worker.
    pub fn scripted(script: &Script, options: &[&str]) -> Self {
        Self::scripted_in(tempfile::tempdir().unwrap(), script, options)
    }

    /// The same with a model that may think before it answers, and is shown what it thought: `thinker`.
    pub fn scripted_thinker(script: &Script, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = thinking_model(&folder.path().join("thinker"));
        Self::scripted_in(folder, script, &[&["--model", &model], options].concat())
    }

    fn scripted_in(folder: tempfile::TempDir, script: &Script, options: &[&str]) -> Self {
        std::fs::write(script_in(&folder), serde_json::to_vec(script).unwrap()).unwrap();
        let mut command = Command::new(shorn());
        command.env(script::VARIABLE, script_in(&folder));
        let worker = scripted_worker();
        let mut server = Self::with(command, &[&["--worker", worker.to_str().unwrap()], options].concat());
        server.script = Some(folder);
        server
    }

    /// `shorn`, with whatever else it is to be run with.
    pub fn with(command: Command, options: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        if options.contains(&"--model") {
            return Self::in_home(command, home, options);
        }
        let model = add_random_model(home.path());
        Self::in_home(command, home, &[&["--model", model.to_str().unwrap()], options].concat())
    }

    fn in_home(mut command: Command, home: tempfile::TempDir, options: &[&str]) -> Self {
        let port = free_port();
        let mut child = command
            .arg("serve")
            .args(["--port", &port.to_string()])
            .args(options)
            .env("SHORN_HOME", home.path())
            .env("HF_HOME", home.path().join("hugging-face"))
            .env("HF_HUB_CACHE", home.path().join("hub"))
            .env("LMSTUDIO_HOME", home.path().join("lm-studio"))
            .env_remove("HF_TOKEN")
            .env_remove("SHORN_API_KEY")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        thread::spawn({
            let log = log.clone();
            move || {
                for line in lines.map_while(Result::ok) {
                    log.lock().unwrap().push_str(&(line + "\n"));
                }
            }
        });
        let server = Self { child, port, log, home, script: None };
        server.wait_for_log("serving ");
        server
    }

    /// Its base address, with a slash at the end.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its data folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log holds a text.
    pub fn wait_for_log(&self, text: &str) {
        let patience = Instant::now() + Duration::from_secs(30);
        while !self.log().contains(text) {
            assert!(Instant::now() < patience, "no `{text}` in the log:\n{}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The requests that its scripted workers were given so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        Record::of(&script_in(self.script.as_ref().unwrap())).exchanges()
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

/// Copies the random model to `folder`, with a template that shows reasoning.
fn thinking_model(folder: &Path) -> String {
    copy_folder(&random_model(), folder);
    let template = folder.join("chat_template.jinja");
    let text = std::fs::read_to_string(&template).unwrap();
    let turn = r"'<|im_start|>assistant\n' + ";
    let thought = r"('<think>\n' + message.reasoning_content + '\n</think>\n\n' if message.reasoning_content else '') + ";
    let thinking = text.replace(turn, &format!("{turn}{thought}"));
    assert_ne!(thinking, text, "the template writes an assistant's turn in another way");
    std::fs::write(template, thinking).unwrap();
    folder.to_str().unwrap().to_owned()
}

fn script_in(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("script.json")
}

/// A port that is free on both loopback addresses now.
pub fn free_port() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let free_on_ipv6 = TcpListener::bind(("::1", port));
        if !matches!(free_on_ipv6, Err(error) if error.kind() == std::io::ErrorKind::AddrInUse) {
            return port;
        }
    }
}
