//! The last requests and what each cost.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use shorn_protocol::{RequestReport, Sampling};
use ts_rs::TS;

use crate::cache_reuse::CacheReuse;
use crate::settings::Origin;

/// Requests that are remembered.
const REMEMBERED: usize = 100;

/// A request that ended, however it ended.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct CompletedRequest {
    /// Its id in the API.
    pub id: String,
    /// The model's name.
    pub model: String,
    /// The path that was called.
    pub endpoint: String,
    /// The client's User-Agent.
    pub client: Option<String>,
    /// Milliseconds since 1970 when it arrived.
    pub arrived: u64,
    /// Seconds from arrival to the first token, templates and waiting included.
    pub time_to_first_token: Option<f64>,
    /// What the engine says; `None` when it never got there or died with the request.
    pub report: Option<RequestReport>,
    /// The KV cache that was used, in words.
    pub kv: Option<String>,
    /// How much of the prompt the cache held, against the session's last request; `None` for the first of a session.
    pub cache: Option<CacheReuse>,
    /// Prompt tokens computed per second.
    pub prefill_tokens_per_second: Option<f64>,
    /// Tokens per second after the first.
    pub decode_tokens_per_second: Option<f64>,
    /// The sampling values that were used.
    pub sampling: Sampling,
    /// Where each of them came from.
    pub sampling_origins: BTreeMap<&'static str, Origin>,
    /// How it ended, in the API's words.
    pub finish: String,
    /// What failed, when that is why.
    pub error: Option<String>,
}

impl CompletedRequest {
    /// Fills in how it ended and what the engine says of it.
    pub fn conclude(&mut self, report: Option<RequestReport>, finish: &str) {
        self.prefill_tokens_per_second = report.as_ref().and_then(RequestReport::prefill_tokens_per_second);
        self.decode_tokens_per_second = report.as_ref().and_then(RequestReport::decode_tokens_per_second);
        self.kv = report.as_ref().map(|report| report.kv.to_string());
        self.report = report;
        self.finish = finish.to_owned();
    }

    /// The one line for the log: everything that a person wants to know about a request.
    pub fn line(&self) -> String {
        let mut parts = vec![format!("{} {}", self.endpoint, self.id)];
        parts.extend(self.client.as_ref().map(|client| format!("client {client}")));
        if let Some(report) = &self.report {
            let seconds = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2} s"));
            let rate = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.1} tok/s"));
            parts.push(format!("in {} ({} cached)", report.prompt_tokens, report.cached_tokens));
            let miss = self.cache.as_ref().and_then(|cache| cache.miss.as_ref());
            parts.extend(miss.map(|miss| format!("cache miss: {miss}")));
            parts.push(format!("out {}", report.generated_tokens));
            parts.push(format!("TTFT {}", seconds(self.time_to_first_token)));
            parts.push(format!("prefill {}", rate(self.prefill_tokens_per_second)));
            parts.push(format!("decode {}", rate(self.decode_tokens_per_second)));
            if let Some(grammar) = &report.grammar {
                let [mean, slowest] = [grammar.mean_seconds(), grammar.slowest_seconds].map(|s| s * 1e6);
                parts.push(format!(
                    "grammar {mean:.0} µs/token, slowest {slowest:.0} µs, steps not built ahead"
                ));
            }
            parts.push(format!("peak {}", in_bytes(report.peak_memory)));
            parts.push(format!("KV {}", report.kv));
        }
        parts.push(format!("finish {}", self.finish));
        parts.extend(self.error.as_ref().map(|error| format!("error: {error}")));
        parts.join(", ")
    }
}

/// `17.18 GB`, `469.0 MB`.
pub fn in_bytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// The last requests, newest first, and the sums over all since the start.
#[derive(Debug, Clone, Default, Serialize, TS)]
#[serde(transparent)]
#[ts(as = "Vec<CompletedRequest>")]
pub struct RequestLog {
    requests: VecDeque<CompletedRequest>,
    #[serde(skip)]
    totals: BTreeMap<RequestKind, RequestTotals>,
}

/// What requests are summed by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKind {
    /// The model's name.
    pub model: String,
    /// The path that was called.
    pub endpoint: String,
    /// How they ended.
    pub finish: String,
}

/// Sums over requests of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RequestTotals {
    /// Requests.
    pub requests: u64,
    /// Tokens of their prompts.
    pub prompt_tokens: u64,
    /// Those of them that were cached.
    pub cached_tokens: u64,
    /// Tokens that were generated.
    pub generated_tokens: u64,
    /// Requests that got a first token.
    pub first_tokens: u64,
    /// Seconds from their arrival to that token.
    pub first_token_seconds: f64,
}

impl RequestLog {
    /// Adds a request, forgetting the oldest when there are too many.
    pub fn add(&mut self, request: CompletedRequest) {
        let kind = RequestKind {
            model: request.model.clone(),
            endpoint: request.endpoint.clone(),
            finish: request.finish.clone(),
        };
        self.totals.entry(kind).or_default().add(&request);
        self.requests.push_front(request);
        self.requests.truncate(REMEMBERED);
    }

    /// The requests, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &CompletedRequest> {
        self.requests.iter()
    }

    /// The sums over all requests since the start.
    pub fn totals(&self) -> &BTreeMap<RequestKind, RequestTotals> {
        &self.totals
    }
}

impl RequestTotals {
    fn add(&mut self, request: &CompletedRequest) {
        self.requests += 1;
        if let Some(seconds) = request.time_to_first_token {
            self.first_tokens += 1;
            self.first_token_seconds += seconds;
        }
        if let Some(report) = &request.report {
            self.prompt_tokens += u64::from(report.prompt_tokens);
            self.cached_tokens += u64::from(report.cached_tokens);
            self.generated_tokens += u64::from(report.generated_tokens);
        }
    }
}
