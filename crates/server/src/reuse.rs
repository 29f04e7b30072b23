//! How much of each prompt the KV cache held, and why not more.
//!
//! A request is compared with the one of its session that it goes on from: with its tokens, which say how much could have
//! been reused, and with its messages and tools, which say what came back changed.

mod difference;
mod excerpt;
mod explanation;
mod generated;
mod sessions;

use std::sync::Arc;

use shorn_chat::conversation::Conversation;
use shorn_chat::output::Reply;
use shorn_chat::replies::{Cut, CutReason};
use shorn_protocol::RequestReport;
use shorn_runtime::{CacheMiss, CacheReuse, MissCause};

use crate::served::ServedModel;
use difference::Difference;
pub use generated::{Ending, Generated};
use sessions::{Ended, Past, PastTurn, message_of};
pub use sessions::{SessionHint, Sessions};

/// Fewer tokens than this are not worth a word: the engine computes the last token of each prompt, and what it has of a
/// prompt that is this short it does not keep.
const WORTH_A_WORD: usize = 16;

/// Tokens around a difference that are shown as text.
const SHOWN_TOKENS: usize = 12;

/// A request among those of its session, from its prompt on.
pub struct Following {
    turn: Arc<PastTurn>,
    past: Option<Past>,
    /// The last message that stands in the prompt as it was generated.
    last_reply: Option<usize>,
    /// The first that does not.
    cut: Option<Cut>,
}

/// A request that has ended.
pub struct Outcome<'a> {
    /// The model that answered.
    pub model: &'a Arc<ServedModel>,
    /// The worker process.
    pub worker: Option<u32>,
    /// What the engine says.
    pub report: &'a RequestReport,
    /// The prompt's tokens.
    pub prompt: &'a [u32],
    /// Those of the reply, without an end token.
    pub generated: &'a [u32],
    /// What it said.
    pub reply: &'a Reply,
}

impl Following {
    /// Notes a request whose prompt has been made.
    pub fn new(
        sessions: &Sessions,
        hint: Option<SessionHint>,
        id: &str,
        model: &str,
        conversation: Arc<Conversation>,
        (last_reply, cut): (Option<usize>, Option<Cut>),
    ) -> Self {
        let (turn, past) = sessions.begin(hint, id, model, conversation);
        Self { turn, past, last_reply, cut }
    }

    /// Notes that the request never reached the model.
    pub fn fail(self, sessions: &Sessions) {
        sessions.end(&self.turn, None, None);
    }

    /// Notes how the request ended, and compares it with the one before; `None` if it is the first of its session.
    pub fn end(self, sessions: &Sessions, outcome: &Outcome<'_>) -> Option<CacheReuse> {
        let ended = Ended {
            model: outcome.model.model.id(),
            worker: outcome.worker,
            kv: outcome.report.kv.requested,
            sequence: [outcome.prompt, outcome.generated].concat(),
            prompt_tokens: outcome.prompt.len(),
            reply: message_of(outcome.reply),
        };
        let reuse = self.past.as_ref().map(|past| self.compare(past, &ended, outcome));
        sessions.end(&self.turn, self.past.as_ref(), Some(ended));
        reuse
    }

    fn compare(&self, past: &Past, now: &Ended, outcome: &Outcome<'_>) -> CacheReuse {
        let (prompt, cached) = (outcome.prompt, outcome.report.cached_tokens as usize);
        let known = past.turn.ended.get().map_or(&[][..], |ended| &ended.sequence);
        let shared = common(known, prompt);
        // What the client, or the template, takes away was never to be had.
        let lost = known.len().saturating_sub(cached);
        let (mut unchanged, mut miss) = (known.len().min(prompt.len()), None);
        if lost >= WORTH_A_WORD || past.running {
            let found = self.miss(past, now, outcome, shared);
            unchanged = found.unchanged;
            let excerpts = found.excerpts.map_or((None, None), |(before, now)| (Some(before), Some(now)));
            miss = Some(CacheMiss {
                cause: found.cause,
                field: found.field,
                before: excerpts.0,
                now: excerpts.1,
                lost_tokens: lost as u32,
                explanation: explanation::of(found.cause).to_owned(),
            });
        }
        CacheReuse {
            recognised_by: past.mark,
            known_tokens: known.len() as u32,
            unchanged_tokens: unchanged as u32,
            cached_tokens: cached as u32,
            miss,
        }
    }

    /// What comes first: that there is no such cache, or that the prompt is another.
    fn miss(&self, past: &Past, now: &Ended, outcome: &Outcome<'_>, shared: usize) -> Found {
        let Some(before) = past.turn.ended.get().filter(|_| !past.running) else {
            return Found::elsewhere(MissCause::StillRunning, shared);
        };
        let missing = |cause| Found::elsewhere(cause, shared);
        if past.turn.model != self.turn.model {
            // Its tokens mean nothing to this one.
            return Found::elsewhere(MissCause::OtherModel, 0);
        }
        if before.kv != now.kv {
            return missing(MissCause::KvChanged);
        }
        if before.model != now.model || before.worker != now.worker {
            return missing(MissCause::ModelReloaded);
        }
        if outcome.report.cached_tokens as usize + WORTH_A_WORD <= shared.min(outcome.prompt.len() - 1) {
            return missing(MissCause::Evicted);
        }
        self.changed(&past.turn, before, outcome, shared)
    }

