//! The last requests, to which a new one may belong: in memory only, and bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::http::HeaderMap;
use shorn_chat::conversation::{Conversation, Message, Role, ToolCall};
use shorn_chat::meaning::same_message;
use shorn_chat::output::Reply;
use shorn_checkpoint::KvCache;
use shorn_runtime::{ModelId, SessionMark};

/// Requests that are kept at most.
const MOST_TURNS: usize = 64;

/// Bytes of texts and tokens that are kept at most.
const MOST_BYTES: usize = 48 << 20;

/// Headers in which agents name their session. The second names an agent within the session, where there are several.
const SESSION_HEADERS: [&str; 6] = [
    "x-claude-code-session-id",
    "x-session-affinity",
    "x-session-id",
    "session-id",
    "session_id",
    "thread-id",
];
const AGENT_HEADER: &str = "x-claude-code-agent-id";

/// What a client says of the session that a request belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionHint {
    /// Its id.
    Id(String),
    /// The id of the reply that it goes on from.
    Previous(String),
}

impl SessionHint {
    /// The session's id in the headers.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let session = SESSION_HEADERS.iter().find_map(|name| text(name))?;
        Some(Self::Id(match text(AGENT_HEADER) {
            Some(agent) => format!("{session} {agent}"),
            None => session.to_owned(),
        }))
    }
}

/// One request and what became of it.
#[derive(Debug)]
pub struct PastTurn {
    /// The id of its reply.
    id: String,
    session: Option<String>,
    /// The model's name.
    pub model: String,
    /// What was sent.
    pub conversation: Arc<Conversation>,
    /// Length of all its texts.
    bytes: usize,
    /// Set when it has ended.
    pub ended: OnceLock<Ended>,
}

/// How a request ended that reached the model.
#[derive(Debug)]
pub struct Ended {
    /// The choice of a model that answered.
    pub model: ModelId,
    /// The process that did.
    pub worker: Option<u32>,
    /// How its keys and values are kept.
    pub kv: KvCache,
    /// The tokens of the prompt and of the reply, without an end token.
    pub sequence: Vec<u32>,
    /// Those of the prompt among them.
    pub prompt_tokens: usize,
    /// What it said, as a client could send it back.
    pub reply: Message,
}

impl PastTurn {
    /// All messages: those that were sent, and the reply if there is one.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.conversation.messages.iter().chain(self.ended.get().map(|ended| &ended.reply))
    }

    fn bytes(&self) -> usize {
        self.bytes + self.ended.get().map_or(0, |ended| size_of_val(ended.sequence.as_slice()))
    }

    /// How much of another conversation is in this one: messages from the front, and messages in the same place.
    fn likeness(&self, now: &Conversation) -> Likeness {
        let same = |(past, now): (&Message, &Message)| same_message(past, now, &self.conversation.tools);
        let pairs = || self.messages().zip(&now.messages);
        Likeness {
            beginning: pairs().take_while(|pair| same(*pair)).count(),
            same: pairs().filter(|pair| same(*pair)).count(),
            same_tools: self.conversation.listed_tools().eq(now.listed_tools()),
        }
    }

    /// Whether both begin with the same words of the user's, or the same call was made in both: of a history that was
    /// cut short the end is left.
    fn is_of_the_same_session(&self, now: &Conversation) -> bool {
        let of_user = |message: &&Message| message.role == Role::User;
        let first = self.conversation.messages.iter().find(of_user);
        let called = |message: &Message| message.tool_calls.first().map(|call| call.id.clone());
        let calls: Vec<String> = now.messages.iter().filter_map(called).collect();
        let mut past = self.conversation.messages.iter().filter_map(called);
        (first.is_some() && first == now.messages.iter().find(of_user))
            || past.any(|id| !id.is_empty() && calls.contains(&id))
    }
}

/// In the order in which they count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Likeness {
    beginning: usize,
    same: usize,
    same_tools: bool,
}

fn bytes(conversation: &Conversation) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let message = |message: &Message| {
        let calls = message.tool_calls.iter().map(|call| call.name.len() + call.arguments.len());
        text(&message.content) + text(&message.reasoning) + calls.sum::<usize>()
    };
    let tools = conversation.tools.iter().map(|tool| tool.json.to_string().len());
    conversation.messages.iter().map(message).sum::<usize>() + tools.sum::<usize>()
}

