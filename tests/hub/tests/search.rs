//! Searching, over the Hub of the tests.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use shorn_checkpoint::Checkpoint;
use shorn_hub::remote::{
    FoundModel, Hub, HubError, HubSource, Search, SearchOrder, SearchPage, Support, Token,
};
use shorn_hub_tests::{FakeFile, FakeHub, Fault, Gate};

fn checkpoint(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/checkpoints").join(name)
}

/// Elements of all tensors by dtype, as the Hub counts them.
fn tensor_elements(checkpoint: &Checkpoint) -> BTreeMap<String, u64> {
    let mut elements = BTreeMap::new();
    for (_, tensor) in checkpoint.tensors.iter() {
        *elements.entry(tensor.dtype.to_string()).or_default() += tensor.elements();
    }
    elements
}

fn search_for(text: &str) -> Search {
    Search { text: text.to_owned(), ..Search::default() }
}

fn by(order: SearchOrder) -> Search {
    Search { order, ..Search::default() }
}

fn hub(fake: &FakeHub) -> Hub {
    Hub::new(HubSource::at(&fake.endpoint()).unwrap())
}

async fn found(fake: &FakeHub, search: &Search) -> SearchPage {
    hub(fake).search(search).await.unwrap()
}

async fn only(fake: &FakeHub) -> FoundModel {
    let mut page = found(fake, &Search::default()).await;
    assert_eq!(page.models.len(), 1);
    page.models.remove(0)
}

fn names(page: &SearchPage) -> Vec<&str> {
    page.models.iter().map(|model| model.name.as_str()).collect()
}

/// A Hub with a model for each of these, at this place in every order.
async fn fake_hub(models: &[(&str, u64)]) -> FakeHub {
    let fake = FakeHub::start().await.unwrap();
    for (name, place) in models {
        fake.add(
            name,
            [FakeFile::text("config.json", "{}"), FakeFile::synthetic("model.safetensors", 1, *place)],
        );
        fake.change(name, |repository| {
            repository.downloads = *place;
            repository.trending = *place as i64;
            repository.last_modified = format!("2026-01-{place:02}T00:00:00.000Z");
            repository.tensor_elements.insert("BF16".to_owned(), *place);
        });
    }
    fake
}

