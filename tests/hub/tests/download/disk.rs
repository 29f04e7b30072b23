//! A full disk: a small one in memory, in a mount namespace of its own.
#![cfg(target_os = "linux")]

use std::os::unix::fs::MetadataExt;
use std::process::{Command, Output};

use serde_json::Value;
use shorn_hub_tests::{FakeFile, Fault};

use crate::scene::{Scene, WEIGHTS};

/// A disk of eight million bytes.
const SCRIPT: &str = r#"
    set -e
    mount -t tmpfs -o size=8000000 none "$FOLDER"
    mkdir "$FOLDER/hub"
    pull() { "$PULL" "$ENDPOINT" "$FOLDER/hub" "$FOLDER/../queue.json" org/model --first-pause 10; }
"#;

/// Runs a shell script on that disk.
async fn on_small_disk(scene: &Scene, script: &str) -> Output {
    let folder = scene.folder.path().join("disk");
    std::fs::create_dir(&folder).unwrap();
    let mut command = Command::new("unshare");
    command.arg("--mount");
    // Where this is not root's, it is in a namespace of its own.
    if scene.folder.path().metadata().unwrap().uid() != 0 {
        command.arg("--map-root-user");
    }
    command.args(["--", "sh", "-c", &format!("{SCRIPT}{script}")]);
    command
        .env("FOLDER", folder)
        .env("PULL", env!("CARGO_BIN_EXE_pull"))
        .env("ENDPOINT", scene.hub.endpoint());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// The states that a `pull` printed.
fn states(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    let states = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<Value>>();
    assert!(!states.is_empty(), "{output:?}");
    states
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_the_disk_has_no_room_for_is_refused_before_anything_is_downloaded() {
    let scene = Scene::with(vec![FakeFile::synthetic(WEIGHTS, 1, 7_900_000)]).await;
    let output = on_small_disk(&scene, "pull").await;
    let last = states(&output).pop().unwrap();
    assert_eq!(last["state"]["problem"]["code"], "disk_full", "{last}");
    let message = last["state"]["problem"]["message"].as_str().unwrap();
    assert!(message.contains("7.9 MB are still to come and the disk has 8.0 MB free; free "), "{message}");
    assert_eq!(scene.hub.sent(WEIGHTS), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_ends_it_with_figures_and_it_goes_on_when_there_is_room() {
    const BYTES: u64 = 4_000_000;
    let scene = Scene::with(vec![FakeFile::synthetic(WEIGHTS, 1, BYTES)]).await;
    scene.hub.fail(Fault::BytesPerSecond(4_000_000).on(WEIGHTS));
    // Another program fills the disk while this downloads.
    let script = r#"
        pull > "$FOLDER/../first" & first=$!
        sleep 0.4
        head -c 8000000 /dev/zero > "$FOLDER/other" 2> /dev/null || true
        if wait $first; then echo "it had room" >&2; exit 1; fi
        tail -n 1 "$FOLDER/../first"
        rm "$FOLDER/other"
        stat -c '{"kept": %s}' "$FOLDER"/hub/models--org--model/blobs/*.incomplete
        pull | tail -n 1
        sha256sum "$FOLDER"/hub/models--org--model/snapshots/*/model.safetensors >&2
    "#;
    let output = on_small_disk(&scene, script).await;
    let states = states(&output);
    let [full, kept, ready] = states.as_slice() else { panic!("{output:?}") };
    assert_eq!(full["state"]["problem"]["code"], "disk_full", "{full}");
    assert!(full["state"]["problem"]["message"].as_str().unwrap().contains("the disk has "), "{full}");
    assert_eq!(ready["state"]["state"], "ready", "{ready}");
    let hash = FakeFile::synthetic(WEIGHTS, 1, BYTES).sha256();
    assert!(String::from_utf8_lossy(&output.stderr).starts_with(&hash), "{output:?}");
    let resumed = scene.requests(WEIGHTS).pop().unwrap();
    assert_eq!(Some(resumed.start()), kept["kept"].as_u64());
}
