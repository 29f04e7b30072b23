//! What a person does with downloads.

use std::fs;
use std::time::Duration;

use shorn_hub::download::{Download, DownloadState};
use shorn_hub_tests::{FakeFile, Fault};

use crate::scene::{NAME, Scene, WEIGHTS, WEIGHTS_BYTES, assert_ready, model, name};
use crate::witness::hashes;

/// A model whose weights come slowly, and some of which is there.
async fn half_way() -> Scene {
    let scene = Scene::with(model()).await;
    scene.hub.fail(Fault::BytesPerSecond(1_000_000).on(WEIGHTS));
    scene.downloads.add(name(NAME));
    scene.when_some_is_there(200_000).await;
    scene
}

async fn paused(scene: &Scene) -> Download {
    scene.downloads.pause(&name(NAME));
    let download = scene.when(NAME, |download| download.state == DownloadState::Paused).await;
    // What is under way ends a little later.
    tokio::time::sleep(Duration::from_millis(100)).await;
    download
}

/// Bytes of the weights that the disk has.
fn on_disk(scene: &Scene) -> u64 {
    let partial = scene.repository().join("blobs").join(format!("{}.shorn.incomplete", model()[0].sha256()));
    partial.metadata().unwrap().len()
}

#[tokio::test]
async fn progress_is_shown_with_speed_and_time_left() {
    let scene = half_way().await;
    let download = scene.when(NAME, |download| download.bytes_per_second.is_some()).await;
    assert_eq!(download.state, DownloadState::Downloading);
    assert_eq!(download.commit.as_deref(), Some(&*scene.commit));
    assert_eq!(download.bytes, Some(model().iter().map(FakeFile::bytes).sum()));
    assert_eq!(download.files[0].path, WEIGHTS);
    assert!(download.files.is_sorted_by(|a, b| a.bytes >= b.bytes));
    assert!(download.seconds_left.is_some() && download.retrying.is_none());
    assert_eq!(download.done, download.files.iter().map(|file| file.done).sum::<u64>());
}

#[tokio::test]
async fn a_paused_download_stops_and_goes_on_without_losing_a_byte() {
    let scene = half_way().await;
    paused(&scene).await;
    let there = on_disk(&scene);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(on_disk(&scene), there);
    scene.hub.heal();
    scene.downloads.resume(&name(NAME));
    assert_ready(&scene.ended().await);
    scene.assert_whole(&model());
    assert_eq!(scene.requests(WEIGHTS).pop().unwrap().start(), there);
}

#[tokio::test]
async fn a_cancelled_download_takes_along_what_it_brought_and_nothing_else() {
    let scene = half_way().await;
    let theirs = scene.repository().join("blobs/0123.incomplete");
    fs::write(&theirs, "of another tool").unwrap();
    scene.downloads.cancel(&name(NAME)).await;
    assert!(scene.downloads.watch().borrow().is_empty());
    let left: Vec<_> = fs::read_dir(scene.repository().join("blobs")).unwrap().flatten().collect();
    assert_eq!(left.iter().map(|entry| entry.file_name()).collect::<Vec<_>>(), ["0123.incomplete"]);
    assert!(!scene.repository().join("snapshots").exists());
    fs::remove_file(theirs).unwrap();

    scene.hub.heal();
    assert_ready(&scene.download().await);
    scene.assert_whole(&model());
}

#[tokio::test]
async fn a_paused_download_can_be_cancelled_after_a_restart() {
    let mut scene = half_way().await;
    paused(&scene).await;
    scene.restart().await;
    scene.downloads.cancel(&name(NAME)).await;
    assert_eq!(scene.partials(), Vec::<String>::new());
    scene.restart().await;
    assert!(scene.downloads.watch().borrow().is_empty());
}

#[tokio::test]
async fn what_ran_goes_on_after_a_restart_and_what_was_paused_stays_paused() {
    let mut scene = half_way().await;
    scene.hub.add("org/second", model());
    scene.downloads.add(name("org/second"));
    scene.downloads.pause(&name("org/second"));
    scene.when("org/second", |download| download.state == DownloadState::Paused).await;
    scene.downloads.stop().await;
    let there = on_disk(&scene);
    scene.hub.heal();
    scene.start();
    assert_ready(&scene.ended().await);
    scene.assert_whole(&model());
    assert_eq!(scene.requests(WEIGHTS).pop().unwrap().start(), there);
    let second = scene.when("org/second", |_| true).await;
    assert_eq!(second.state, DownloadState::Paused);

    scene.restart().await;
    let names: Vec<String> =
        scene.downloads.watch().borrow().iter().map(|download| download.name.to_string()).collect();
    assert_eq!(names, ["org/second"], "what has ended is not kept");
}

#[tokio::test]
async fn a_paused_download_shows_after_a_restart_how_far_it_is() {
    let mut scene = half_way().await;
    paused(&scene).await;
    let there = on_disk(&scene);
    scene.restart().await;
    let download = scene.when(NAME, |_| true).await;
    assert_eq!((download.state, download.files[0].done), (DownloadState::Paused, there));
    assert_eq!(download.commit.as_deref(), Some(&*scene.commit));
}

