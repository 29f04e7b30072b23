//! A Hub, a cache and downloads between them.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shorn_hub::download::{Download, DownloadProblem, DownloadState, Downloads, ProblemCode, Timing};
use shorn_hub::remote::{Hub, HubSource, RepositoryName, Token};
use shorn_hub_tests::{FakeFile, FakeHub, Request};
use tempfile::TempDir;

use crate::witness::{Hashes, Witness, files, hashes};

pub const NAME: &str = "org/model";

/// Who downloads.
const TOKEN: &str = "hf_token";

/// The weights of [`model`].
pub const WEIGHTS: &str = "model.safetensors";
pub const WEIGHTS_BYTES: u64 = 1_500_000;

/// Patience that does not make tests wait.
pub const QUICK: Timing = Timing {
    stall: Duration::from_millis(400),
    first_pause: Duration::from_millis(10),
    longest_pause: Duration::from_millis(80),
    give_up: Duration::from_secs(120),
};

/// A model: some weights, and files that git keeps itself.
pub fn model() -> Vec<FakeFile> {
    vec![
        FakeFile::synthetic(WEIGHTS, 1, WEIGHTS_BYTES),
        FakeFile::text("config.json", r#"{"model_type": "qwen3"}"#),
        FakeFile::synthetic("tokenizer.json", 2, 200_000),
        FakeFile::text("chat_templates/tool_use.jinja", "{{ messages }}"),
        FakeFile::text("added_tokens.json", ""),
    ]
}

pub struct Scene {
    // First, so that it looks once more while all is there.
    pub witness: Option<Witness>,
    pub hub: FakeHub,
    pub folder: TempDir,
    pub downloads: Downloads,
    pub commit: String,
}

pub fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub fn hub(endpoint: &str) -> Hub {
    let mut source = HubSource::at(endpoint).unwrap();
    source.token = Some(Token::new(TOKEN, "the test").unwrap());
    Hub::new(source)
}

impl Scene {
    /// A Hub with a model, and an empty cache that is watched.
    pub async fn with(files: Vec<FakeFile>) -> Self {
        Self::with_timing(files, QUICK).await
    }

    pub async fn with_timing(files: Vec<FakeFile>, timing: Timing) -> Self {
        let known = hashes(&files);
        let server = FakeHub::start().await.unwrap();
        let commit = server.add(NAME, files);
        server.accept(TOKEN, &[]);
        let folder = tempfile::tempdir().unwrap();
        let (cache, queue) = (folder.path().join("hub"), folder.path().join("queue.json"));
        let downloads = Downloads::start_with(hub(&server.endpoint()), cache, queue, timing);
        let mut scene = Self { witness: None, hub: server, folder, downloads, commit };
        scene.watch(known);
        scene
    }

    /// Watches the model's folder from now on.
    pub fn watch(&mut self, hashes: Hashes) {
        self.witness = Some(Witness::of(self.repository(), hashes));
    }

    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("hub")
    }

    pub fn queue_file(&self) -> PathBuf {
        self.folder.path().join("queue.json")
    }

    /// The model's folder in the cache.
    pub fn repository(&self) -> PathBuf {
        self.cache().join("models--org--model")
    }

    /// The downloads of a program that is started anew.
    pub async fn restart(&mut self) {
        self.downloads.stop().await;
        self.start();
    }

    pub fn start(&mut self) {
        let hub = hub(&self.hub.endpoint());
        self.downloads = Downloads::start_with(hub, self.cache(), self.queue_file(), QUICK);
    }

    /// Downloads the model to its end.
    pub async fn download(&self) -> Download {
        let state =
            |all: &[Download]| all.iter().find(|one| one.name.as_str() == NAME).map(|one| one.state.clone());
        let before = state(&self.downloads.watch().borrow());
        self.downloads.add(name(NAME));
        self.when(NAME, |download| download.state.is_ended() && Some(&download.state) != before.as_ref())
            .await
    }

    /// The model's download, once it has ended.
    pub async fn ended(&self) -> Download {
        self.when(NAME, |download| download.state.is_ended()).await
    }

    /// A download, once it is so.
    pub async fn when(&self, of: &str, is_so: impl Fn(&Download) -> bool) -> Download {
        let find = |all: &Arc<Vec<Download>>| {
            all.iter().find(|download| download.name.as_str() == of && is_so(download)).cloned()
        };
        let mut watch = self.downloads.watch();
        let wait = async {
            let all = watch.wait_for(|all| find(all).is_some()).await.unwrap();
            find(&all).unwrap()
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), wait).await;
        waited.unwrap_or_else(|_| panic!("it never comes to that: {:#?}", self.downloads.watch().borrow()))
    }

    /// Waits until so many bytes of the model are there, and some of its weights.
    pub async fn when_some_is_there(&self, bytes: u64) -> Download {
        let there = |download: &Download| {
            download.files.iter().any(|file| file.path == WEIGHTS && file.done >= bytes)
        };
        self.when(NAME, there).await
    }

    /// Requests for a file's bytes.
    pub fn requests(&self, path: &str) -> Vec<Request> {
        let mut requests = self.hub.requests();
        requests.retain(|request| {
            request.file.as_deref() == Some(path) && matches!(request.status, 200 | 206 | 416 | 403)
        });
        requests
    }

    /// What the names of files in `blobs` are.
    pub fn blobs(&self) -> Vec<String> {
        let names = files(&self.repository().join("blobs")).into_iter();
        names.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    pub fn partials(&self) -> Vec<String> {
        self.blobs().into_iter().filter(|name| name.ends_with(".incomplete")).collect()
    }

    /// Checks that the model is there as the Hub has it, all of it and nothing else, as other tools look for it.
    pub fn assert_whole(&self, files: &[FakeFile]) {
        let snapshot = self.repository().join("snapshots").join(&self.commit);
        assert_eq!(fs::read_to_string(self.repository().join("refs/main")).unwrap(), self.commit);
        for file in files {
            let path = snapshot.join(&file.path);
            assert_eq!(path.metadata().unwrap().len(), file.bytes(), "{}", file.path);
            let target = fs::read_link(&path).unwrap();
            let up = "../".repeat(2 + file.path.matches('/').count());
            let digest = if file.lfs { file.sha256() } else { file.git_sha1() };
            assert_eq!(target.to_str().unwrap(), format!("{up}blobs/{digest}"), "{}", file.path);
        }
        assert_eq!(crate::witness::files(&snapshot).len(), files.len());
        assert_eq!(self.partials(), Vec::<String>::new());
    }
}

/// That it is whole and every file verified.
pub fn assert_ready(download: &Download) {
    assert!(matches!(download.state, DownloadState::Ready { .. }), "{download:#?}");
    assert_eq!(Some(download.done), download.bytes);
    assert!(download.files.iter().all(|file| file.verified && file.done == file.bytes));
}

/// The problem that it ended with.
pub fn problem(download: &Download, code: ProblemCode) -> DownloadProblem {
    match &download.state {
        DownloadState::Failed { problem } => {
            assert_eq!(problem.code, code, "{problem}");
            problem.clone()
        }
        state => panic!("it did not fail: {state:?}"),
    }
}
