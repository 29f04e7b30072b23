//! What is kept of responses, for requests that go on from one: in memory only, and bounded.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::error::ApiError;

/// Responses that are kept at most.
const MOST_RESPONSES: usize = 256;

/// Bytes of JSON that are kept at most.
const MOST_BYTES: usize = 32 << 20;

/// The responses that were used last. What has not been used for longest makes room for what is new.
#[derive(Debug)]
pub struct ResponseStore {
    kept: Mutex<VecDeque<Stored>>,
    most_responses: usize,
    most_bytes: usize,
}

/// One response, and what it replied to.
#[derive(Debug)]
struct Stored {
    id: String,
    previous: Option<String>,
    /// The items of its request's own input.
    input: Vec<Value>,
    /// The response object.
    response: Value,
    /// Length of all this as JSON.
    bytes: usize,
}

impl Stored {
    fn items(&self) -> impl Iterator<Item = &Value> {
        self.input.iter().chain(self.response["output"].as_array().into_iter().flatten())
    }
}

impl Default for ResponseStore {
    fn default() -> Self {
        Self { kept: Mutex::default(), most_responses: MOST_RESPONSES, most_bytes: MOST_BYTES }
    }
}

impl ResponseStore {
    /// Keeps a response object. One that is larger than all that may be kept is not.
    pub fn keep(&self, id: String, previous: Option<String>, input: Vec<Value>, response: Value) {
        let length = |value: &Value| value.to_string().len();
        let bytes = input.iter().map(length).sum::<usize>() + length(&response);
        if bytes > self.most_bytes {
            return tracing::warn!("response {id} has {bytes} bytes of JSON and is not kept");
        }
        let mut kept = self.kept();
        kept.push_back(Stored { id, previous, input, response, bytes });
        let mut total: usize = kept.iter().map(|stored| stored.bytes).sum();
        while kept.len() > self.most_responses || total > self.most_bytes {
            total -= kept.pop_front().map_or(0, |stored| stored.bytes);
        }
    }

    /// A response object.
    pub fn get(&self, id: &str) -> Option<Value> {
        let mut kept = self.kept();
        touch(&mut kept, id).map(|stored| stored.response.clone())
    }

    /// Forgets a response. Those that go on from it cannot be gone on from any more.
    pub fn delete(&self, id: &str) -> bool {
        let mut kept = self.kept();
        let before = kept.len();
        kept.retain(|stored| stored.id != id);
        kept.len() < before
    }

    /// All items up to and including a response's own, oldest first.
    ///
    /// # Errors
    /// 400 when it, or one that it goes on from, is not kept.
    pub fn history(&self, id: &str) -> Result<Vec<Value>, ApiError> {
        let mut kept = self.kept();
        let (mut turns, mut next) = (Vec::new(), Some(id.to_owned()));
        while let Some(id) = next.take() {
            let stored = touch(&mut kept, &id);
            let stored = stored.ok_or_else(|| ApiError::not_stored("previous_response_id", &id))?;
            turns.push(stored.items().cloned().collect::<Vec<_>>());
            next = stored.previous.clone();
        }
        Ok(turns.into_iter().rev().flatten().collect())
    }

    /// The item of any kept response that has this id.
    pub fn item(&self, id: &str) -> Option<Value> {
        let kept = self.kept();
        kept.iter().rev().flat_map(Stored::items).find(|item| item["id"] == id).cloned()
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Stored>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds a response and makes it the one that was used last.
fn touch<'a>(kept: &'a mut VecDeque<Stored>, id: &str) -> Option<&'a Stored> {
    let at = kept.iter().position(|stored| stored.id == id)?;
    let stored = kept.remove(at)?;
    kept.push_back(stored);
    kept.back()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn store(most_responses: usize, most_bytes: usize) -> ResponseStore {
        ResponseStore { most_responses, most_bytes, ..ResponseStore::default() }
    }

    fn keep(store: &ResponseStore, id: &str, previous: Option<&str>) {
        let input = vec![json!({"id": format!("in_{id}")})];
        let response = json!({"id": id, "output": [{"id": format!("out_{id}")}]});
        store.keep(id.to_owned(), previous.map(str::to_owned), input, response);
    }

    #[test]
    fn a_history_goes_back_to_the_first_request() {
        let store = store(9, 9999);
        keep(&store, "a", None);
        keep(&store, "b", Some("a"));
        let ids: Vec<Value> = store.history("b").unwrap().iter().map(|item| item["id"].clone()).collect();
        assert_eq!(ids, ["in_a", "out_a", "in_b", "out_b"]);
    }

    #[test]
    fn what_was_used_least_recently_makes_room() {
        let store = store(2, 9999);
        keep(&store, "a", None);
        keep(&store, "b", None);
        assert!(store.get("a").is_some());
        keep(&store, "c", None);
        let there: Vec<bool> = ["a", "b", "c"].iter().map(|id| store.get(id).is_some()).collect();
        assert_eq!(there, [true, false, true]);
    }

    #[test]
    fn no_more_bytes_are_kept_than_may_be() {
        let one = r#"{"id":"in_a"}"#.len() + r#"{"id":"a","output":[{"id":"out_a"}]}"#.len();
        let store = store(9, 2 * one);
        for id in ["a", "b", "c"] {
            keep(&store, id, None);
        }
        assert!(store.get("a").is_none() && store.get("b").is_some() && store.get("c").is_some());
        let large = json!({"id": "d", "output": [], "text": "x".repeat(2 * one)});
        store.keep("d".to_owned(), None, Vec::new(), large);
        assert!(store.get("d").is_none() && store.get("c").is_some(), "one too large pushes nothing out");
    }

    #[test]
    fn a_history_with_a_gap_is_refused_by_the_name_of_what_is_missing() {
        let store = store(9, 9999);
        keep(&store, "a", None);
        keep(&store, "b", Some("a"));
        assert!(store.delete("a") && !store.delete("a"));
        let error = store.history("b").unwrap_err();
        assert_eq!((error.status().as_u16(), error.code()), (400, Some("previous_response_not_found")));
        assert!(error.message().contains("`a`"), "{}", error.message());
    }

    #[test]
    fn items_are_found_by_their_id_in_requests_and_replies() {
        let store = store(9, 9999);
        keep(&store, "a", None);
        assert_eq!(store.item("in_a"), Some(json!({"id": "in_a"})));
        assert_eq!(store.item("out_a"), Some(json!({"id": "out_a"})));
        assert_eq!(store.item("in_b"), None);
    }
}
