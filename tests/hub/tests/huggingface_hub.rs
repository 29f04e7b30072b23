//! The Hub's own Python library and Shorn share one cache, and mean the same by it.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::path::Path;

use shorn_hub::embedded;
use shorn_hub::library::{self, Folders, LibraryState};
use shorn_hub_tests::FakeHub;
use shorn_hub_tests::python::Python;

const NAME: &str = "shorn-tests/Embedded-Coder";

/// A Hub that has the embedded model.
async fn fake_hub(folder: &Path) -> FakeHub {
    let fake = FakeHub::start().await.unwrap();
    fake.add_folder(NAME, &embedded::unpack(folder).unwrap()).unwrap();
    fake
}

fn folders(home: &Path) -> Folders {
    let variable = |name: &str| (name == "HF_HOME").then(|| home.into());
    Folders::new(&home.join("shorn"), home, variable)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_hubs_own_library_downloads_is_ready_in_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let fake = fake_hub(folder.path()).await;
    let (endpoint, home) = (fake.endpoint(), folder.path().join("hugging_face"));
    let script = format!("from huggingface_hub import snapshot_download\nprint(snapshot_download({NAME:?}))");
    let python = tokio::task::spawn_blocking({
        let home = home.clone();
        move || Python::install().and_then(|python| python.run(&script, &endpoint, &home))
    });
    let snapshot = python.await.unwrap().unwrap();

    let library = library::scan(&folders(&home));
    let names: Vec<&str> = library.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, [NAME]);
    assert_eq!(library.models[0].directory, Path::new(&snapshot));
    assert!(matches!(library.models[0].state, LibraryState::Ready { .. }), "{:?}", library.models[0].state);
}