    /// Why the prompt is another.
    fn changed(&self, past: &PastTurn, before: &Ended, outcome: &Outcome<'_>, shared: usize) -> Found {
        let (now, chat) = (&self.turn.conversation, &outcome.model.chat);
        let unchanged_before = |message: usize| {
            let messages = now.messages[..message.min(now.messages.len())].to_vec();
            let beginning = Conversation { messages, ..Conversation::clone(now) };
            let beginning =
                chat.prompt(&beginning).map_or(0, |prompt| common(&prompt.tokens, outcome.prompt));
            beginning.max(shared)
        };
        if let Some(difference) =
            difference::first(&past.conversation, Some(&before.reply), now, self.last_reply)
        {
            let Difference { cause, field, message, excerpts } = difference;
            let unchanged = match message {
                // Only the form is another: what was computed before means the same.
                _ if is_form(cause) => before.sequence.len().min(outcome.prompt.len()),
                Some(message) => unchanged_before(message),
                None => shared,
            };
            return Found { cause, field: Some(field), excerpts, unchanged };
        }
        let window = |tokens: &[u32]| {
            let shown = shared.saturating_sub(SHOWN_TOKENS)..(shared + SHOWN_TOKENS).min(tokens.len());
            chat.tokenizer().decode(tokens.get(shown).unwrap_or_default(), false)
        };
        let (was, is) = (window(&before.sequence), window(outcome.prompt));
        let writes_time = chat.template().source().contains("strftime_now");
        let in_prompt = shared < before.prompt_tokens;
        let field = |message: usize, field: &str| Some(format!("messages[{message}]{field}"));
        let (cause, field, unchanged) = match self.cut {
            Some(Cut { message, reason: CutReason::ReasoningLeftOut }) => {
                (MissCause::ReasoningDropped, field(message, ".reasoning"), unchanged_before(message))
            }
            _ if writes_time && in_prompt && is_time(&was, &is) => (MissCause::TemplateDate, None, shared),
            Some(Cut { reason: CutReason::Rewritten, .. }) => (MissCause::TemplateRewrites, None, shared),
            Some(Cut { message, .. }) => {
                (MissCause::ReplyNotKept, field(message, ""), before.sequence.len().min(outcome.prompt.len()))
            }
            None => {
                let reply = past.conversation.messages.len();
                (MissCause::ReplyNotKept, field(reply, ""), before.sequence.len().min(outcome.prompt.len()))
            }
        };
        Found { cause, field, excerpts: Some(excerpt::around(&was, &is)), unchanged }
    }
}

/// Why a cache was not reused, and how much of it could have been.
struct Found {
    cause: MissCause,
    field: Option<String>,
    excerpts: Option<(String, String)>,
    unchanged: usize,
}

impl Found {
    /// Nothing in the request is why.
    fn elsewhere(cause: MissCause, unchanged: usize) -> Self {
        Self { cause, field: None, excerpts: None, unchanged }
    }
}

/// Whether a difference is one of form only.
fn is_form(cause: MissCause) -> bool {
    matches!(cause, MissCause::ArgumentOrder | MissCause::NumberFormat | MissCause::ArgumentFormat)
}

fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Whether the words in which two texts first differ can be of a date or a time.
fn is_time(before: &str, now: &str) -> bool {
    const NAMES: [&str; 19] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Mon", "Tue",
        "Wed", "Thu", "Fri", "Sat", "Sun",
    ];
    let at = before.chars().zip(now.chars()).take_while(|(before, now)| before == now).count();
    let word = |text: &str| {
        let characters: Vec<char> = text.chars().collect();
        let edge = |c: &char| !c.is_alphanumeric();
        let (start, rest) = characters.split_at(at.min(characters.len()));
        let start = start.iter().rposition(edge).map_or(start, |edge| &start[edge + 1..]);
        let end = rest.iter().position(edge).unwrap_or(rest.len());
        start.iter().chain(&rest[..end]).collect::<String>()
    };
    let of_time = |word: String| {
        word.contains(|c: char| c.is_ascii_digit()) || NAMES.iter().any(|name| word.starts_with(name))
    };
    of_time(word(before)) && of_time(word(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_told_from_other_words() {
        assert!(is_time("Today is 27 Nov 2026.", "Today is 28 Nov 2026."));
        assert!(is_time("at 10:59:58", "at 11:00:01") && is_time("Monday, so", "Tuesday, so"));
        assert!(!is_time("# Tools", "# Files") && !is_time("Number 4", "Numbers"));
    }
}