/// A reply as a message, as a client could send it back. Its calls have no ids.
pub fn message_of(reply: &Reply) -> Message {
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    let calls = reply.tool_calls.iter().map(|call| ToolCall {
        id: String::new(),
        name: call.name.clone(),
        arguments: call.arguments.clone(),
    });
    Message {
        role: Role::Assistant,
        content: some(&reply.content),
        reasoning: some(&reply.reasoning),
        tool_calls: calls.collect(),
        ..Message::default()
    }
}

/// The request that a new one goes on from.
#[derive(Debug, Clone)]
pub struct Past {
    /// That request.
    pub turn: Arc<PastTurn>,
    /// By what it was found.
    pub mark: SessionMark,
    /// Whether it had not ended when the new one arrived.
    pub running: bool,
}

/// The requests of all sessions, the latest last.
#[derive(Debug, Default)]
pub struct Sessions {
    turns: Mutex<VecDeque<Arc<PastTurn>>>,
}

impl Sessions {
    /// Notes a request whose reply will have this `id`, and finds the one that it goes on from.
    pub fn begin(
        &self,
        hint: Option<SessionHint>,
        id: &str,
        model: &str,
        conversation: Arc<Conversation>,
    ) -> (Arc<PastTurn>, Option<Past>) {
        let past = self.find(hint.as_ref(), &conversation);
        let session = match hint {
            Some(SessionHint::Id(session)) => Some(session),
            _ => past.as_ref().and_then(|past| past.turn.session.clone()),
        };
        let (id, model, bytes) = (id.to_owned(), model.to_owned(), bytes(&conversation));
        let turn = Arc::new(PastTurn { id, session, model, conversation, bytes, ended: OnceLock::new() });
        self.turns().push_back(turn.clone());
        (turn, past)
    }

    /// Notes how a request ended. One that never reached the model is forgotten, one that another goes on from to its end
    /// as well.
    pub fn end(&self, turn: &Arc<PastTurn>, past: Option<&Past>, ended: Option<Ended>) {
        // Compared before the lock is taken: others wait for that.
        let gone_on_from = past.filter(|_| ended.is_some()).filter(|past| {
            let likeness = past.turn.likeness(&turn.conversation);
            likeness.same_tools && likeness.beginning == past.turn.messages().count()
        });
        let mut turns = self.turns();
        match ended {
            Some(ended) => _ = turn.ended.set(ended),
            None => turns.retain(|other| !Arc::ptr_eq(other, turn)),
        }
        if let Some(past) = gone_on_from {
            turns.retain(|other| !Arc::ptr_eq(other, &past.turn));
        }
        let mut bytes: usize = turns.iter().map(|turn| turn.bytes()).sum();
        while turns.len() > MOST_TURNS || bytes > MOST_BYTES {
            bytes -= turns.pop_front().map_or(0, |turn| turn.bytes());
        }
    }

    fn find(&self, hint: Option<&SessionHint>, now: &Conversation) -> Option<Past> {
        let turns = self.turns().iter().cloned().collect::<Vec<_>>();
        let past = |turn: &Arc<PastTurn>, mark| Past {
            turn: turn.clone(),
            mark,
            running: turn.ended.get().is_none(),
        };
        let best = |of_it: &dyn Fn(&PastTurn) -> bool| {
            let those = turns.iter().filter(|turn| of_it(turn));
            let alike =
                those.map(|turn| (turn.likeness(now), turn)).filter(|(likeness, _)| likeness.same > 0);
            // Of several that are as much alike the latest.
            alike.max_by_key(|(likeness, _)| *likeness).map(|(_, turn)| turn)
        };
        match hint {
            Some(SessionHint::Previous(id)) => {
                let turn = turns.iter().find(|turn| turn.id == *id)?;
                Some(past(turn, SessionMark::PreviousResponse))
            }
            Some(SessionHint::Id(id)) => {
                let turn = best(&|turn| turn.session.as_ref() == Some(id))?;
                Some(past(turn, SessionMark::SessionId))
            }
            None => {
                let turn = best(&|turn| turn.session.is_none() && turn.is_of_the_same_session(now))?;
                Some(past(turn, SessionMark::SameBeginning))
            }
        }
    }

    fn turns(&self) -> MutexGuard<'_, VecDeque<Arc<PastTurn>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
