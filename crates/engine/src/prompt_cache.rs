//! KV caches of finished requests, kept for prompts that begin with the same tokens.
//!
//! An agent's next turn repeats its last one and adds to it: its cache is moved out of here, not copied. A prompt that
//! shares only the beginning of a cache, such as a sub-agent with the same system prompt, gets a copy of that part, so
//! that the other session keeps its own. There are few caches, each thousands of tokens long, so they are searched one
//! after the other.

use shorn_checkpoint::KvCache;

use crate::kv::SequenceKv;
use crate::mlx::Result;

/// Shared beginnings shorter than this are computed anew.
const WORTH_REUSING: usize = 16;

/// A cache that loses fewer tokens than this by being cut back is moved rather than copied.
const WORTH_KEEPING: usize = 512;

/// Caches kept, the least recently used first.
#[derive(Default)]
pub(crate) struct PromptCache {
    entries: Vec<Entry>,
    /// Bytes that all caches together may have.
    budget: u64,
}

struct Entry {
    /// The tokens whose keys and values the cache holds.
    tokens: Vec<u32>,
    kv: SequenceKv,
}

impl PromptCache {
    /// An empty cache with a budget in bytes.
    pub fn new(budget: u64) -> Self {
        Self { entries: Vec::new(), budget }
    }

    /// Bytes of all buffers.
    pub fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.kv.bytes_allocated()).sum()
    }

    /// The budget in bytes.
    pub fn budget(&self) -> u64 {
        self.budget
    }

    /// The cache with the longest beginning in common with `prompt`, cut back to it. The last token of the prompt is
    /// never part of it: a step must compute that one.
    pub fn take(&mut self, prompt: &[u32], settings: &KvCache) -> Result<Option<SequenceKv>> {
        let usable = &prompt[..prompt.len().saturating_sub(1)];
        let best = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.kv.settings() == settings)
            .map(|(index, entry)| (common_prefix(&entry.tokens, usable), index))
            .max();
        let Some((shared, index)) = best.filter(|(shared, _)| *shared >= WORTH_REUSING) else {
            return Ok(None);
        };
        let entry = self.entries.remove(index);
        if entry.tokens.len() - shared < WORTH_KEEPING {
            let mut kv = entry.kv;
            kv.truncate(shared as i32);
            return Ok(Some(kv));
        }
        let copy = entry.kv.fork(shared as i32);
        // It was used just now: it goes to the end of the line.
        self.entries.push(entry);
        copy.map(Some)
    }

    /// Keeps a cache of these tokens; what it makes superfluous or too much is dropped.
    pub fn insert(&mut self, tokens: &[u32], kv: SequenceKv) {
        let tokens = tokens[..kv.len() as usize].to_vec();
        let is_alike = |entry: &Entry| entry.kv.settings() == kv.settings();
        if self.entries.iter().any(|entry| is_alike(entry) && entry.tokens.starts_with(&tokens)) {
            return;
        }
        self.entries.retain(|entry| !(is_alike(entry) && tokens.starts_with(&entry.tokens)));
        self.entries.push(Entry { tokens, kv });
        while self.bytes() > self.budget && self.drop_oldest() {}
    }

    /// Drops the least recently used cache; `false` when there is none.
    pub fn drop_oldest(&mut self) -> bool {
        if self.entries.is_empty() {
            return false;
        }
        self.entries.remove(0);
        true
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

fn common_prefix(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
