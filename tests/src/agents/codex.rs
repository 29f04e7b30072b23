use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::{Agent, Call, Compaction, Setup, packages, text, tool_call};

/// Codex: OpenAI's Responses.
pub static CODEX: Agent = Agent {
    name: "Codex",
    command: "codex",
    endpoint: "/v1/responses",
    user_agent: "codex_exec/",
    program,
    configure,
    call,
    // It has no tools for files but the shell's and its patch.
    read: |path| tool_call("exec_command", &[("cmd", &format!("cat '{}'", text(path)))]),
    write: |path, content| {
        let lines = prefixed("+", content);
        patch(&format!("*** Add File: {}\n{lines}", text(path)))
    },
    edit: |path, old, new| {
        let (old, new) = (prefixed("-", old), prefixed("+", new));
        patch(&format!("*** Update File: {}\n@@\n{old}{new}", text(path)))
    },
    compaction: Compaction { context: 65_536, told: 17_000, after: 2, summaries: 1, exit_code: 0 },
};

fn patch(change: &str) -> String {
    tool_call("apply_patch", &[("input", &format!("*** Begin Patch\n{change}*** End Patch"))])
}

/// Lines with a sign before each.
fn prefixed(sign: &str, lines: &str) -> String {
    lines.lines().map(|line| format!("{sign}{line}\n")).collect()
}

fn configure(setup: &Setup) {
    let catalog = setup.home.join("models.json");
    let mut model = json!({
        "slug": setup.model, "display_name": "Shorn", "supported_reasoning_levels": [],
        "shell_type": "unified_exec", "visibility": "list", "supported_in_api": true, "priority": 1,
        "support_verbosity": false, "truncation_policy": {"mode": "tokens", "limit": 10000},
        "experimental_supported_tools": [], "base_instructions": "You are a coding agent.",
        "context_window": setup.limits.context, "auto_compact_token_limit": setup.limits.context / 10 * 9,
        "apply_patch_tool_type": "freeform", "supports_parallel_tool_calls": true, "input_modalities": ["text"],
    });
    if setup.brief {
        model["shell_type"] = json!("disabled");
        model["apply_patch_tool_type"] = json!(null);
    }
    fs::write(&catalog, json!({"models": [model]}).to_string()).unwrap();
    let (says, offers) = match setup.brief {
        true => (
            "include_permissions_instructions = false\ninclude_environment_context = false\n\
             skills.include_instructions = false",
            "goals = false\nmulti_agent = false\ntool_suggest = false",
        ),
        false => ("", ""),
    };
    let config = format!(
        r#"
        {says}
        model = "{}"
        model_provider = "shorn"
        model_catalog_json = "{}"
        check_for_update_on_startup = false
        web_search = "disabled"
        [model_providers.shorn]
        name = "shorn"
        base_url = "{}/v1"
        wire_api = "responses"
        [features]
        plugins = false
        apps = false
        remote_plugin = false
        {offers}
        [analytics]
        enabled = false
        "#,
        setup.model,
        catalog.display(),
        setup.server,
    );
    fs::write(setup.home.join("config.toml"), config).unwrap();
}

fn call(setup: &Setup, prompt: &str, goes_on: bool) -> Call {
    let arguments = ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"];
    let goes_on = goes_on.then_some(["resume", "--last"]);
    let arguments = arguments.into_iter().chain(goes_on.into_iter().flatten()).chain([prompt]);
    Call::new(arguments).environment([("CODEX_HOME", &setup.home)])
}

fn program() -> Option<Vec<PathBuf>> {
    let vendor = packages::codex()?.join("vendor");
    // The one folder in it is named after the platform.
    let platform = fs::read_dir(vendor).unwrap().next().unwrap().unwrap().path();
    Some(vec![platform.join("bin/codex")])
}
