//! The real agents, started by `shorn connect`, in a home where each has a configuration of its own already.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use shorn_tests::agents::put_command;
use shorn_tests::script::Script;
use shorn_tests::server::{Server, shorn};

const KEY: &str = "a-key-of-one's-own";
const CONTENT: &str = "print(\"hi,\\t日本 🎉\")\n";

/// An agent, the model's words for writing a file with its tools, and what is its person's own.
struct Agent {
    name: &'static str,
    endpoint: &'static str,
    write: fn(&Path) -> String,
    /// The options of one prompt without questions.
    options: &'static [&'static str],
    /// A file of the person's configuration below the home folder, which names another model.
    own: (&'static str, &'static str),
}

const PI: Agent = Agent {
    name: "pi",
    endpoint: "/v1/chat/completions",
    write: |file| call("write", &[("path", file.to_str().unwrap()), ("content", CONTENT)]),
    options: &["-p"],
    own: (
        ".pi/agent/models.json",
        "{\n\t// mine\n\t\"providers\": {\n\t\t\"mine\": {\"baseUrl\": \"http://127.0.0.1:9/v1\", \"api\": \"openai-completions\", \
         \"apiKey\": \"k\", \"models\": [{\"id\": \"m\"}]},\n\t},\n}\n",
    ),
};

const CODEX: Agent = Agent {
    name: "codex",
    endpoint: "/v1/responses",
    write: |file| {
        let patch =
            format!("*** Begin Patch\n*** Add File: {}\n+{CONTENT}*** End Patch", file.to_str().unwrap());
        call("apply_patch", &[("input", &patch)])
    },
    options: &["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"],
    own: (
        ".codex/config.toml",
        "# mine\nmodel = \"gpt-mine\" # paid\n[features]\nplugins = false\napps = false\nremote_plugin = false\n",
    ),
};

const CLAUDE: Agent = Agent {
    name: "claude",
    endpoint: "/v1/messages",
    write: |file| call("Write", &[("file_path", file.to_str().unwrap()), ("content", CONTENT)]),
    options: &["--permission-mode", "bypassPermissions", "-p"],
    own: (
        ".claude/settings.json",
        "{\"model\": \"opus\", \"env\": {\"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:9\", \"ANTHROPIC_AUTH_TOKEN\": \"paid\"}}",
    ),
};

const OPENCODE: Agent = Agent {
    name: "opencode",
    endpoint: "/v1/chat/completions",
    write: |file| call("write", &[("filePath", file.to_str().unwrap()), ("content", CONTENT)]),
    options: &["run"],
    own: (
        ".config/opencode/opencode.jsonc",
        "{\n  // mine\n  \"$schema\": \"https://opencode.ai/config.json\",\n  \"autoupdate\": false, /* and mine */\n}\n",
    ),
};

/// A tool call in the words of the embedded model's template.
fn call(function: &str, parameters: &[(&str, &str)]) -> String {
    let parameters: String = parameters
        .iter()
        .map(|(name, value)| format!("<parameter={name}>\n{value}\n</parameter>\n"))
        .collect();
    format!("<tool_call>\n<function={function}>\n{parameters}</function>\n</tool_call>")
}

/// Somebody with one agent, and a project.
struct Person {
    folder: tempfile::TempDir,
    agent: &'static Agent,
}

impl Person {
    /// `None` where the agent is not pinned for this platform.
    fn with(agent: &'static Agent) -> Option<Self> {
        // Codex does not like a home in the folder for temporary files.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let person = Self { folder, agent };
        for below in ["bin", "project"] {
            fs::create_dir(person.path(below)).unwrap();
        }
        let (file, text) = agent.own;
        let file = person.path("home").join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        put_command(agent.name, &person.path("bin")).then_some(person)
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(below)
    }

