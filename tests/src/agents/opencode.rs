use std::fs;

use serde_json::{Map, json};

use super::{Agent, Call, Compaction, Setup, packages, text, tool_call};

/// opencode: OpenAI's chat, with a second conversation for the session's title.
pub static OPENCODE: Agent = Agent {
    name: "opencode",
    command: "opencode",
    endpoint: "/v1/chat/completions",
    user_agent: "opencode/",
    program: || Some(vec![packages::opencode()?.join("bin/opencode")]),
    configure,
    call,
    read: |path| tool_call("read", &[("filePath", text(path))]),
    write: |path, content| tool_call("write", &[("filePath", text(path)), ("content", content)]),
    edit: |path, old, new| {
        tool_call("edit", &[("filePath", text(path)), ("oldString", old), ("newString", new)])
    },
    // It goes on, and says all the same that there was an error.
    compaction: Compaction { context: 27_000, told: 65_536, after: 3, summaries: 1, exit_code: 1 },
};

fn configure(setup: &Setup) {
    let mut models = Map::new();
    models.insert(
        setup.model.clone(),
        json!({
            "name": "Shorn", "tool_call": true, "reasoning": true, "interleaved": {"field": "reasoning_content"},
            "limit": {"context": setup.limits.context, "output": setup.limits.reply},
        }),
    );
    let name = format!("shorn/{}", setup.model);
    let mut config = json!({
        "autoupdate": false, "share": "disabled", "model": name, "small_model": name,
        "provider": {"shorn": {
            "npm": "@ai-sdk/openai-compatible", "name": "Shorn",
            "options": {"baseURL": format!("{}/v1", setup.server), "apiKey": "local"},
            "models": models,
        }},
    });
    if setup.brief {
        config["agent"] = json!({"build": {"prompt": "You answer questions.", "tools": {"*": false}}});
    }
    let folder = setup.home.join(".config/opencode");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("opencode.json"), config.to_string()).unwrap();
}

fn call(_: &Setup, prompt: &str, goes_on: bool) -> Call {
    let goes_on = goes_on.then_some("--continue");
    Call::new(["run"].into_iter().chain(goes_on).chain([prompt])).environment([
        ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
        ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
        ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1"),
        ("OPENCODE_DISABLE_DEFAULT_PLUGINS", "1"),
        ("OPENCODE_DISABLE_SHARE", "1"),
    ])
}
