//! What the scripted worker answers. It speaks the real pipe protocol and sends token ids of the real tokenizer, so that
//! detokenizer, stream parser, supervision and encoders are the shipped ones; only the model is not there.

use serde::{Deserialize, Serialize};

/// The environment variable that names the script's file.
pub const VARIABLE: &str = "SHORN_TEST_SCRIPT";

/// A script: one answer for each request, in the order in which requests come. The last one is repeated.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Script {
    /// Milliseconds that loading takes.
    pub load_ms: u64,
    /// Fail to load with this message.
    pub load_error: Option<String>,
    /// The answers.
    pub answers: Vec<Answer>,
}

/// One answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// The model's text.
    pub text: String,
    /// Milliseconds before the first token: a long prefill.
    pub prefill_ms: u64,
    /// Milliseconds between tokens.
    pub token_ms: u64,
    /// End as if the token limit had been reached after so many tokens.
    pub cut_after: Option<usize>,
    /// End the process after so many tokens.
    pub die_after: Option<usize>,
    /// Refuse the request with this message.
    pub refuse: Option<String>,
}

impl Answer {
    /// An answer that ends by itself.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

impl Script {
    /// A script of whole answers.
    pub fn answers(texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let answers = texts.into_iter().map(Answer::text).collect();
        Self { answers, ..Self::default() }
    }
}
