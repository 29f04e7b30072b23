//! Many interruptions of one download.

use std::fs;
use std::time::Duration;

use shorn_hub::download::{Downloads, Timing};
use shorn_hub_tests::{FakeFile, Fault};

use crate::processes::pull;
use crate::scene::{NAME, QUICK, Scene, assert_ready, hub, name};

/// Connections that break, and processes that are killed.
const CUTS: usize = 400;
const KILLS: usize = 100;

/// What may be asked for again after an interruption, for each file that was on its way.
const MAX_AGAIN: u64 = 64 << 10;

/// Files that are on their way at the same time.
const PARALLEL: u64 = 3;

/// How often a long loop runs: a tenth of `full` in the tests, all of it where `SHORN_FULL_LOOPS` is set.
fn loops(full: usize) -> usize {
    if std::env::var_os("SHORN_FULL_LOOPS").is_some() { full } else { full.div_ceil(10) }
}

/// Random numbers that are the same each time (an LCG).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn shards(bytes: u64) -> Vec<FakeFile> {
    let shard = |number: u64| {
        FakeFile::synthetic(
            &format!("model-0000{number}-of-00004.safetensors"),
            number,
            bytes + number * 1000,
        )
    };
    (1..=4).map(shard).chain([FakeFile::text("config.json", "{}")]).collect()
}

fn sent(scene: &Scene, files: &[FakeFile]) -> u64 {
    files.iter().map(|file| scene.hub.sent(&file.path)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_broken_connections_and_killed_programs_end_with_the_right_bytes_and_hardly_one_sent_twice() {
    let (cuts, kills) = (loops(CUTS), loops(KILLS));
    // So large that all interruptions find something under way.
    let files = shards((cuts + kills) as u64 * 100_000);
    let scene = Scene::with(files.clone()).await;
    let mut random = Random(7);
    let mut interruptions = 0;
    // Slow enough that what sits in the sockets' buffers is little: nobody can know of it after a kill.
    scene.hub.fail(Fault::BytesPerSecond(300_000));
    for _ in 0..kills {
        let before = sent(&scene, &files);
        let mut process = pull(&scene).spawn().unwrap();
        while sent(&scene, &files) == before && process.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(random.below(300))).await;
        // SIGKILL.
        process.kill().unwrap();
        let ended = process.wait().unwrap();
        interruptions += u64::from(ended.code().is_none());
    }
    assert_eq!(interruptions, kills as u64, "each found the download under way");
    let on_disk: u64 = scene
        .blobs()
        .iter()
        .map(|name| fs::metadata(scene.repository().join("blobs").join(name)).unwrap().len())
        .sum();
    assert!(sent(&scene, &files) - on_disk <= kills as u64 * MAX_AGAIN * PARALLEL);

    let timing = Timing { first_pause: Duration::from_millis(1), ..QUICK };
    let queue = scene.folder.path().join("pull.json");
    let downloads = Downloads::start_with(hub(&scene.hub.endpoint()), scene.cache(), queue, timing);
    downloads.add(name(NAME));
    for _ in 0..cuts {
        tokio::time::sleep(Duration::from_millis(40 + random.below(60))).await;
        scene.hub.set_online(false);
        tokio::time::sleep(Duration::from_millis(2)).await;
        scene.hub.set_online(true);
    }
    scene.hub.heal();
    let mut watch = downloads.watch();
    let ended =
        watch.wait_for(|all| all.iter().any(|download| download.state.is_ended())).await.unwrap().clone();
    assert_ready(&ended[0]);
    scene.assert_whole(&files);
    let bytes: u64 = files.iter().map(FakeFile::bytes).sum();
    let again = sent(&scene, &files) - bytes;
    let broken = (cuts + kills) as u64;
    let resumed = scene.hub.requests().iter().filter(|request| request.start() > 0).count() as u64;
    println!("{kills} kills and {cuts} cuts: {again} of {bytes} bytes sent twice, {resumed} times resumed");
    assert!(resumed >= broken, "{resumed} is not each time");
    assert!(again <= broken * MAX_AGAIN * PARALLEL, "{again} bytes sent again");
}
