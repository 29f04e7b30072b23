//! The model's replies, remembered as the tokens that it generated, and put into the prompts that go on from them.
//!
//! A client sends the whole conversation with each request. Rendered and tokenized anew, an earlier reply rarely gives
//! the tokens that the model generated: agents write a call's arguments in another form, templates write them in a form
//! of their own, and a tokenizer joins what the model wrote apart. The KV cache would end at each reply.
//!
//! So a reply is kept with all tokens up to its end. When a conversation comes back, each message of the assistant's is
//! looked up by everything before it, and is the reply if it means the same ([`is_reply`]); whatever was edited, or stands
//! after something that was, is not found. The template then renders the conversation with marks where these replies end.
//! If it writes everything before the last of them exactly as it did when the reply was generated, the prompt is the
//! remembered tokens, and only what the template writes after that reply is tokenized.
//!
//! Templates have the last word on what a model sees: one that leaves out the reasoning of earlier turns, moves the list of
//! tools or writes the time of day gets its way, and the conversation goes on from the last reply before that. The one
//! exception is reasoning of the turn that is under way, since the user's last message: it stays, because the model is
//! still at it.
//!
//! [`is_reply`]: crate::meaning::is_reply

mod marks;
mod store;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::conversation::Conversation;
use crate::model::ChatError;
use crate::output::Reply;
use crate::template::ChatTemplate;
use crate::tokenizer::Tokenizer;
pub use marks::CutReason;
use marks::{Ending, Skeleton};
use store::{Place, Remembered, Store};

/// Bytes of tokens and texts that are kept for a model: some 60 sessions of 100,000 tokens.
const CAPACITY: usize = 32 << 20;

/// How often a conversation is rendered to find a reply that it can go on from.
const MOST_RENDERINGS: usize = 4;

/// Tokens at the end of a reply that tell how its text ends.
const ENDING_TOKENS: usize = 64;

/// The replies of one model.
#[derive(Debug)]
pub(crate) struct Replies {
    store: Mutex<Store>,
}

/// Where a reply will stand, for [`ChatModel::remember`](crate::model::ChatModel::remember).
#[derive(Clone, Debug)]
pub struct ReplyPlace {
    place: Place,
    index: usize,
    parent: Option<u64>,
    /// How many of the prompt's tokens are the parent's.
    parent_tokens: usize,
    skeleton: Skeleton,
}

/// The first reply that is known and yet does not stand as it was generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Its message's place in the conversation.
    pub message: usize,
    /// Why not.
    pub reason: CutReason,
}

/// A prompt with the replies in it that are known.
pub(crate) struct Continued {
    /// The prompt as it was rendered, with marks for these replies.
    pub text: String,
    pub tokens: Vec<u32>,
    /// `None` if the template does not begin the reply after what it writes without one.
    pub place: Option<ReplyPlace>,
    /// The place of the last message that stands as it was generated.
    pub last_reply: Option<usize>,
    pub cut: Option<Cut>,
}

/// A reply that the prompt goes on from.
struct Base {
    chain: Vec<Arc<Remembered>>,
    text: String,
    /// All tokens of the chain.
    tokens: Vec<u32>,
}

impl Default for Replies {
    fn default() -> Self {
        Self { store: Mutex::new(Store::new(CAPACITY)) }
    }
}

impl Replies {
    /// The prompt for a conversation.
    pub fn prompt(
        &self,
        conversation: &Conversation,
        template: &ChatTemplate,
        tokenizer: &Tokenizer,
    ) -> Result<Continued, ChatError> {
        let (found, place) = self.store().recognise(conversation);
        let mut cut = None;
        let base = self.base(conversation, template, &found, &mut cut);
        let Base { chain, text, mut tokens } = match base {
            Some(base) => base,
            None => {
                Base { chain: Vec::new(), text: template.render(conversation, true)?, tokens: Vec::new() }
            }
        };
        let parent_tokens = tokens.len();
        match chain.last() {
            Some(last) => {
                let after = marks::after(last, conversation, &text).unwrap_or_default();
                tokens.extend(tokenizer.encode_continuation(after)?);
            }
            None => tokens = tokenizer.encode(&text)?,
        }
        let before_reply = template.render(&marks::marked(conversation, &chain), false)?;
        let place = text.starts_with(&before_reply).then(|| ReplyPlace {
            place,
            index: conversation.messages.len(),
            parent: chain.last().map(|last| last.id),
            parent_tokens,
            skeleton: Skeleton::of(&before_reply),
        });
        Ok(Continued { text, tokens, place, last_reply: chain.last().map(|last| last.index), cut })
    }

    /// The last reply that the prompt can go on from. `cut` becomes the first that it cannot.
    fn base(
        &self,
        conversation: &Conversation,
        template: &ChatTemplate,
        found: &[Arc<Remembered>],
        cut: &mut Option<Cut>,
    ) -> Option<Base> {
        let mut candidate = found.last().cloned();
        for _ in 0..MOST_RENDERINGS {
            let chain = self.store().chain(&candidate?)?;
            let text = template.render(&marks::marked(conversation, &chain), true).ok()?;
            let check = |reply: &Arc<Remembered>| marks::check(reply, conversation, &text);
            let mut problem =
                chain.iter().enumerate().find_map(|(at, reply)| Some((at, check(reply).err()?)));
            let whole = chain.len() - 1;
            if problem.is_none() && marks::after(&chain[whole], conversation, &text).is_none() {
                problem = Some((whole, CutReason::EndNotFound));
            }
            let Some((at, reason)) = problem else {
                let tokens = chain.iter().flat_map(|reply| &reply.tokens).copied().collect();
                return Some(Base { chain, text, tokens });
            };
            *cut = Some(Cut { message: chain[at].index, reason });
            let first = chain[0].index;
            let earlier = || found.iter().rev().find(|reply| reply.index < first);
            candidate = at.checked_sub(1).map(|before| &chain[before]).or_else(earlier).cloned();
        }
        None
    }

    /// Keeps a reply: the tokens that were generated after a prompt, without an end token, and what was sent of them.
    pub fn remember(
        &self,
        place: ReplyPlace,
        prompt: &[u32],
        generated: &[u32],
        reply: Reply,
        tokenizer: &Tokenizer,
    ) {
        if reply.content.trim().is_empty() && reply.tool_calls.is_empty() {
            // Nothing comes back of it.
            return;
        }
        let ending = &generated[generated.len().saturating_sub(ENDING_TOKENS)..];
        let ending = Ending::of(&tokenizer.decode(ending, false));
        let ReplyPlace { place, index, parent, parent_tokens, skeleton } = place;
        let tokens = [&prompt[parent_tokens.min(prompt.len())..], generated].concat();
        let mut store = self.store();
        let id = store.id();
        store.keep(place, Remembered { id, index, reply, ending, parent, tokens, skeleton });
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
