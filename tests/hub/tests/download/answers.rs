//! What the Hub may answer.

use std::time::{Duration, Instant};

use shorn_hub::download::{DownloadState, ProblemCode, Timing};
use shorn_hub_tests::{FakeFile, Fault, Gate, Place};

use crate::scene::{NAME, QUICK, Scene, WEIGHTS, WEIGHTS_BYTES, assert_ready, model, name, problem};

/// Downloads the model from a Hub with faults, and checks that it comes out right.
async fn ready_in_spite_of(faults: impl IntoIterator<Item = shorn_hub_tests::Rule>) -> Scene {
    let scene = Scene::with(model()).await;
    faults.into_iter().for_each(|fault| scene.hub.fail(fault));
    assert_ready(&scene.download().await);
    scene.assert_whole(&model());
    scene
}

/// Bytes of the weights that were sent beyond those that were needed.
fn sent_again(scene: &Scene) -> u64 {
    scene.hub.sent(WEIGHTS) - WEIGHTS_BYTES
}

#[tokio::test]
async fn a_whole_model_arrives_once_and_is_what_the_hub_has() {
    let scene = ready_in_spite_of([]).await;
    for file in model() {
        assert_eq!(scene.hub.sent(&file.path), file.bytes(), "{}", file.path);
    }
    let DownloadState::Ready { directory } = scene.ended().await.state else { panic!("it is ready") };
    assert_eq!(directory, scene.repository().join("snapshots").join(&scene.commit));
}

#[tokio::test]
async fn a_broken_connection_goes_on_where_it_broke() {
    let scene = ready_in_spite_of([Fault::CutAfter(400_000).on(WEIGHTS).times(2)]).await;
    let starts: Vec<u64> = scene.requests(WEIGHTS).iter().map(|request| request.start()).collect();
    assert_eq!(starts, [0, 400_000, 800_000]);
    assert_eq!(sent_again(&scene), 0);
}

#[tokio::test]
async fn a_connection_that_goes_quiet_is_given_up_and_gone_on_with() {
    let scene = ready_in_spite_of([Fault::StallAfter(300_000).on(WEIGHTS).times(1)]).await;
    let starts: Vec<u64> = scene.requests(WEIGHTS).iter().map(|request| request.start()).collect();
    assert_eq!(starts, [0, 300_000]);
}

#[tokio::test]
async fn a_part_from_elsewhere_is_never_written() {
    let scene = Scene::with(model()).await;
    scene.hub.fail(Fault::CutAfter(500_000).on(WEIGHTS).times(1));
    scene.hub.fail(Fault::WrongContentRange.on(WEIGHTS).times(2));
    assert_ready(&scene.download().await);
    scene.assert_whole(&model());
}

#[tokio::test]
async fn a_hub_that_never_sends_the_part_that_was_asked_for_is_asked_for_the_whole() {
    let faults = [Fault::CutAfter(500_000).on(WEIGHTS).times(1), Fault::WrongContentRange.on(WEIGHTS)];
    let scene = ready_in_spite_of(faults).await;
    let last = scene.requests(WEIGHTS).pop().unwrap();
    assert_eq!((last.start(), last.status), (0, 200));
}

#[tokio::test]
async fn what_is_there_stays_when_a_server_ignores_the_range() {
    let faults = [
        Fault::CutAfter(500_000).on(WEIGHTS).times(1),
        Fault::IgnoredRange.on(WEIGHTS),
        // The second answer brings less than is there already.
        Fault::CutAfter(200_000).on(WEIGHTS).times(1),
    ];
    let scene = ready_in_spite_of(faults).await;
    let ranges: Vec<u64> = scene.requests(WEIGHTS).iter().map(|request| request.start()).collect();
    assert!(ranges.iter().skip(1).all(|start| *start >= 200_000), "{ranges:?}");
}

#[tokio::test]
async fn a_server_that_refuses_ranges_is_asked_for_the_whole() {
    let faults =
        [Fault::CutAfter(500_000).on(WEIGHTS).times(1), Fault::RangeNotSatisfiable.on(WEIGHTS).times(2)];
    ready_in_spite_of(faults).await;
}

