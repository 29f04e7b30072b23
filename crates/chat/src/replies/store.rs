//! The replies that are kept, by what stood before them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::marks::{Ending, Skeleton};
use crate::conversation::{Conversation, Message};
use crate::meaning::is_reply;
use crate::output::Reply;

/// Everything before a message, tools included, as one number that nothing else has.
pub(super) type Place = [u8; 32];

/// What a reply takes beside its tokens and texts, about.
const ENTRY_BYTES: usize = 512;

/// One reply.
#[derive(Debug)]
pub(super) struct Remembered {
    /// Its number among all that were ever kept.
    pub id: u64,
    /// Its message's place in the conversation.
    pub index: usize,
    /// What it said.
    pub reply: Reply,
    /// How its text ends.
    pub ending: Ending,
    /// The reply that `tokens` go on from.
    pub parent: Option<u64>,
    /// From the end of the parent's tokens to the end of its own, without an end token.
    pub tokens: Vec<u32>,
    /// What the template wrote before it.
    pub skeleton: Skeleton,
}

#[derive(Debug)]
struct Kept {
    remembered: Arc<Remembered>,
    place: Place,
    /// The higher, the later it was used.
    used: u64,
    bytes: usize,
}

/// Replies up to so many bytes; what was not used for longest makes room.
#[derive(Debug)]
pub(super) struct Store {
    kept: HashMap<u64, Kept>,
    /// The ids of the replies at a place, oldest first.
    places: HashMap<Place, Vec<u64>>,
    capacity: usize,
    bytes: usize,
    next_id: u64,
    uses: u64,
}

impl Store {
    pub fn new(capacity: usize) -> Self {
        Self { kept: HashMap::new(), places: HashMap::new(), capacity, bytes: 0, next_id: 0, uses: 0 }
    }

    /// A number for the next reply.
    pub fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The replies among a conversation's messages, oldest first, and the place of the one that comes next.
    pub fn recognise(&mut self, conversation: &Conversation) -> (Vec<Arc<Remembered>>, Place) {
        let mut before = Sha256::new();
        conversation.listed_tools().for_each(|tool| add(&mut before, &tool.json.to_string()));
        let mut found = Vec::new();
        for message in &conversation.messages {
            let place = before.clone().finalize().into();
            match self.at(&place, message, conversation) {
                Some(remembered) => {
                    add_reply(&mut before, &remembered.reply);
                    found.push(remembered);
                }
                None => add_message(&mut before, message),
            }
        }
        (found, before.finalize().into())
    }

    /// The reply at a place that a message is; of several the newest.
    fn at(
        &mut self,
        place: &Place,
        message: &Message,
        conversation: &Conversation,
    ) -> Option<Arc<Remembered>> {
        let ids = self.places.get(place)?;
        let is_it = |id: &&u64| {
            let kept = self.kept.get(id);
            kept.is_some_and(|kept| is_reply(message, &kept.remembered.reply, &conversation.tools))
        };
        let id = *ids.iter().rev().find(is_it)?;
        self.uses += 1;
        let kept = self.kept.get_mut(&id)?;
        kept.used = self.uses;
        Some(kept.remembered.clone())
    }

    /// A reply with those that its tokens go on from, oldest first; `None` if one of them is gone.
    pub fn chain(&self, last: &Arc<Remembered>) -> Option<Vec<Arc<Remembered>>> {
        let mut chain = vec![last.clone()];
        while let Some(parent) = chain.last().and_then(|reply| reply.parent) {
            chain.push(self.kept.get(&parent)?.remembered.clone());
        }
        chain.reverse();
        Some(chain)
    }