fn why_not(model: &FoundModel) -> &str {
    match &model.support {
        Support::Unsupported { why } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_model_is_found_with_all_that_there_is_to_know() {
    let fake = FakeHub::start().await.unwrap();
    let folder = checkpoint("qwen3_moe-4bit");
    let mut files = FakeFile::folder(&folder).unwrap();
    files.push(FakeFile::text("tokenizer.json", "{}"));
    fake.add("org/coder-4bit", files);
    let checkpoint = Checkpoint::open(&folder).unwrap();
    fake.change("org/coder-4bit", |repository| {
        repository.downloads = 12_345;
        repository.tensor_elements = tensor_elements(&checkpoint);
    });
    let model = only(&fake).await;
    assert_eq!(model.name.as_str(), "org/coder-4bit");
    assert_eq!(model.downloads, 12_345);
    assert_eq!(model.updated.as_deref(), Some("2026-11-01T12:00:00.000Z"));
    assert!(!model.gated);
    assert_eq!(model.family.as_deref(), Some("qwen3_moe"));
    assert_eq!((model.bits, model.group_size), (Some(4), Some(64)));
    assert_eq!(model.context_length, Some(checkpoint.config.context_length()));
    assert_eq!(model.support, Support::Supported);
}

#[tokio::test]
async fn parameters_are_those_of_the_checkpoint_however_its_weights_are_packed() {
    for name in [
        "qwen3-bfloat16",
        "qwen3-mxfp4",
        "qwen3-yarn-8bit",
        "qwen3_moe-float32",
        "qwen3_moe-4bit",
        "qwen3_moe-mixed",
    ] {
        let fake = FakeHub::start().await.unwrap();
        fake.add_folder("org/name", &checkpoint(name)).unwrap();
        let opened = Checkpoint::open(&checkpoint(name)).unwrap();
        fake.change("org/name", |repository| repository.tensor_elements = tensor_elements(&opened));
        let (parameters, expected) = (only(&fake).await.parameters.unwrap(), opened.parameters());
        // Where widths are mixed the shapes tell, which leave out norms: more than usual in these small models.
        let off = parameters.abs_diff(expected) as f64 / expected as f64;
        assert!(off < 0.01, "{name}: {parameters}, not {expected}");
    }
}

#[tokio::test]
async fn only_the_needed_files_count_as_download() {
    let fake = FakeHub::start().await.unwrap();
    let file = |path, bytes| FakeFile::text(path, &" ".repeat(bytes));
    fake.add(
        "org/name",
        [
            file("config.json", 100),
            file("model.safetensors", 5_000),
            file("tokenizer.json", 20),
            file("README.md", 7),
            file("model.gguf", 9_000),
        ],
    );
    assert_eq!(only(&fake).await.download_bytes, Some(5_120));
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_says_why() {
    let config = FakeFile::disk("config.json", &checkpoint("qwen3-bfloat16").join("config.json")).unwrap();
    let weights = FakeFile::text("model.safetensors", "x");
    let cases = [
        (vec![FakeFile::text("config.json", r#"{"model_type": "mamba"}"#), weights.clone()], "mamba"),
        (vec![FakeFile::text("config.json", r#"{"model_type": "qwen3"}"#), weights.clone()], "hidden_size"),
        (vec![FakeFile::text("config.json", "<html>"), weights.clone()], "not JSON"),
        (vec![weights.clone()], "no config.json"),
        (vec![config.clone(), FakeFile::text("model.gguf", "x")], "safetensors"),
        (vec![config, weights], "tokenizer.json"),
    ];
    for (files, expected) in cases {
        let fake = FakeHub::start().await.unwrap();
        fake.add("org/name", files);
        let model = only(&fake).await;
        assert!(why_not(&model).contains(expected), "{:?}", model.support);
    }
}

#[tokio::test]
async fn a_model_that_cannot_be_looked_at_is_listed_all_the_same() {
    let fake = fake_hub(&[("org/a", 1), ("org/b", 2)]).await;
    fake.fail(Fault::Status(500).on("org/a"));
    let page = found(&fake, &Search::default()).await;
    assert_eq!(names(&page), ["org/b", "org/a"]);
    assert!(matches!(&page.models[1].support, Support::Unknown { why } if why.contains("500")));
    assert_eq!(page.models[1].downloads, 1);
}

#[tokio::test]
async fn of_a_gated_model_the_size_is_known_and_the_page_where_its_terms_are() {
    let fake = fake_hub(&[("org/a", 1)]).await;
    fake.change("org/a", |repository| repository.gate = Gate::Manual);
    let model = only(&fake).await;
    assert!(model.gated);
    assert_eq!(model.download_bytes, Some(3));
    assert!(
        matches!(&model.support, Support::Unknown { why } if why.contains("/org/a")),
        "{:?}",
        model.support
    );
}

#[tokio::test]
async fn a_configuration_beyond_all_bounds_is_not_read() {
    let fake = FakeHub::start().await.unwrap();
    fake.add("org/name", [FakeFile::text("config.json", &" ".repeat(2 << 20))]);
    assert!(matches!(only(&fake).await.support, Support::Unknown { .. }));
}

#[tokio::test]
async fn words_are_looked_for_among_models_in_mlx_format() {
    let fake = fake_hub(&[("org/Qwen3-Coder-4bit", 1), ("org/Llama-4bit", 2), ("org/Qwen3-GGUF", 3)]).await;
    fake.change("org/Qwen3-GGUF", |repository| repository.tags = vec!["gguf".to_owned()]);
    assert_eq!(names(&found(&fake, &search_for(" qwen3 ")).await), ["org/Qwen3-Coder-4bit"]);
    assert_eq!(names(&found(&fake, &search_for("coder qwen3")).await), ["org/Qwen3-Coder-4bit"]);
    assert_eq!(names(&found(&fake, &search_for("&sort=x#%")).await), Vec::<&str>::new());
}

#[tokio::test]
async fn models_come_in_the_order_that_is_asked_for() {
    let fake = fake_hub(&[("org/a", 20), ("org/b", 20), ("org/c", 20)]).await;
    let set = |name: &str, downloads, trending, day: u32, elements| {
        fake.change(name, |repository| {
            (repository.downloads, repository.trending) = (downloads, trending);
            repository.last_modified = format!("2026-01-{day:02}T00:00:00.000Z");
            repository.tensor_elements.insert("BF16".to_owned(), elements);
        });
    };
    set("org/a", 3, 1, 1, 300);
    set("org/b", 2, 3, 2, 100);
    set("org/c", 1, 2, 3, 200);
    let expected = [
        (SearchOrder::Downloads, ["org/a", "org/b", "org/c"]),
        (SearchOrder::Trending, ["org/b", "org/c", "org/a"]),
        (SearchOrder::Updated, ["org/c", "org/b", "org/a"]),
        (SearchOrder::Size, ["org/b", "org/c", "org/a"]),
    ];
    for (order, expected) in expected {
        assert_eq!(names(&found(&fake, &by(order)).await), expected, "{order:?}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_until_the_last_in_every_order() {
    let many: Vec<(String, u64)> = (1..=45).map(|place| (format!("org/model-{place}"), place)).collect();
    let many: Vec<(&str, u64)> = many.iter().map(|(name, place)| (name.as_str(), *place)).collect();
    let fake = fake_hub(&many).await;
    let hub = hub(&fake);
    for order in [SearchOrder::Trending, SearchOrder::Downloads, SearchOrder::Updated, SearchOrder::Size] {
        let (mut sizes, mut all) = (Vec::new(), Vec::new());
        let mut search = Search { text: "model".to_owned(), order, page: None };
        loop {
            let page = hub.search(&search).await.unwrap();
            sizes.push(page.models.len());
            all.extend(page.models.into_iter().map(|model| model.downloads));
            match page.next {
                Some(next) => search.page = Some(next),
                None => break,
            }
        }
        assert_eq!(sizes, [20, 20, 5], "{order:?}");
        let mut expected: Vec<u64> = (1..=45).collect();
        if order != SearchOrder::Size {
            expected.reverse();
        }
        assert_eq!(all, expected, "{order:?}");
    }
}

#[tokio::test]
async fn a_place_to_go_on_at_leads_to_no_other_host_and_no_other_path() {
    let fake = fake_hub(&[("org/a", 1)]).await;
    fake.accept("hf_good", &[]);
    let token = Some(Token::new("hf_good", "the test").unwrap());
    let hub = Hub::new(HubSource { token, ..HubSource::at(&fake.endpoint()).unwrap() });
    for page in
        ["http://127.0.0.1:1/api/models?x", "//evil.example/", "/../../settings", "@evil.example/", "#"]
    {
        let _ = hub.search(&Search { page: Some(page.to_owned()), ..Search::default() }).await;
        let sized = Search { page: Some(page.to_owned()), ..by(SearchOrder::Size) };
        assert!(matches!(hub.search(&sized).await, Err(HubError::Refused(_))), "{page}");
    }
    assert!(
        fake.requests().iter().all(|request| request.path.contains("/api/models") || request.file.is_some())
    );
}

#[tokio::test]
async fn what_is_known_of_a_commit_is_not_asked_again() {
    let fake = fake_hub(&[("org/a", 1), ("org/b", 2)]).await;
    let hub = hub(&fake);
    let first = hub.search(&Search::default()).await.unwrap();
    fake.forget_requests();
    assert_eq!(hub.search(&by(SearchOrder::Downloads)).await.unwrap().models, first.models);
    assert_eq!(fake.requests().len(), 1);
    fake.add("org/a", [FakeFile::text("config.json", r#"{"model_type": "other"}"#)]);
    let after = hub.search(&Search::default()).await.unwrap();
    assert_eq!(after.models[1].family.as_deref(), Some("other"));
}

#[tokio::test]
async fn a_page_that_cannot_be_had_is_an_error_that_says_what_to_do() {
    let fake = fake_hub(&[("org/a", 1)]).await;
    let cases = [
        (Fault::NotJson, "HF_ENDPOINT"),
        (Fault::Status(500), "try again later"),
        (Fault::RateLimited { retry_after: Some(30), reset: None }, "30 seconds"),
    ];
    for (fault, expected) in cases {
        fake.fail(fault.on("").times(1));
        let error = hub(&fake).search(&Search::default()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
