//! What the scripted worker answers. It speaks the real pipe protocol and sends token ids of the real tokenizer, so that
//! detokenizer, stream parser, supervision and encoders are the shipped ones; only the model is not there.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shorn_protocol::RequestReport;

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
    /// How many loads fail with it, before those that do not; all when `None`.
    pub failing_loads: Option<usize>,
    /// The answers.
    pub answers: Vec<Answer>,
    /// Answers to requests that are not part of the course, such as for a session's title.
    pub asides: Vec<Aside>,
    /// Have the real engine compute every prompt and reply, and report what that cost; the replies stay the script's.
    pub engine: bool,
}

/// The answer to every request whose prompt holds a text.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Aside {
    /// The text.
    pub prompt_holds: String,
    /// The answer.
    pub answer: Answer,
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
    /// Generate each letter as a token of its own, as no tokenizer would cut the text.
    pub letters: bool,
    /// Give up all caches before this request.
    pub forget: bool,
}

impl Answer {
    /// An answer that ends by itself.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

impl Script {
    /// A script of answers that are generated letter by letter.
    pub fn letters(texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let answers = texts.into_iter().map(|text| Answer { letters: true, ..Answer::text(text) }).collect();
        Self { answers, ..Self::default() }
    }

    /// A script of whole answers.
    pub fn answers(texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let answers = texts.into_iter().map(Answer::text).collect();
        Self { answers, ..Self::default() }
    }
}

/// What has come to a script's workers so far, in a file beside the script: a worker that takes the place of one that
/// died goes on where that one was, and tests read what the model was told.
#[derive(Debug, Clone)]
pub struct Record {
    file: PathBuf,
}

/// One request and its reply.
#[derive(Debug)]
pub struct Exchange {
    /// What the model was told.
    pub prompt: String,
    /// Whether it was part of the script's course.
    pub aside: bool,
    /// What it cost; `None` if the worker died.
    pub report: Option<RequestReport>,
}

/// One line of a record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    Load,
    Unload,
    Prompt { text: String, aside: bool },
    Report(RequestReport),
}

impl Record {
    /// The record of the script in this file.
    pub fn of(script: &Path) -> Self {
        Self { file: script.with_extension("record") }
    }

    /// Notes a load, and says how many were before it.
    pub fn load(&self) -> usize {
        let before = self.entries().iter().filter(|entry| matches!(entry, Entry::Load)).count();
        self.add(&Entry::Load);
        before
    }

    /// Notes a prompt, and gives its answer.
    pub fn prompt<'a>(&self, text: String, script: &'a Script) -> Option<&'a Answer> {
        let aside = script.asides.iter().find(|aside| text.contains(&aside.prompt_holds));
        let before = self.course();
        self.add(&Entry::Prompt { text, aside: aside.is_some() });
        let course = || script.answers.get(before).or(script.answers.last());
        aside.map(|aside| &aside.answer).or_else(course)
    }

    /// Notes what the last prompt cost.
    pub fn report(&self, report: RequestReport) {
        self.add(&Entry::Report(report));
    }

    /// All requests.
    pub fn exchanges(&self) -> Vec<Exchange> {
        let mut exchanges: Vec<Exchange> = Vec::new();
        for entry in self.entries() {
            match entry {
                Entry::Load | Entry::Unload => {}
                Entry::Prompt { text, aside } => {
                    exchanges.push(Exchange { prompt: text, aside, report: None });
                }
                Entry::Report(report) => exchanges.last_mut().unwrap().report = Some(report),
            }
        }
        exchanges
    }

    /// Notes that a worker was ended by the server: the next one begins the script anew.
    pub fn unload(&self) {
        self.add(&Entry::Unload);
    }

    /// Prompts of the script's course since it was begun.
    fn course(&self) -> usize {
        self.entries().iter().fold(0, |before, entry| match entry {
            Entry::Unload => 0,
            Entry::Prompt { aside: false, .. } => before + 1,
            Entry::Load | Entry::Prompt { .. } | Entry::Report(_) => before,
        })
    }

    fn entries(&self) -> Vec<Entry> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn add(&self, entry: &Entry) {
        let line = serde_json::to_string(entry).unwrap() + "\n";
        let mut file = OpenOptions::new().create(true).append(true).open(&self.file).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}
