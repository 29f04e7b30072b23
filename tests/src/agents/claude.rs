use super::{Agent, Call, Compaction, Setup, packages, text, tool_call};

/// Claude Code: Anthropic's Messages.
pub static CLAUDE: Agent = Agent {
    name: "Claude Code",
    command: "claude",
    endpoint: "/v1/messages",
    user_agent: "claude-cli/",
    program: || Some(vec![packages::claude()?.join("claude")]),
    // All of it is in the environment.
    configure: |_| {},
    call,
    read: |path| tool_call("Read", &[("file_path", text(path))]),
    write: |path, content| tool_call("Write", &[("file_path", text(path)), ("content", content)]),
    edit: |path, old, new| {
        tool_call("Edit", &[("file_path", text(path)), ("old_string", old), ("new_string", new)])
    },
    compaction: Compaction { context: 20_000, told: 65_536, after: 3, summaries: 1, exit_code: 0 },
};

fn call(setup: &Setup, prompt: &str, goes_on: bool) -> Call {
    let arguments: &[&str] = match setup.brief {
        true => &["--tools", "", "--system-prompt", "You answer questions."],
        false => &["--tools", "Bash,Read,Edit,Write", "--permission-mode", "bypassPermissions"],
    };
    let goes_on = goes_on.then_some("--continue");
    let arguments = arguments.iter().copied().chain(goes_on).chain(["-p", prompt]);
    let (context, reply) = (setup.limits.context.to_string(), setup.limits.reply.to_string());
    Call::new(arguments).environment([
        // Else it refuses to run as root without asking for permissions.
        ("IS_SANDBOX", "1"),
        ("ANTHROPIC_BASE_URL", setup.server.as_str()),
        ("ANTHROPIC_AUTH_TOKEN", "local"),
        ("ANTHROPIC_MODEL", &setup.model),
        ("CLAUDE_CODE_MAX_CONTEXT_TOKENS", &context),
        ("CLAUDE_CODE_MAX_OUTPUT_TOKENS", &reply),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
        ("DISABLE_TELEMETRY", "1"),
        ("DISABLE_ERROR_REPORTING", "1"),
        ("DISABLE_AUTOUPDATER", "1"),
        ("ENABLE_TOOL_SEARCH", "false"),
    ])
}
