//! `shorn_hub::remote::Hub` over the Hub of the tests: models, files, the token, and every refusal.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::time::Duration;

use shorn_hub::download::{DownloadProblem, ProblemCode};
use shorn_hub::remote::{
    ContentRange, Delivered, Digest, Hub, HubError, HubSource, RemotePath, Timeouts, Token,
};
use shorn_hub_tests::{FakeFile, FakeHub, Fault, Gate, Place};

const WEIGHTS_BYTES: u64 = 3_000_000;

fn weights() -> FakeFile {
    FakeFile::synthetic("model.safetensors", 7, WEIGHTS_BYTES)
}

async fn fake_hub() -> (FakeHub, String) {
    let fake = FakeHub::start().await.unwrap();
    let commit = fake.add("org/name", [FakeFile::text("config.json", "{}"), weights()]);
    (fake, commit)
}

fn source(fake: &FakeHub, token: Option<&str>) -> HubSource {
    let token = token.map(|token| Token::new(token, "the test").unwrap());
    HubSource { token, ..HubSource::at(&fake.endpoint()).unwrap() }
}

fn hub(fake: &FakeHub) -> Hub {
    Hub::new(source(fake, None))
}

fn hub_as(fake: &FakeHub, token: &str) -> Hub {
    Hub::new(source(fake, Some(token)))
}

async fn open(hub: &Hub, path: &str, start: u64) -> Result<(Delivered, Vec<u8>), HubError> {
    let mut file =
        hub.open(&"org/name".parse().unwrap(), "main", &RemotePath::new(path).unwrap(), start, None).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = file.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok((file.delivered, bytes))
}

async fn refusal(hub: &Hub) -> HubError {
    open(hub, "model.safetensors", 0).await.unwrap_err()
}

#[tokio::test]
async fn a_model_is_its_commit_and_its_files_with_sizes_and_hashes() {
    let (fake, commit) = fake_hub().await;
    let model = hub(&fake).model(&"org/name".parse().unwrap(), "main").await.unwrap();
    assert_eq!(model.commit, commit);
    assert!(!model.gated);
    let files: Vec<_> =
        model.files.iter().map(|file| (file.path.as_str(), file.bytes, &file.digest)).collect();
    let config = Digest::GitSha1("9e26dfeeb6e641a33dae4961196235bdb965b21b".to_owned());
    let weights = Digest::Sha256(weights().sha256());
    assert_eq!(files, [("config.json", 2, &config), ("model.safetensors", WEIGHTS_BYTES, &weights)]);
}

#[tokio::test]
async fn an_older_commit_stays_what_it_was() {
    let (fake, old) = fake_hub().await;
    fake.add("org/name", [FakeFile::text("config.json", "{\"new\": 1}")]);
    let model = hub(&fake).model(&"org/name".parse().unwrap(), &old).await.unwrap();
    assert_eq!((model.commit, model.files.len()), (old, 2));
}

#[tokio::test]
async fn a_large_file_comes_from_elsewhere_with_what_the_hub_says_about_it() {
    let (fake, commit) = fake_hub().await;
    let (name, path) = ("org/name".parse().unwrap(), RemotePath::new("model.safetensors").unwrap());
    let file = hub(&fake).open(&name, &commit, &path, 0, None).await.unwrap();
    assert_eq!(file.delivered, Delivered::Whole);
    assert_eq!(file.linked_etag, Some(weights().sha256()));
    assert_eq!(file.linked_bytes, Some(WEIGHTS_BYTES));
    assert_eq!(file.body_bytes, Some(WEIGHTS_BYTES));
    assert_eq!(file.commit, Some(commit));
}

#[tokio::test]
async fn a_file_goes_on_where_it_is_asked_to_large_and_small() {
    let (fake, _) = fake_hub().await;
    let range = |start, end| Delivered::Part(ContentRange { start, end, file_bytes: Some(end) });
    let (delivered, bytes) = open(&hub(&fake), "model.safetensors", 2_000_000).await.unwrap();
    assert_eq!((delivered, bytes.len()), (range(2_000_000, WEIGHTS_BYTES), 1_000_000));
    assert_eq!(open(&hub(&fake), "config.json", 1).await.unwrap(), (range(1, 2), b"}".to_vec()));
    let beyond = open(&hub(&fake), "config.json", 2).await.unwrap().0;
    assert_eq!(beyond, Delivered::NotSatisfiable { file_bytes: Some(2) });
}

#[tokio::test]
async fn a_file_that_is_another_one_by_now_comes_whole() {
    let (fake, commit) = fake_hub().await;
    let (name, path) = ("org/name".parse().unwrap(), RemotePath::new("model.safetensors").unwrap());
    let hub = hub(&fake);
    let etag = hub.open(&name, &commit, &path, 5, None).await.unwrap().etag.unwrap();
    let same = hub.open(&name, &commit, &path, 5, Some(&etag)).await.unwrap();
    assert!(matches!(same.delivered, Delivered::Part(_)));
    let other = hub.open(&name, &commit, &path, 5, Some("\"another\"")).await.unwrap();
    assert_eq!(other.delivered, Delivered::Whole);
}

