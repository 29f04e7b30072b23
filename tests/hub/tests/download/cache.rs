//! What is in the cache before a download, and what may stand in its way there.

use std::fs;
use std::os::unix::fs::symlink;

use shorn_hub::download::ProblemCode;
use shorn_hub::library::{self, Folders, LibraryState};
use shorn_hub_tests::{FakeFile, Fault};

use crate::scene::{NAME, Scene, WEIGHTS, assert_ready, model, name, problem};

/// The folders of a person with nothing but the cache.
fn folders(scene: &Scene) -> Folders {
    let nowhere = scene.folder.path().join("nowhere");
    Folders { own: nowhere.clone(), hugging_face: scene.cache(), lm_studio: nowhere, embedded: None }
}

/// What the library says about the model; `None` when it is not in it.
fn library(scene: &Scene) -> Option<LibraryState> {
    library::scan(&folders(scene)).models.pop().map(|model| model.state)
}

#[tokio::test]
async fn a_model_that_arrives_shows_as_incomplete_in_the_library_and_then_as_ready() {
    let unpacked = tempfile::tempdir().unwrap();
    let folder = shorn_hub::embedded::unpack(unpacked.path()).unwrap();
    let files = FakeFile::folder(&folder).unwrap();
    let mut scene = Scene::with(files.clone()).await;
    scene.hub.fail(Fault::StallAfter(10_000).on(WEIGHTS));
    scene.downloads.add(name(NAME));
    scene.when_some_is_there(10_000).await;
    scene.downloads.pause(&name(NAME));
    assert!(matches!(library(&scene), Some(LibraryState::Incomplete { .. })), "{:?}", library(&scene));

    scene.hub.heal();
    scene.restart().await;
    assert_ready(&scene.download().await);
    assert!(matches!(library(&scene), Some(LibraryState::Ready { .. })), "{:?}", library(&scene));
    scene.assert_whole(&files);
}

#[tokio::test]
async fn files_that_another_tool_has_downloaded_are_verified_and_not_downloaded_again() {
    let scene = Scene::with(model()).await;
    assert_ready(&scene.download().await);

    // The same files in another cache, without what says that they are whole.
    let other = Scene::with(model()).await;
    let blobs = |scene: &Scene| scene.repository().join("blobs");
    fs::create_dir_all(blobs(&other)).unwrap();
    for blob in scene.blobs() {
        fs::copy(blobs(&scene).join(&blob), other.folder.path().join(&blob)).unwrap();
        fs::rename(other.folder.path().join(&blob), blobs(&other).join(&blob)).unwrap();
    }
    assert_ready(&other.download().await);
    other.assert_whole(&model());
    assert!(other.hub.requests().iter().all(|request| request.file.is_none()));
}

#[tokio::test]
async fn a_wrong_file_under_a_final_name_is_replaced_by_the_right_one() {
    let mut scene = Scene::with(model()).await;
    // The witness would rightly complain of what is there at first.
    drop(scene.witness.take());
    let blob = scene.repository().join("blobs").join(model()[0].sha256());
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    fs::write(&blob, vec![7; model()[0].bytes() as usize]).unwrap();
    assert_ready(&scene.download().await);
    scene.watch(crate::witness::hashes(&model()));
    scene.assert_whole(&model());
}

#[tokio::test]
async fn files_with_the_same_bytes_are_downloaded_once() {
    let mut files = model();
    files.push(FakeFile::synthetic("special_tokens_map.json", 2, 200_000));
    let scene = Scene::with(files.clone()).await;
    let download = scene.download().await;
    assert_ready(&download);
    assert_eq!(download.files.len(), files.len());
    scene.assert_whole(&files);
    assert_eq!(
        scene.hub.sent("tokenizer.json") + scene.hub.sent("special_tokens_map.json"),
        files[2].bytes()
    );
}

#[tokio::test]
async fn nothing_is_written_through_a_link_out_of_the_cache() {
    for part in ["", "blobs", "snapshots", "refs"] {
        let scene = Scene::with(model()).await;
        let outside = scene.folder.path().join("outside");
        fs::create_dir_all(&outside).unwrap();
        let link = scene.repository().join(part);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(&outside, link.to_str().unwrap().trim_end_matches('/')).unwrap();
        let problem = problem(&scene.download().await, ProblemCode::Refused);
        assert!(problem.message.contains("out of the Hugging Face cache"), "{problem}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_partial_file_that_is_a_link_is_not_written_to() {
    let scene = Scene::with(model()).await;
    let outside = scene.folder.path().join("outside");
    fs::write(&outside, "mine").unwrap();
    let blobs = scene.repository().join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    symlink(&outside, blobs.join(format!("{}.shorn.incomplete", model()[0].sha256()))).unwrap();
    problem(&scene.download().await, ProblemCode::File);
    assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
}

#[tokio::test]
async fn a_link_to_a_blob_outside_is_replaced_and_what_it_leads_to_is_left_alone() {
    let mut scene = Scene::with(model()).await;
    // The witness would rightly complain of what is there at first.
    drop(scene.witness.take());
    let outside = scene.folder.path().join("outside");
    fs::write(&outside, "mine").unwrap();
    let blobs = scene.repository().join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    symlink(&outside, blobs.join(model()[0].sha256())).unwrap();
    assert_ready(&scene.download().await);
    scene.assert_whole(&model());
    assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
}

#[tokio::test]
async fn two_models_are_two_folders() {
    let scene = Scene::with(model()).await;
    scene.hub.add("org/second", model());
    scene.downloads.add(name("org/second"));
    assert_ready(&scene.when("org/second", |download| download.state.is_ended()).await);
    assert_ready(&scene.download().await);
    assert!(scene.cache().join("models--org--second/refs/main").exists());
}
