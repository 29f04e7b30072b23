//! A Hub on loopback for tests: the HTTP of huggingface.co and of its content delivery network, each on a port of its
//! own, with faults to switch on and a record of every request.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use shorn_hub_tests::{FakeFile, FakeHub, Fault};
//!
//! let hub = FakeHub::start().await?;
//! let commit = hub.add("org/name", [
//!     FakeFile::text("config.json", r#"{"model_type": "qwen3"}"#),
//!     FakeFile::synthetic("model.safetensors", 1, 30_000_000),
//! ]);
//! hub.fail(Fault::CutAfter(1_000_000).on("model.safetensors").times(2));
//! // ... a download from hub.endpoint() ...
//! assert!(hub.requests().iter().all(|request| !(request.is_cdn() && request.authorized)));
//! # let _ = commit;
//! # std::io::Result::Ok(())
//! # }).unwrap();
//! ```

mod api;
mod body;
mod contents;
mod fault;
mod listen;
pub mod python;
mod range;
mod record;
mod refusal;
mod repository;
mod resolve;
mod state;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use contents::FakeFile;
pub use fault::{Fault, Place, Rule};
pub use record::Request;
pub use repository::{Gate, Repository};

use listen::Listening;
use state::Shared;

/// A running Hub. It and every connection to it end when this is dropped.
pub struct FakeHub {
    shared: Arc<Shared>,
    hub: Listening,
    cdn: Listening,
}

impl FakeHub {
    /// Listens on two free ports of 127.0.0.1.
    pub async fn start() -> io::Result<Self> {
        Self::listen(0, 0).await
    }

    /// Listens on these ports of 127.0.0.1; 0 is any free one.
    pub async fn listen(hub_port: u16, cdn_port: u16) -> io::Result<Self> {
        let hub = listen::bind(hub_port).await?;
        let cdn = listen::bind(cdn_port).await?;
        let shared = Arc::new(Shared::new(hub.local_addr()?, cdn.local_addr()?));
        let online = shared.online.subscribe();
        Ok(Self {
            hub: Listening::start(hub, api::routes(shared.clone()), online.clone())?,
            cdn: Listening::start(cdn, resolve::cdn_routes(shared.clone()), online)?,
            shared,
        })
    }

    /// The Hub's address, as for `HF_ENDPOINT`: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.hub.address)
    }

    /// The address and port that large files are redirected to.
    pub fn cdn(&self) -> SocketAddr {
        self.cdn.address
    }

    /// Makes a repository, or pushes to it if there is one, so that `main` holds exactly these files. Gives the commit.
    pub fn add(&self, name: &str, files: impl IntoIterator<Item = FakeFile>) -> String {
        self.shared.lock().push(name, files.into_iter().collect())
    }

    /// [`Self::add`] with all files below a folder; they are read when they are asked for.
    pub fn add_folder(&self, name: &str, folder: &Path) -> io::Result<String> {
        Ok(self.add(name, FakeFile::folder(folder)?))
    }

    /// Changes what the Hub says about a repository.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut Repository)) {
        change(self.shared.lock().repositories.get_mut(name).expect("a repository that was added"));
    }

    /// Makes a token valid, with access to these gated and private repositories.
    pub fn accept(&self, token: &str, repositories: &[&str]) {
        let names: BTreeSet<String> = repositories.iter().map(|name| (*name).to_owned()).collect();
        self.shared.lock().tokens.insert(token.to_owned(), names);
    }

    /// How long the addresses are good that large files are redirected to; an hour when not set.
    pub fn set_url_lifetime(&self, lifetime: Duration) {
        self.shared.lock().url_lifetime = lifetime;
    }

    /// Switches a fault on: a [`Fault`] is for all files, for ever; [`Rule`] narrows it.
    pub fn fail(&self, rule: impl Into<Rule>) {
        self.shared.lock().rules.push(rule.into());
    }

    /// Switches all faults off.
    pub fn heal(&self) {
        self.shared.lock().rules.clear();
    }

    /// Whether the machine is there. Going offline breaks every connection and lets no new one in, on both ports; they
    /// stay the same.
    pub fn set_online(&self, online: bool) {
        self.shared.online.send_replace(online);
    }

    /// Every request, in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// Bytes of a file (by its path in the repository) that were handed to the network, over all requests.
    pub fn sent(&self, path: &str) -> u64 {
        self.requests()
            .iter()
            .filter(|request| request.file.as_deref() == Some(path))
            .map(|one| one.sent)
            .sum()
    }

    /// Forgets all requests.
    pub fn forget_requests(&self) {
        let mut state = self.shared.lock();
        state.requests.clear();
        state.generation += 1;
    }
}