#[tokio::test]
async fn the_token_goes_to_the_hub_and_nowhere_else() {
    let (fake, _) = fake_hub().await;
    fake.accept("hf_good", &["org/name"]);
    fake.change("org/name", |repository| repository.gate = Gate::Manual);
    let (_, bytes) = open(&hub_as(&fake, "hf_good"), "model.safetensors", 0).await.unwrap();
    assert_eq!(bytes.len() as u64, WEIGHTS_BYTES);
    let (to_cdn, to_hub): (Vec<_>, Vec<_>) =
        fake.requests().into_iter().partition(|request| request.is_cdn());
    assert!(!to_cdn.is_empty() && to_cdn.iter().all(|request| !request.authorized));
    assert!(!to_hub.is_empty() && to_hub.iter().all(|request| request.authorized));
}

#[tokio::test]
async fn every_request_says_who_asks() {
    let (fake, _) = fake_hub().await;
    open(&hub(&fake), "model.safetensors", 0).await.unwrap();
    let agent = concat!("shorn/", env!("CARGO_PKG_VERSION"));
    assert!(fake.requests().iter().all(|request| request.user_agent.as_deref() == Some(agent)));
}

#[tokio::test]
async fn what_is_not_there_is_said_by_name() {
    let (fake, _) = fake_hub().await;
    fake.accept("hf_good", &[]);
    let missing = "org/missing".parse().unwrap();
    for hub in [hub(&fake), hub_as(&fake, "hf_good")] {
        let error = hub.model(&missing, "main").await.unwrap_err();
        assert!(
            matches!(error, HubError::NotFound { .. }) && error.to_string().contains("org/missing"),
            "{error}"
        );
        assert_eq!(DownloadProblem::from(error).code, ProblemCode::NotFound);
        assert!(!hub.token_refused());
    }
    let revision = hub(&fake).model(&"org/name".parse().unwrap(), "branch").await.unwrap_err();
    assert!(revision.to_string().contains("revision"), "{revision}");
    let file = open(&hub(&fake), "nothing.json", 0).await.unwrap_err();
    assert!(file.to_string().contains("nothing.json"), "{file}");
}

#[tokio::test]
async fn a_gated_model_is_refused_with_the_page_where_its_terms_are() {
    let (fake, _) = fake_hub().await;
    fake.accept("hf_good", &[]);
    fake.change("org/name", |repository| repository.gate = Gate::Automatic);
    let page = format!("{}/org/name", fake.endpoint());
    for (hub, known) in [(hub(&fake), false), (hub_as(&fake, "hf_good"), true)] {
        assert!(hub.model(&"org/name".parse().unwrap(), "main").await.unwrap().gated);
        let error = refusal(&hub).await;
        assert!(matches!(&error, HubError::Gated { logged_in, .. } if *logged_in == known), "{error}");
        let problem = DownloadProblem::from(error);
        assert_eq!((problem.code, problem.link.as_deref()), (ProblemCode::Gated, Some(page.as_str())));
    }
}

#[tokio::test]
async fn what_is_public_can_be_had_although_the_token_is_refused() {
    let (fake, _) = fake_hub().await;
    let hub = hub_as(&fake, "hf_revoked");
    assert_eq!(open(&hub, "config.json", 0).await.unwrap().1, b"{}");
    assert!(hub.token_refused());
    fake.forget_requests();
    open(&hub, "config.json", 0).await.unwrap();
    assert!(fake.requests().iter().all(|request| !request.authorized), "a refused token is not sent again");
}

#[tokio::test]
async fn a_refused_token_is_the_reason_where_one_is_needed() {
    let (fake, _) = fake_hub().await;
    fake.change("org/name", |repository| repository.gate = Gate::Manual);
    let error = refusal(&hub_as(&fake, "hf_revoked")).await;
    assert!(matches!(error, HubError::Unauthorized { .. }), "{error}");
    assert!(!error.is_transient() && !error.to_string().contains("hf_revoked"));
    let problem = DownloadProblem::from(error);
    assert_eq!(problem.code, ProblemCode::Unauthorized);
    assert_eq!(problem.link, Some(format!("{}/settings/tokens", fake.endpoint())));
}

#[tokio::test]
async fn being_too_fast_says_how_long_to_wait() {
    let (fake, _) = fake_hub().await;
    let cases = [
        (Some(7), None, Some(7)),
        (None, Some(55), Some(55)),
        (Some(7), Some(55), Some(7)),
        (None, None, None),
    ];
    for (retry_after, reset, expected) in cases {
        fake.fail(Fault::RateLimited { retry_after, reset }.times(1));
        let error = refusal(&hub(&fake)).await;
        assert_eq!(error.retry_after(), expected.map(Duration::from_secs));
        assert!(error.is_transient());
    }
}

