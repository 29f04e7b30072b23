//! The Hub, to be asked.

use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use super::details::Known;
use super::model::Info;
use super::request::{Subject, host_of};
use super::source::HubSource;
use super::{HubError, RemoteModel, RemotePath, RepositoryName};

/// The largest list of files that is read: some ten thousand files.
const MAX_INFO_BYTES: usize = 8 << 20;

/// The largest `config.json` that is read.
const MAX_CONFIG_BYTES: usize = 1 << 20;

/// A Hub that can be asked. Copies share connections.
#[derive(Debug, Clone)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Or why there is none.
    client: Result<Client, HubError>,
    source: HubSource,
    timeouts: Timeouts,
    token_refused: AtomicBool,
    known: Mutex<Known>,
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the first byte of an answer, and then for each next one. A file as a whole may take as long as it likes.
    pub read: Duration,
    /// For an answer of the API as a whole.
    pub answer: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(15), read: seconds(60), answer: seconds(120) }
    }
}

impl Hub {
    /// A Hub that is asked when a method says so; nothing is sent yet. Where the system has no certificates and they are
    /// needed, each method fails with [`HubError::Certificates`].
    pub fn new(source: HubSource) -> Self {
        Self::with_timeouts(source, Timeouts::default())
    }

    /// The Hub that the environment names, as [`HubSource::from_environment`] says. Where that is none, each method says
    /// why: a program need not end for it.
    pub fn from_environment(home: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        match HubSource::from_environment(home, variable) {
            Ok(source) => Self::new(source),
            Err(error) => Self::made(
                Err(HubError::Source(error.to_string())),
                HubSource::hugging_face(),
                Timeouts::default(),
            ),
        }
    }

    /// [`Self::new`] with other timeouts.
    pub fn with_timeouts(source: HubSource, timeouts: Timeouts) -> Self {
        let client = || {
            let client = Client::builder()
                .user_agent(concat!("shorn/", env!("CARGO_PKG_VERSION")))
                .redirect(Policy::none())
                .connect_timeout(timeouts.connect)
                .read_timeout(timeouts.read);
            if is_on_this_machine(&source.endpoint) { client.no_proxy() } else { client }
        };
        let client = match client().build() {
            // Where nothing is secured no certificates are needed, and a system may have none.
            Err(_) if source.endpoint.scheme() == "http" => client().tls_certs_only([]).build(),
            built => built,
        };
        let client = client.map_err(|error| HubError::Certificates(root_cause(&error)));
        Self::made(client, source, timeouts)
    }

    fn made(client: Result<Client, HubError>, source: HubSource, timeouts: Timeouts) -> Self {
        let (token_refused, known) = (AtomicBool::new(false), Mutex::default());
        Self(Arc::new(Inner { client, source, timeouts, token_refused, known }))
    }

    /// Whether the Hub has refused the token: since then it is asked without one.
    pub fn token_refused(&self) -> bool {
        self.0.token_refused.load(Ordering::Relaxed)
    }

    /// The model's page, for people.
    pub fn page(&self, name: &RepositoryName) -> String {
        self.0.source.page(name.as_str())
    }

    /// Whether an address is that of a page of this Hub, or of huggingface.co: a mirror has no pages where terms are
    /// accepted.
    pub fn is_page(&self, address: &str) -> bool {
        let (hub, hugging_face) = (&self.0.source.endpoint, HubSource::hugging_face().endpoint);
        Url::parse(address)
            .is_ok_and(|page| [hub, &hugging_face].iter().any(|of| page.origin() == of.origin()))
    }

    /// What a model consists of at a revision: a branch, a tag or a commit.
    ///
    /// # Errors
    /// See [`HubError`].
    pub async fn model(&self, name: &RepositoryName, revision: &str) -> Result<RemoteModel, HubError> {
        let info = self.info(name, revision).await?;
        self.remote_model(name, info)
    }

    /// The text of `config.json` at a commit.
    ///
    /// # Errors
    /// See [`HubError`]; [`HubError::BadAnswer`] when it has more than 1 MiB or is no text.
    pub async fn config(&self, name: &RepositoryName, commit: &str) -> Result<String, HubError> {
        let what = format!("config.json of {name}");
        let url = self.url(name.as_str().split('/').chain(["resolve", commit, "config.json"]));
        let subject = Subject { what: &what, name: Some(name) };
        let (bytes, host, _) = self.ask_bounded(url, subject, MAX_CONFIG_BYTES).await?;
        let not_text =
            |_| HubError::BadAnswer { host, what: what.clone(), problem: "it is no text".to_owned() };
        String::from_utf8(bytes).map_err(not_text)
    }

    pub(super) async fn info(&self, name: &RepositoryName, revision: &str) -> Result<Info, HubError> {
        let path =
            ["api", "models"].into_iter().chain(name.as_str().split('/')).chain(["revision", revision]);
        let mut url = self.url(path);
        url.set_query(Some("blobs=true"));
        let subject = Subject { what: name.as_str(), name: Some(name) };
        let (info, _) = self.ask_json(url, subject, MAX_INFO_BYTES).await?;
        Ok(info)
    }

    pub(super) fn remote_model(&self, name: &RepositoryName, info: Info) -> Result<RemoteModel, HubError> {
        info.into_model(name, &host_of(&self.0.source.endpoint))
    }

    pub(super) fn file_url(&self, name: &RepositoryName, commit: &str, path: &RemotePath) -> Url {
        self.url(name.as_str().split('/').chain(["resolve", commit]).chain(path.as_str().split('/')))
    }

    /// An address on the Hub; each part is encoded as it needs to be.
    pub(super) fn url<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.0.source.endpoint.clone();
        url.path_segments_mut().expect("an http address has a path").pop_if_empty().extend(parts);
        url
    }

    pub(super) fn client(&self) -> Result<&Client, HubError> {
        self.0.client.as_ref().map_err(Clone::clone)
    }

    pub(super) fn source(&self) -> &HubSource {
        &self.0.source
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.0.timeouts
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn uses_token(&self) -> bool {
        self.0.source.token.is_some() && !self.token_refused()
    }

    pub(super) fn drop_token(&self) {
        self.0.token_refused.store(true, Ordering::Relaxed);
    }
}

fn is_on_this_machine(endpoint: &Url) -> bool {
    match endpoint.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