#[tokio::test]
async fn a_partial_file_longer_than_the_file_begins_anew() {
    let scene = Scene::with(model()).await;
    let weights = &model()[0];
    let blobs = scene.repository().join("blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    let partial = blobs.join(format!("{}.shorn.incomplete", weights.sha256()));
    std::fs::write(&partial, vec![7; WEIGHTS_BYTES as usize + 1]).unwrap();
    assert_ready(&scene.download().await);
    scene.assert_whole(&model());
    assert_eq!(scene.requests(WEIGHTS)[0].start(), 0);
}

#[tokio::test]
async fn a_partial_file_with_wrong_bytes_is_noticed_and_fetched_again() {
    let scene = Scene::with(model()).await;
    let weights = &model()[0];
    let blobs = scene.repository().join("blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    let partial = blobs.join(format!("{}.shorn.incomplete", weights.sha256()));
    std::fs::write(&partial, vec![7; 1000]).unwrap();
    assert_ready(&scene.download().await);
    scene.assert_whole(&model());
    let starts: Vec<u64> = scene.requests(WEIGHTS).iter().map(|request| request.start()).collect();
    assert_eq!(starts, [1000, 0]);
}

#[tokio::test]
async fn a_wrong_byte_is_noticed_and_the_file_fetched_again() {
    for path in [WEIGHTS, "tokenizer.json"] {
        let scene = ready_in_spite_of([Fault::FlippedByte(100_000).on(path).times(1)]).await;
        assert_eq!(scene.requests(path).iter().filter(|request| request.status == 200).count(), 2);
    }
}

#[tokio::test]
async fn a_file_that_is_wrong_twice_is_corrupt_and_never_visible() {
    let scene = Scene::with(model()).await;
    scene.hub.fail(Fault::FlippedByte(100_000).on(WEIGHTS));
    let problem = problem(&scene.download().await, ProblemCode::Corrupt);
    assert!(problem.message.starts_with(WEIGHTS), "{problem}");
    assert!(!scene.blobs().contains(&model()[0].sha256()));
    assert!(!scene.repository().join("refs/main").exists());
    assert_eq!(scene.requests(WEIGHTS).iter().filter(|request| request.status == 200).count(), 2);

    scene.hub.heal();
    assert_ready(&scene.download().await);
    scene.assert_whole(&model());
}

#[tokio::test]
async fn an_answer_that_is_too_short_is_completed() {
    ready_in_spite_of([Fault::ShorterBody(1000).on(WEIGHTS).times(1)]).await;
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_cut_to_what_was_listed() {
    ready_in_spite_of([Fault::LongerBody(100_000).on(WEIGHTS)]).await;
}

#[tokio::test]
async fn a_file_that_always_ends_too_early_is_corrupt() {
    let scene = Scene::with(model()).await;
    scene.hub.fail(Fault::ShorterBody(1000).on(WEIGHTS));
    problem(&scene.download().await, ProblemCode::Corrupt);
}

#[tokio::test]
async fn an_address_that_has_expired_is_asked_for_anew() {
    let faults = [Fault::CutAfter(700_000).on(WEIGHTS).times(1), Fault::ExpiredUrl.on(WEIGHTS).times(2)];
    let scene = ready_in_spite_of(faults).await;
    assert_eq!(sent_again(&scene), 0);
}

#[tokio::test]
async fn errors_of_the_hub_are_waited_out() {
    let faults = [
        Fault::Status(500).on(WEIGHTS).times(3),
        Fault::Status(503).on(NAME).at(Place::Api).times(2),
        Fault::Status(502).on("config.json").times(1),
    ];
    ready_in_spite_of(faults).await;
}

#[tokio::test]
async fn a_hub_that_asks_to_come_back_later_is_obeyed_and_the_state_says_so() {
    let scene = Scene::with(model()).await;
    scene.hub.fail(Fault::RateLimited { retry_after: Some(1), reset: None }.at(Place::Api).times(1));
    let start = Instant::now();
    scene.downloads.add(name(NAME));
    let waiting = scene.when(NAME, |download| download.retrying.is_some()).await;
    let retrying = waiting.retrying.unwrap();
    assert!(retrying.why.contains("slow down"), "{}", retrying.why);
    assert_eq!(retrying.seconds, 1);
    assert_ready(&scene.ended().await);
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_lost_network_is_waited_for() {
    let scene = Scene::with(model()).await;
    scene.hub.fail(Fault::BytesPerSecond(1_000_000).on(WEIGHTS));
    scene.downloads.add(name(NAME));
    scene.when_some_is_there(100_000).await;
    scene.hub.set_online(false);
    let waiting = scene.when(NAME, |download| download.retrying.is_some()).await;
    assert_eq!(waiting.state, DownloadState::Downloading);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!scene.downloads.watch().borrow()[0].state.is_ended());
    scene.hub.set_online(true);
    scene.hub.heal();
    assert_ready(&scene.ended().await);
    scene.assert_whole(&model());
}

#[tokio::test]
async fn a_network_that_never_comes_back_ends_it_and_keeps_what_has_arrived() {
    let timing = Timing { give_up: Duration::from_millis(300), ..QUICK };
    let scene = Scene::with_timing(model(), timing).await;
    scene.hub.fail(Fault::StallAfter(300_000).on(WEIGHTS).times(1));
    scene.downloads.add(name(NAME));
    scene.when_some_is_there(300_000).await;
    scene.hub.set_online(false);
    problem(&scene.ended().await, ProblemCode::Network);
    assert!(scene.partials().contains(&format!("{}.shorn.incomplete", model()[0].sha256())));
    scene.hub.set_online(true);
    assert_ready(&scene.download().await);
    assert_eq!(sent_again(&scene), 0);
}

#[tokio::test]
async fn a_model_that_is_not_there_ends_at_once() {
    let scene = Scene::with(model()).await;
    scene.downloads.add(name("org/other"));
    let download = scene.when("org/other", |download| download.state.is_ended()).await;
    problem(&download, ProblemCode::NotFound);
    assert_eq!(scene.hub.requests().len(), 1);
}

#[tokio::test]
async fn a_licence_that_was_not_accepted_ends_it_with_the_page_where_it_is() {
    let scene = Scene::with(model()).await;
    scene.hub.change(NAME, |repository| repository.gate = Gate::Manual);
    let problem = problem(&scene.download().await, ProblemCode::Gated);
    assert!(problem.link.unwrap().ends_with(NAME));
}

#[tokio::test]
async fn a_file_that_is_refused_or_missing_ends_it_at_once() {
    for (fault, code) in [(Fault::NotFound, ProblemCode::NotFound), (Fault::Forbidden, ProblemCode::Gated)] {
        let scene = Scene::with(model()).await;
        scene.hub.fail(fault.on("config.json"));
        problem(&scene.download().await, code);
        assert_eq!(
            scene.hub.requests().iter().filter(|one| one.file.as_deref() == Some("config.json")).count(),
            1
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_no_json_ends_it() {
    let scene = Scene::with(model()).await;
    scene.hub.fail(Fault::NotJson);
    problem(&scene.download().await, ProblemCode::Hub);
}

#[tokio::test]
async fn a_repository_without_weights_in_mlx_format_is_refused() {
    let scene =
        Scene::with(vec![FakeFile::text("config.json", "{}"), FakeFile::text("model.gguf", "GGUF")]).await;
    problem(&scene.download().await, ProblemCode::Refused);
    assert!(!scene.repository().exists());
}

#[tokio::test]
async fn a_name_that_leads_out_of_the_cache_is_refused() {
    let scene = Scene::with(vec![FakeFile::synthetic("../../model.safetensors", 1, 1000)]).await;
    problem(&scene.download().await, ProblemCode::Refused);
    assert!(!scene.repository().exists());
}

#[tokio::test]
async fn a_token_never_reaches_who_delivers_the_files() {
    let scene = ready_in_spite_of([]).await;
    let requests = scene.hub.requests();
    assert!(requests.iter().all(|request| request.is_cdn() != request.authorized), "{requests:#?}");
}