#[tokio::test]
async fn errors_of_the_hub_itself_may_be_over_soon() {
    let (fake, _) = fake_hub().await;
    fake.fail(Fault::Status(503).times(1));
    assert!(refusal(&hub(&fake)).await.is_transient());
    fake.fail(Fault::Status(400).times(1));
    assert!(!refusal(&hub(&fake)).await.is_transient());
}

#[tokio::test]
async fn an_expired_address_is_worth_a_new_try_and_a_new_try_has_a_new_one() {
    let (fake, _) = fake_hub().await;
    fake.fail(Fault::ExpiredUrl.times(1));
    let error = refusal(&hub(&fake)).await;
    assert!(error.is_transient() && !error.to_string().contains("Signature"), "{error}");
    assert_eq!(DownloadProblem::from(error).code, ProblemCode::Hub);
    assert!(open(&hub(&fake), "model.safetensors", 0).await.is_ok());
    fake.fail(Fault::Status(500).at(Place::Cdn).times(1));
    assert!(refusal(&hub(&fake)).await.is_transient());
}

#[tokio::test]
async fn a_broken_connection_is_one_of_the_network() {
    let (fake, _) = fake_hub().await;
    fake.fail(Fault::CutAfter(1000).times(1));
    let cut = refusal(&hub(&fake)).await;
    assert!(matches!(&cut, HubError::Network { problem, .. } if problem.starts_with("broke off")), "{cut}");
    fake.set_online(false);
    let away = refusal(&hub(&fake)).await;
    assert!(away.is_transient() && away.to_string().contains("127.0.0.1"), "{away}");
}

#[tokio::test]
async fn a_file_that_stops_coming_is_given_up_after_the_timeout() {
    let (fake, _) = fake_hub().await;
    fake.fail(Fault::StallAfter(1000));
    let timeouts = Timeouts { read: Duration::from_millis(200), ..Timeouts::default() };
    let hub = Hub::with_timeouts(source(&fake, None), timeouts);
    let error = refusal(&hub).await;
    assert!(matches!(&error, HubError::Network { problem, .. } if problem.contains("nothing")), "{error}");
}

#[tokio::test]
async fn a_slow_file_is_not_given_up_while_it_comes() {
    let (fake, _) = fake_hub().await;
    fake.fail(Fault::BytesPerSecond(3_000_000));
    let timeouts = Timeouts {
        read: Duration::from_millis(500),
        answer: Duration::from_millis(500),
        ..Timeouts::default()
    };
    let hub = Hub::with_timeouts(source(&fake, None), timeouts);
    assert_eq!(open(&hub, "model.safetensors", 0).await.unwrap().1.len() as u64, WEIGHTS_BYTES);
}

#[tokio::test]
async fn answers_that_are_none_are_said_so() {
    let (fake, _) = fake_hub().await;
    fake.fail(Fault::NotJson);
    let error = hub(&fake).model(&"org/name".parse().unwrap(), "main").await.unwrap_err();
    assert!(
        matches!(error, HubError::BadAnswer { .. }) && error.to_string().contains("HF_ENDPOINT"),
        "{error}"
    );
}

#[tokio::test]
async fn hostile_names_are_refused_not_skipped() {
    for path in
        ["../../.ssh/authorized_keys", "/etc/passwd", "a//b.json", "sub\\config.json", "NUL", "a/../b.json"]
    {
        let (fake, _) = fake_hub().await;
        fake.add("org/name", [FakeFile::text("config.json", "{}"), FakeFile::text(path, "x")]);
        let error = hub(&fake).model(&"org/name".parse().unwrap(), "main").await.unwrap_err();
        assert!(matches!(error, HubError::Refused(_)), "{path}: {error}");
        assert_eq!(DownloadProblem::from(error).code, ProblemCode::Refused);
    }
}

#[tokio::test]
async fn a_configuration_is_read_up_to_a_bound() {
    let (fake, commit) = fake_hub().await;
    let name = "org/name".parse().unwrap();
    assert_eq!(hub(&fake).config(&name, &commit).await.unwrap(), "{}");
    let large = fake.add("org/name", [FakeFile::text("config.json", &" ".repeat((1 << 20) + 1))]);
    let error = hub(&fake).config(&name, &large).await.unwrap_err();
    assert!(matches!(error, HubError::BadAnswer { .. }), "{error}");
}

#[tokio::test]
async fn pages_are_those_of_this_hub_and_of_hugging_face_and_no_others() {
    let fake = FakeHub::start().await.unwrap();
    let hub = Hub::new(source(&fake, None));
    assert!(hub.is_page(&format!("{}/org/name", fake.endpoint())));
    assert!(hub.is_page("https://huggingface.co/org/name"));
    for other in
        ["http://huggingface.co/org/name", "https://huggingface.co.evil.example/", "file:///etc/passwd", ""]
    {
        assert!(!hub.is_page(other), "{other}");
    }
}