    /// Keeps a reply.
    pub fn keep(&mut self, place: Place, remembered: Remembered) {
        let calls = &remembered.reply.tool_calls;
        let texts = remembered.reply.content.len() + remembered.reply.reasoning.len();
        let calls: usize = calls.iter().map(|call| call.name.len() + call.arguments.len()).sum();
        let bytes = ENTRY_BYTES + size_of_val(remembered.tokens.as_slice()) + texts + calls;
        if bytes > self.capacity {
            return;
        }
        self.uses += 1;
        self.bytes += bytes;
        self.places.entry(place).or_default().push(remembered.id);
        let id = remembered.id;
        self.kept.insert(id, Kept { remembered: Arc::new(remembered), place, used: self.uses, bytes });
        while self.bytes > self.capacity {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(id, _)| *id);
        let Some((id, kept)) = oldest.and_then(|id| self.kept.remove_entry(&id)) else { return };
        self.bytes -= kept.bytes;
        if let Some(ids) = self.places.get_mut(&kept.place) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.places.remove(&kept.place);
            }
        }
    }
}

/// Adds a text so that no two lists of texts give the same bytes.
fn add(hash: &mut Sha256, text: &str) {
    hash.update(text.len().to_le_bytes());
    hash.update(text);
}

fn add_option(hash: &mut Sha256, text: Option<&String>) {
    hash.update([u8::from(text.is_some())]);
    add(hash, text.map_or("", String::as_str));
}

fn add_message(hash: &mut Sha256, message: &Message) {
    hash.update([message.role as u8]);
    add_option(hash, message.content.as_ref());
    add_option(hash, message.reasoning.as_ref());
    hash.update(message.tool_calls.len().to_le_bytes());
    for call in &message.tool_calls {
        // What else the template may make of another spelling shows in what it writes.
        let arguments = serde_json::from_str(&call.arguments).map(|json: Value| json.to_string());
        let arguments = arguments.unwrap_or_else(|_| call.arguments.clone());
        [&call.id, &call.name, &arguments].into_iter().for_each(|text| add(hash, text));
    }
    add_option(hash, message.tool_call_id.as_ref());
    add_option(hash, message.name.as_ref());
}

/// A reply counts as what the model wrote, in whatever form it came back.
fn add_reply(hash: &mut Sha256, reply: &Reply) {
    hash.update([u8::MAX]);
    add(hash, reply.content.trim());
    hash.update(reply.tool_calls.len().to_le_bytes());
    for call in &reply.tool_calls {
        add(hash, &call.name);
        add(hash, &call.arguments);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Role;
    use crate::output::Delta;

    /// A conversation whose last message is the reply that is looked for.
    fn conversation(user: &str) -> Conversation {
        let messages = vec![Message::text(Role::User, user), Message::text(Role::Assistant, "Yes.")];
        Conversation { messages, ..Conversation::default() }
    }

    fn keep(store: &mut Store, user: &str, tokens: usize) {
        let mut before = conversation(user);
        before.messages.pop();
        let (_, place) = store.recognise(&before);
        let mut reply = Reply::default();
        reply.push(Delta::Content("Yes.".into()));
        let (id, skeleton) = (store.id(), Skeleton::of(""));
        let tokens = vec![0; tokens];
        let ending = Ending::default();
        store.keep(place, Remembered { id, index: 1, reply, ending, parent: None, tokens, skeleton });
    }

    fn knows(store: &mut Store, user: &str) -> bool {
        !store.recognise(&conversation(user)).0.is_empty()
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let mut store = Store::new(3 * (ENTRY_BYTES + 400));
        for user in ["a", "b", "c"] {
            keep(&mut store, user, 90);
        }
        assert!(knows(&mut store, "a"));
        keep(&mut store, "d", 90);
        let known: Vec<bool> = ["a", "b", "c", "d"].iter().map(|user| knows(&mut store, user)).collect();
        assert_eq!(known, [true, false, true, true]);
        assert!(store.bytes <= store.capacity && store.places.len() == 3);
    }

    #[test]
    fn one_too_large_pushes_nothing_out() {
        let mut store = Store::new(2 * ENTRY_BYTES);
        keep(&mut store, "a", 10);
        keep(&mut store, "b", 10_000);
        assert!(knows(&mut store, "a") && !knows(&mut store, "b"));
    }
}