    /// `shorn connect` for the agent, with no word to the outside.
    fn connect(&self, server: &Server, options: &[&str]) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new(shorn())
            .args(["connect", self.agent.name, "--port", &server.port.to_string()])
            .args(options)
            .current_dir(self.path("project"))
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("HOME", self.path("home"))
            .env("SHORN_API_KEY", KEY)
            .env("PI_OFFLINE", "1")
            .env("PI_TELEMETRY", "0")
            .env("OPENCODE_DISABLE_AUTOUPDATE", "1")
            .env("OPENCODE_DISABLE_MODELS_FETCH", "1")
            .env("OPENCODE_DISABLE_LSP_DOWNLOAD", "1")
            // Else Claude Code refuses to run as root without asking for permissions.
            .env("IS_SANDBOX", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        eprintln!("{options:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// The files in the folder of the agent's configuration that are ours or the person's, with their texts.
    fn configuration(&self) -> BTreeMap<String, String> {
        let own = self.path("home").join(self.agent.own.0);
        let entries = fs::read_dir(own.parent().unwrap()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let named = paths.filter(|path| *path == own || path.to_string_lossy().contains("shorn."));
        let read = |path: PathBuf| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
        };
        named.map(read).collect()
    }
}

async fn is_started_and_works(agent: &'static Agent) {
    let Some(person) = Person::with(agent) else { return };
    let file = person.path("project").join("hi.py");
    // opencode also asks for a title, at any time.
    let write = (agent.write)(&file);
    let script = Script::answers([write.clone(), write, "It says hi: 日本 🎉.".to_owned()]);
    let server = Server::scripted(&script, &["--api-key", KEY]);
    server.wait_for_log("loaded in");
    let before = person.configuration();
    let output = person.connect(&server, &[&["--launch", "--"], agent.options, &["Write hi.py."]].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("It says hi: 日本 🎉."), "{said}");
    assert_eq!(fs::read_to_string(file).unwrap(), CONTENT);

    let status = reqwest::Client::new().get(server.url("/api/status")).bearer_auth(KEY).send().await.unwrap();
    let status: Value = status.json().await.unwrap();
    let requests = status["requests"].as_array().unwrap();
    assert!(requests.len() >= 2);
    assert!(requests.iter().all(|request| request["endpoint"] == agent.endpoint), "{requests:?}");

    let (own, text) = (Path::new(agent.own.0).file_name().unwrap().to_str().unwrap(), agent.own.1);
    let with_us = person.configuration();
    let is_beside = with_us.len() > before.len() && with_us[own] == text;
    let is_inside = with_us[own].contains("\"shorn\"") && with_us[own].contains("// mine");
    assert!(is_beside || is_inside, "{with_us:?}");
    assert!(person.connect(&server, &["--remove"]).status.success());
    assert_eq!(person.configuration(), before);
}

#[tokio::test]
async fn pi_is_started_with_the_model_and_its_own_configuration_comes_back() {
    is_started_and_works(&PI).await;
}

#[tokio::test]
async fn codex_is_started_with_the_model_and_its_own_configuration_stays() {
    is_started_and_works(&CODEX).await;
}

#[tokio::test]
async fn claude_code_is_started_with_the_model_and_its_own_settings_stay() {
    is_started_and_works(&CLAUDE).await;
}

#[tokio::test]
async fn opencode_is_started_with_the_model_and_its_own_configuration_comes_back() {
    is_started_and_works(&OPENCODE).await;
}

#[test]
fn the_limits_are_those_of_the_model_that_is_loaded() {
    let person = Person::with(&PI).unwrap();
    let server = Server::start(&["--context-length", "8000", "--api-key", KEY]);
    server.wait_for_log("loaded in");
    for (agent, limit) in [
        (&PI, "\"contextWindow\": 8000"),
        (&CODEX, "\"context_window\": 8000"),
        (&CLAUDE, "\"CLAUDE_CODE_MAX_CONTEXT_TOKENS\": \"8000\""),
        (&OPENCODE, "\"context\": 8000"),
    ] {
        let person = Person { folder: tempfile::tempdir_in(person.path("project")).unwrap(), agent };
        fs::create_dir(person.path("project")).unwrap();
        let printed = person.connect(&server, &["--print"]);
        assert!(String::from_utf8_lossy(&printed.stdout).contains(limit), "{printed:?}");
        assert!(!person.path("home").exists(), "printing writes nothing");
    }
}

#[test]
fn an_agent_that_is_not_installed_is_named_and_nothing_is_written() {
    let person = Person { folder: tempfile::tempdir().unwrap(), agent: &CODEX };
    fs::create_dir(person.path("project")).unwrap();
    let server = Server::start(&["--api-key", KEY]);
    server.wait_for_log("loaded in");
    let output = Command::new(shorn())
        .args(["connect", "codex", "--port", &server.port.to_string(), "--launch"])
        .env_clear()
        .env("PATH", person.path("project"))
        .env("HOME", person.path("home"))
        .env("SHORN_API_KEY", KEY)
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("no command `codex` on the PATH: install Codex with `npm install"), "{message}");
    assert!(!person.path("home").exists());
}
