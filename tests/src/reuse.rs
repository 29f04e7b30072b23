//! How much of an agent's turn the prompt cache holds: whole sessions with scripted replies, each prompt and reply
//! computed by the real engine, whose own count of cached tokens is taken.

use serde::Serialize;

use crate::agents::{Agent, Limits, Project, Session};
use crate::script::{Answer, Aside, Exchange, Script};
use crate::server::Server;

/// After so many turns the agent's person asks for something else, in a new process.
const TURNS_OF_A_TASK: usize = 5;

/// One turn of a session: one request of the agent's.
#[derive(Debug, Clone, Serialize)]
pub struct Turn {
    /// Tokens of its prompt.
    pub prompt_tokens: u32,
    /// Of these, tokens whose keys and values were in the prompt cache.
    pub cached_tokens: u32,
    /// Of these, tokens that the turn before had: those of its prompt and of its reply, whose last one is never
    /// computed. None of these sessions changes what was said, so all of them mean the same. `None` for the first turn.
    pub repeated_tokens: Option<u32>,
}

impl Turn {
    /// Cached tokens over those that could be, from 0 to 1.
    pub fn reuse(&self) -> Option<f64> {
        self.repeated_tokens.map(|repeated| f64::from(self.cached_tokens) / f64::from(repeated))
    }
}

/// A session of so many turns.
pub fn session(agent: &'static Agent, turns: usize) -> Vec<Turn> {
    let project = Project::default();
    let script = Script { engine: true, asides: vec![title()], ..script(agent, &project, turns) };
    let server = Server::scripted_thinker(&script, &[]);
    let mut session = Session::new(agent, &project, &server, "thinker", Limits::default());
    for task in 0..turns.div_ceil(TURNS_OF_A_TASK) {
        let said = session.ask(&format!("Do the part {task} of it, please."));
        assert!(said.answer.contains(&format!("Part {task} is done.")), "{}", said.answer);
    }
    let exchanges: Vec<_> = server.exchanges().into_iter().filter(|exchange| !exchange.aside).collect();
    assert_eq!(exchanges.len(), turns, "each reply was asked for once");
    let before = std::iter::once(None).chain(exchanges.iter().map(Some));
    before.zip(&exchanges).map(|(before, exchange)| turn(before, exchange)).collect()
}

fn turn(before: Option<&Exchange>, exchange: &Exchange) -> Turn {
    let report = exchange.report.as_ref().unwrap();
    let tokens = |before: &Exchange| {
        let before = before.report.as_ref().unwrap();
        before.prompt_tokens + before.generated_tokens - 1
    };
    Turn {
        prompt_tokens: report.prompt_tokens,
        cached_tokens: report.cached_tokens,
        repeated_tokens: before.map(tokens),
    }
}

/// Some agents have a title made for a session, in a conversation beside it.
pub fn title() -> Aside {
    Aside { prompt_holds: "title generator".to_owned(), answer: Answer::text("A title") }
}

/// Replies as models write them: reasoning, words before a call, several calls in one, arguments of several lines.
fn script(agent: &Agent, project: &Project, turns: usize) -> Script {
    let code = project.put("count.py", "def count():\n\treturn \"0 – é 🎉\"\n");
    let words = project.put("words.txt", &"The quick brown fox jumps over the lazy dog.\n".repeat(40));
    let line = |number: usize| format!("\treturn \"{number} – é 🎉\"");
    let reply = |turn: usize| {
        let task = turn / TURNS_OF_A_TASK;
        match turn % TURNS_OF_A_TASK {
            _ if turn + 1 == turns => format!("Part {task} is done."),
            0 => format!(
                "<think>\nI need both files.\n</think>\n\nI look first.\n\n{}\n{}",
                (agent.read)(&code),
                (agent.read)(&words)
            ),
            1 => (agent.edit)(&code, &line(task), &line(task + 1)),
            2 => format!(
                "Now notes.\n{}",
                (agent.write)(&project.file(&format!("notes{task}.md")), "# Notes\n\n- \"a\\b\"\t'é'\n")
            ),
            3 => format!("<think>\nIs it right?\n</think>\n\n{}", (agent.read)(&code)),
            _ => format!("<think>\nIt is.\n</think>\n\nPart {task} is done."),
        }
    };
    Script::answers((0..turns).map(reply))
}