#[tokio::test]
async fn models_come_one_after_the_other_and_a_paused_one_blocks_nobody() {
    let scene = half_way().await;
    for other in ["org/second", "org/third"] {
        scene.hub.add(other, vec![FakeFile::synthetic("model.safetensors", 9, 1000)]);
        scene.downloads.add(name(other));
    }
    scene.when("org/third", |_| true).await;
    let states: Vec<DownloadState> =
        scene.downloads.watch().borrow().iter().map(|download| download.state.clone()).collect();
    assert_eq!(states, [DownloadState::Downloading, DownloadState::Queued, DownloadState::Queued]);
    scene.downloads.pause(&name(NAME));
    for other in ["org/second", "org/third"] {
        let download = scene.when(other, |download| download.state.is_ended()).await;
        assert!(matches!(download.state, DownloadState::Ready { .. }), "{download:#?}");
    }
    let repositories: Vec<String> = scene
        .hub
        .requests()
        .into_iter()
        .filter_map(|request| {
            Some(request.path.strip_prefix("/api/models/org/")?.split_once('/')?.0.to_owned())
        })
        .collect();
    assert_eq!(repositories, ["model", "second", "third"]);
}

#[tokio::test]
async fn adding_twice_is_adding_once() {
    let scene = Scene::with(model()).await;
    for _ in 0..3 {
        scene.downloads.add(name(NAME));
    }
    assert_ready(&scene.ended().await);
    assert_eq!(scene.downloads.watch().borrow().len(), 1);
    assert_eq!(scene.hub.sent(WEIGHTS), WEIGHTS_BYTES);
    scene.downloads.dismiss(&name(NAME));
    let mut watch = scene.downloads.watch();
    watch.wait_for(|all| all.is_empty()).await.unwrap();
}

#[tokio::test]
async fn a_commit_that_moved_while_paused_is_still_the_one_that_is_downloaded() {
    let mut scene = half_way().await;
    paused(&scene).await;
    scene.hub.heal();
    let mut newer = model();
    newer[0] = FakeFile::synthetic(WEIGHTS, 77, 900_000);
    scene.hub.add(NAME, newer);
    scene.restart().await;
    scene.downloads.resume(&name(NAME));
    let download = scene.ended().await;
    assert_ready(&download);
    assert_eq!(download.commit.as_deref(), Some(&*scene.commit));
    scene.assert_whole(&model());
}

#[tokio::test]
async fn a_commit_that_is_gone_is_replaced_by_the_new_one_and_equal_files_are_kept() {
    let mut scene = half_way().await;
    paused(&scene).await;
    scene.hub.heal();
    let mut newer = model();
    newer[0] = FakeFile::synthetic(WEIGHTS, 77, 900_000);
    let mut both = hashes(&model());
    both.insert(WEIGHTS.to_owned(), vec![model()[0].sha256(), newer[0].sha256()]);
    scene.watch(both);
    let commit = scene.hub.add(NAME, newer.clone());
    let old = std::mem::replace(&mut scene.commit, commit);
    scene.hub.change(NAME, |repository| repository.forget(&old));
    let tokenizer = scene.hub.sent("tokenizer.json");
    scene.restart().await;
    scene.downloads.resume(&name(NAME));
    let download = scene.ended().await;
    assert_ready(&download);
    assert_eq!(download.commit.as_deref(), Some(&*scene.commit));
    scene.assert_whole(&newer);
    assert_eq!(scene.hub.sent("tokenizer.json"), tokenizer);
}

#[tokio::test]
async fn a_ready_model_that_is_added_again_is_brought_up_to_date() {
    let mut scene = Scene::with(model()).await;
    assert_ready(&scene.download().await);
    let mut newer = model();
    newer[1] = FakeFile::text("config.json", r#"{"model_type": "qwen3", "newer": true}"#);
    let mut both = hashes(&model());
    both.insert("config.json".to_owned(), vec![model()[1].git_sha1(), newer[1].git_sha1()]);
    scene.watch(both);
    scene.commit = scene.hub.add(NAME, newer.clone());
    assert_ready(&scene.download().await);
    scene.assert_whole(&newer);
    assert_eq!(scene.hub.sent(WEIGHTS), WEIGHTS_BYTES);
}

#[tokio::test]
async fn a_damaged_queue_is_put_aside_and_not_lost() {
    let mut scene = half_way().await;
    paused(&scene).await;
    scene.downloads.stop().await;
    for damaged in ["{\"version\": 1, \"downl", "{\"version\": 2}", "[]"] {
        fs::write(scene.queue_file(), damaged).unwrap();
        scene.start();
        assert!(scene.downloads.watch().borrow().is_empty());
        scene.downloads.stop().await;
        let aside = fs::read_dir(scene.folder.path()).unwrap().find_map(|entry| {
            let path = entry.unwrap().path();
            path.to_str().unwrap().contains("queue.json.unreadable").then_some(path)
        });
        let aside = aside.unwrap();
        assert_eq!(fs::read_to_string(&aside).unwrap(), damaged);
        fs::remove_file(aside).unwrap();
    }
}

#[tokio::test]
async fn a_download_that_begins_later_goes_into_another_cache() {
    let scene = Scene::with(model()).await;
    let other = tempfile::tempdir().unwrap();
    scene.downloads.set_cache(other.path().to_owned());
    assert_ready(&scene.download().await);
    assert!(other.path().join("models--org--model/refs/main").is_file());
    assert!(!scene.repository().exists());
}
