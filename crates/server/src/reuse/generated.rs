//! What a reply was, for the requests that go on from it.

use std::sync::Arc;

use shorn_chat::output::{Delta, Reply};
use shorn_chat::replies::ReplyPlace;
use shorn_protocol::{FinishReason, RequestReport};
use shorn_runtime::CacheReuse;

use super::{Following, Outcome, Sessions};
use crate::served::ServedModel;

/// A reply as far as it has been read.
pub struct Generated {
    /// Where it is remembered.
    place: Option<ReplyPlace>,
    /// Its request's place in a session.
    following: Option<Following>,
    tokens: Vec<u32>,
    /// What the tokens say.
    reply: Reply,
    /// Whether the server ended it: no end token was generated.
    ended_here: bool,
    /// The worker process that it comes from.
    worker: Option<u32>,
}

/// How a reply ended, as far as it matters here.
pub struct Ending {
    /// The prompt's tokens.
    pub prompt: Vec<u32>,
    /// What the engine says; `None` when the request never got there.
    pub report: Option<RequestReport>,
    /// Whether the client was sent all that the tokens say.
    pub sent_whole: bool,
}

impl Generated {
    /// Nothing yet.
    pub fn new(place: Option<ReplyPlace>, following: Option<Following>) -> Self {
        Self {
            place,
            following,
            tokens: Vec::new(),
            reply: Reply::default(),
            ended_here: false,
            worker: None,
        }
    }

    /// The worker process that the reply will come from.
    pub fn begin(&mut self, worker: Option<u32>) {
        self.worker = worker;
    }

    /// Adds a token, and what it made known.
    pub fn push(&mut self, token: u32, deltas: &[Delta]) {
        self.tokens.push(token);
        self.say(deltas);
    }

    /// Adds what was held back.
    pub fn say(&mut self, deltas: &[Delta]) {
        self.reply.extend(deltas.iter().cloned());
    }

    /// The server ends the reply after the last token.
    pub fn end_here(&mut self) {
        self.ended_here = true;
    }

    /// Remembers the reply, and compares its request with the one that it goes on from. Takes a while when the prompt has
    /// to be rendered to tell how much of it is unchanged.
    pub fn conclude(
        mut self,
        sessions: &Sessions,
        model: &Arc<ServedModel>,
        ending: &Ending,
    ) -> Option<CacheReuse> {
        let Ending { prompt, report, sent_whole } = ending;
        let report = report.as_ref().filter(|report| report.finish != FinishReason::Error);
        // The template writes an end of its own after the reply.
        if !self.ended_here && report.is_some_and(|report| report.finish == FinishReason::Stop) {
            self.tokens.pop();
        }
        if let Some(place) = self.place.filter(|_| *sent_whole) {
            model.chat.remember(place, prompt, &self.tokens, self.reply.clone());
        }
        let following = self.following?;
        let Some(report) = report else {
            following.fail(sessions);
            return None;
        };
        let (generated, reply, worker) = (&self.tokens, &self.reply, self.worker);
        following.end(sessions, &Outcome { model, worker, report, prompt, generated, reply })
    }
}
