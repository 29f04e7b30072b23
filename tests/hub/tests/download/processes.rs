//! Other programs in the same cache.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Duration;

use shorn_hub::download::DownloadState;
use shorn_hub_tests::Fault;

use crate::scene::{NAME, Scene, WEIGHTS, WEIGHTS_BYTES, assert_ready, model, name};

/// A process that downloads the model into the same cache, with a queue of its own.
pub fn pull(scene: &Scene) -> Command {
    let mut pull = Command::new(env!("CARGO_BIN_EXE_pull"));
    pull.arg(scene.hub.endpoint()).arg(scene.cache()).arg(scene.folder.path().join("pull.json")).arg(NAME);
    pull.args(["--first-pause", "10"]).stdout(Stdio::piped());
    pull
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_programs_one_downloads_and_the_other_waits_and_both_are_ready() {
    let scene = Scene::with(model()).await;
    scene.hub.fail(Fault::BytesPerSecond(1_500_000).on(WEIGHTS));
    let other = pull(&scene).spawn().unwrap();
    scene.downloads.add(name(NAME));
    assert_ready(&scene.ended().await);
    let other = tokio::task::spawn_blocking(|| other.wait_with_output()).await.unwrap().unwrap();
    let states = String::from_utf8(other.stdout).unwrap();
    assert!(other.status.success(), "{states}");
    scene.assert_whole(&model());
    assert_eq!(scene.hub.sent(WEIGHTS), WEIGHTS_BYTES);
}

#[tokio::test]
async fn a_file_that_another_program_has_locked_is_waited_for_and_its_result_used() {
    let scene = Scene::with(model()).await;
    let weights = &model()[0];
    let locks = scene.cache().join(".locks/models--org--model");
    fs::create_dir_all(&locks).unwrap();
    let lock = File::create(locks.join(format!("{}.lock", weights.sha256()))).unwrap();
    lock.lock().unwrap();
    scene.downloads.add(name(NAME));
    let waiting = scene.when(NAME, |download| download.retrying.is_some()).await;
    assert_eq!(waiting.state, DownloadState::Downloading);
    assert_eq!(waiting.retrying.unwrap().why, "another program is downloading this file");

    // What the other program has downloaded, from a cache of its own.
    let other = Scene::with(model()).await;
    assert_ready(&other.download().await);
    let blob = |scene: &Scene| scene.repository().join("blobs").join(weights.sha256());
    let copy = other.folder.path().join("copy");
    fs::copy(blob(&other), &copy).unwrap();
    fs::rename(copy, blob(&scene)).unwrap();
    drop(lock);
    assert_ready(&scene.ended().await);
    scene.assert_whole(&model());
    assert_eq!(scene.hub.sent(WEIGHTS), 0);
}

#[tokio::test]
async fn a_lock_that_is_let_go_without_a_result_is_taken_over() {
    let scene = Scene::with(model()).await;
    let locks = scene.cache().join(".locks/models--org--model");
    fs::create_dir_all(&locks).unwrap();
    let lock = File::create(locks.join(format!("{}.lock", model()[0].sha256()))).unwrap();
    lock.lock().unwrap();
    scene.downloads.add(name(NAME));
    scene.when(NAME, |download| download.retrying.is_some()).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(lock);
    assert_ready(&scene.ended().await);
    scene.assert_whole(&model());
}
