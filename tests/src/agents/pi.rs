use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::{Agent, Call, Compaction, Setup, packages, text, tool_call};

/// Pi: OpenAI's chat.
pub static PI: Agent = Agent {
    name: "Pi",
    command: "pi",
    endpoint: "/v1/chat/completions",
    user_agent: "pi/",
    program: || {
        let Pi { node, script } = Pi::install();
        Some(vec![node, script])
    },
    configure,
    call,
    read: |path| tool_call("read", &[("path", text(path))]),
    write: |path, content| tool_call("write", &[("path", text(path)), ("content", content)]),
    edit: |path, old, new| {
        let edits = json!([{"oldText": old, "newText": new}]).to_string();
        tool_call("edit", &[("path", text(path)), ("edits", &edits)])
    },
    // It sums up what it drops, and the beginning of a prompt's work that it keeps the rest of.
    compaction: Compaction { context: 12_000, told: 65_536, after: 3, summaries: 2, exit_code: 0 },
};

/// What keeps it from talking to anyone but the model.
const QUIET: [(&str, &str); 3] = [("PI_OFFLINE", "1"), ("PI_TELEMETRY", "0"), ("PI_SKIP_VERSION_CHECK", "1")];

/// Its Node and its script, for tests that start it in ways of their own.
pub struct Pi {
    node: PathBuf,
    script: PathBuf,
}

impl Pi {
    /// Fetches it, unless it is there.
    pub fn install() -> Self {
        Self { node: packages::node(), script: packages::pi().join("dist/bundle/cli.js") }
    }

    /// Its Node and its script.
    pub fn program(&self) -> (&Path, &Path) {
        (&self.node, &self.script)
    }

    /// A command that runs it with a home of its own and no word to the outside.
    pub fn command(&self, home: &Path, project: &Path) -> Command {
        let mut command = Command::new(&self.node);
        command
            .arg(&self.script)
            .current_dir(project)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .envs(QUIET);
        command
    }
}

fn configure(setup: &Setup) {
    let folder = setup.home.join(".pi/agent");
    fs::create_dir_all(&folder).unwrap();
    let model = json!({
        "id": setup.model, "reasoning": true, "input": ["text"],
        "contextWindow": setup.limits.context, "maxTokens": setup.limits.reply,
    });
    let provider = json!({
        "baseUrl": format!("{}/v1", setup.server), "api": "openai-completions", "apiKey": "local",
        "compat": {"supportsStore": false, "supportsDeveloperRole": false, "maxTokensField": "max_tokens"},
        "models": [model],
    });
    fs::write(folder.join("models.json"), json!({"providers": {"shorn": provider}}).to_string()).unwrap();
    // It compacts only what is older than its last 20,000 tokens, more than there are in these sessions.
    let settings = json!({"compaction": {"reserveTokens": 1000, "keepRecentTokens": 500}});
    fs::write(folder.join("settings.json"), settings.to_string()).unwrap();
}

fn call(setup: &Setup, prompt: &str, goes_on: bool) -> Call {
    let goes_on = goes_on.then_some("--continue");
    let arguments = ["--provider", "shorn", "--model", &setup.model];
    let arguments = arguments.into_iter().chain(goes_on).chain(["-p", prompt]);
    Call::new(arguments).environment(QUIET)
}
