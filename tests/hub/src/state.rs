//! What the Hub knows, and the little that all routes do with it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::Request as HttpRequest;
use axum::http::header;
use tokio::sync::watch;

use crate::contents::FakeFile;
use crate::fault::{Fault, Place, Rule};
use crate::record::Request;
use crate::repository::Repository;

/// Shared by all routes of both ports.
pub(crate) struct Shared {
    pub hub: SocketAddr,
    pub cdn: SocketAddr,
    pub online: watch::Sender<bool>,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub repositories: BTreeMap<String, Repository>,
    /// By token: what it gives access to.
    pub tokens: BTreeMap<String, BTreeSet<String>>,
    pub rules: Vec<Rule>,
    pub requests: Vec<Request>,
    /// How often the requests were forgotten: what is still being sent counts for none of those that came since.
    pub generation: u32,
    pub url_lifetime: Duration,
}

/// A request in the record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestNumber {
    generation: u32,
    index: usize,
}

impl Shared {
    pub fn new(hub: SocketAddr, cdn: SocketAddr) -> Self {
        let state = State {
            repositories: BTreeMap::new(),
            tokens: BTreeMap::new(),
            rules: Vec::new(),
            requests: Vec::new(),
            generation: 0,
            url_lifetime: Duration::from_secs(3600),
        };
        Self { hub, cdn, online: watch::Sender::new(true), state: Mutex::new(state) }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        // A panicking test must not hide its reason behind another one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request down.
    pub fn record(&self, request: &HttpRequest, place: Place, file: Option<&str>) -> RequestNumber {
        let text = |name| request.headers().get(name).and_then(|value| Some(value.to_str().ok()?.to_owned()));
        let cdn = place == Place::Cdn;
        let mut state = self.lock();
        state.requests.push(Request {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            port: if cdn { self.cdn.port() } else { self.hub.port() },
            file: file.map(str::to_owned),
            range: text(header::RANGE),
            if_range: text(header::IF_RANGE),
            user_agent: text(header::USER_AGENT),
            authorized: request.headers().contains_key(header::AUTHORIZATION),
            status: 0,
            sent: 0,
            cdn,
        });
        RequestNumber { generation: state.generation, index: state.requests.len() - 1 }
    }

    /// Changes what was noted.
    pub fn amend(&self, number: RequestNumber, change: impl FnOnce(&mut Request)) {
        let mut state = self.lock();
        if state.generation == number.generation {
            change(&mut state.requests[number.index]);
        }
    }
}

impl State {
    pub fn push(&mut self, name: &str, files: Vec<FakeFile>) -> String {
        self.repositories.entry(name.to_owned()).or_insert_with(|| Repository::new(name)).push(files)
    }

    /// The faults for a request, of a file's bytes or not.
    pub fn faults(&mut self, place: Place, path: &str, of_body: bool) -> Vec<Fault> {
        let these = self.rules.iter_mut().filter(|rule| rule.fault.is_of_body() == of_body);
        these.filter_map(|rule| rule.takes(place, path).then_some(rule.fault)).collect()
    }
}
