//! The Hub's own Python library and Shorn share one cache, and mean the same by it.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::path::{Path, PathBuf};

use shorn_hub::download::{DownloadState, Downloads};
use shorn_hub::embedded;
use shorn_hub::library::{self, Folders, LibraryState};
use shorn_hub::remote::{Hub, HubSource};
use shorn_hub_tests::FakeHub;
use shorn_hub_tests::python::Python;
use tempfile::TempDir;

const NAME: &str = "shorn-tests/Embedded-Coder";

/// A Hub that has the embedded model, and a folder for `HF_HOME`.
struct Scene {
    fake: FakeHub,
    folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let (fake, folder) = (FakeHub::start().await.unwrap(), tempfile::tempdir().unwrap());
        fake.add_folder(NAME, &embedded::unpack(folder.path()).unwrap()).unwrap();
        Self { fake, folder }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("hugging_face")
    }

    fn folders(&self) -> Folders {
        let variable = |name: &str| (name == "HF_HOME").then(|| self.home().into());
        Folders::new(self.folder.path(), self.folder.path(), variable)
    }

    /// `snapshot_download` of the Hub's own library; gives the folder that it names.
    async fn python(&self, options: &'static str) -> PathBuf {
        let (endpoint, home) = (self.fake.endpoint(), self.home());
        let python = tokio::task::spawn_blocking(move || {
            let script = format!(
                "from huggingface_hub import snapshot_download\nprint(snapshot_download({NAME:?}{options}))"
            );
            Python::install()?.run(&script, &endpoint, &home)
        });
        python.await.unwrap().unwrap().into()
    }

    /// A download of ours; gives the folder of the model.
    async fn shorn(&self) -> PathBuf {
        let hub = Hub::new(HubSource::at(&self.fake.endpoint()).unwrap());
        let queue = self.folder.path().join("queue.json");
        let downloads = Downloads::start(hub, self.folders().hugging_face, queue);
        downloads.add(NAME.parse().unwrap());
        let mut watched = downloads.watch();
        let ended = watched.wait_for(|all| match all.first().map(|download| &download.state) {
            Some(DownloadState::Failed { problem }) => panic!("{problem}"),
            state => matches!(state, Some(DownloadState::Ready { .. })),
        });
        let ended = ended.await.unwrap().clone();
        downloads.stop().await;
        match &ended[0].state {
            DownloadState::Ready { directory } => directory.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn weights_sent(&self) -> u64 {
        self.fake.sent("model.safetensors")
    }
}

fn without_links(path: &Path) -> PathBuf {
    path.canonicalize().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_hubs_own_library_downloads_is_ready_and_not_downloaded_again() {
    let scene = Scene::new().await;
    let snapshot = scene.python("").await;
    let library = library::scan(&scene.folders());
    let names: Vec<&str> = library.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, [NAME]);
    assert_eq!(library.models[0].directory, snapshot);
    assert!(matches!(library.models[0].state, LibraryState::Ready { .. }), "{:?}", library.models[0].state);

    let sent = scene.weights_sent();
    assert_eq!(without_links(&scene.shorn().await), without_links(&snapshot));
    assert_eq!(scene.weights_sent(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shorn_downloads_is_found_by_the_hubs_own_library_and_not_downloaded_again() {
    let scene = Scene::new().await;
    let directory = scene.shorn().await;
    let sent = scene.weights_sent();
    let offline = scene.python(", local_files_only=True").await;
    assert_eq!(without_links(&offline), without_links(&directory));
    let online = scene.python("").await;
    assert_eq!(without_links(&online), without_links(&directory));
    assert_eq!(scene.weights_sent(), sent);
}
