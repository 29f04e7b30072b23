//! The commands about models, as they are run, over a Hub on loopback.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use shorn_hub::embedded;
use shorn_hub_tests::{FakeFile, FakeHub, Fault, Gate};
use tempfile::TempDir;

const NAME: &str = "org/Tiny-Coder-4bit";

/// A Hub with one model, and a home folder.
struct Scene {
    hub: FakeHub,
    home: TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Scene {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (hub, home) = (runtime.block_on(FakeHub::start()).unwrap(), tempfile::tempdir().unwrap());
        hub.add_folder(NAME, &embedded::unpack(&home.path().join("embedded")).unwrap()).unwrap();
        Self { hub, home, runtime }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shorn"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("SHORN_HOME", self.home.path().join("shorn"))
            .env("HF_ENDPOINT", self.hub.endpoint())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command prints that goes well.
    fn printed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn search_lists_a_model_with_what_it_needs() {
    let scene = Scene::new();
    scene.hub.add("org/Other", [FakeFile::text("config.json", r#"{"model_type": "mamba"}"#)]);
    let table = scene.printed(&["search"]);
    let line = |name: &str| table.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(line(NAME).contains("32K context"), "{table}");
    assert!(line("org/Other").contains("`mamba` is not supported"), "{table}");

    let found: Value = serde_json::from_str(&scene.printed(&["search", "coder", "--json"])).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["support"]["kind"], "supported");
    assert_eq!(found[0]["fit"]["context_length"], 32768);
}

#[test]
fn what_is_pulled_is_listed_and_what_is_removed_is_gone() {
    let scene = Scene::new();
    assert!(scene.printed(&["list"]).contains("no models"));
    assert!(scene.printed(&["pull", NAME]).contains("is ready in"));
    let table = scene.printed(&["list"]);
    assert!(table.lines().any(|line| line.contains(NAME) && line.contains("ready")), "{table}");

    let unasked = scene.run(&["rm", NAME]);
    assert!(!unasked.status.success() && said(&unasked).contains("--yes"));
    assert!(scene.printed(&["rm", NAME, "--yes"]).contains("free again"));
    assert!(scene.printed(&["list"]).contains("no models"));
    assert!(said(&scene.run(&["rm", NAME, "--yes"])).contains("shorn list"));
}

#[test]
fn fit_says_the_same_on_the_hub_and_on_this_disk() {
    let scene = Scene::new();
    let ask = || {
        let arguments = ["fit", NAME, "--context", "32K", "--kv-bits", "8", "--json"];
        serde_json::from_str::<Value>(&scene.printed(&arguments)).unwrap()
    };
    let on_the_hub = ask();
    scene.printed(&["pull", NAME]);
    let on_disk = ask();
    assert_eq!((&on_the_hub["source"], &on_disk["source"]), (&Value::from("hub"), &Value::from("disk")));
    // The configuration does not say that this model computes in 32 bits, and on the Hub the files' headers count.
    for part in ["kv", "weights"] {
        let bytes = |report: &Value| report["fit"][part].as_f64().unwrap();
        let ratio = bytes(&on_the_hub) / bytes(&on_disk);
        assert!((ratio - 1.0).abs() < 0.1, "{part}: {ratio}");
    }
    assert!(scene.printed(&["fit", NAME]).contains("it fits"));
}

#[test]
fn a_model_whose_terms_were_not_accepted_is_refused_with_its_page() {
    let scene = Scene::new();
    scene.hub.change(NAME, |repository| repository.gate = Gate::Manual);
    let output = scene.run(&["pull", NAME]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains(&format!("{}/{NAME}", scene.hub.endpoint())), "{}", said(&output));
}

#[test]
fn a_pull_that_is_stopped_keeps_what_has_arrived_and_goes_on_from_there() {
    let scene = Scene::new();
    scene.hub.fail(Fault::StallAfter(50_000).on("model.safetensors").times(1));
    let mut pulling = scene.command(&["pull", NAME]).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(|| scene.hub.sent("model.safetensors") == 50_000);
    std::thread::sleep(Duration::from_millis(500));
    interrupt(pulling.id());
    let status = pulling.wait().unwrap();
    assert_eq!(status.code(), Some(130));

    assert!(partial_bytes(scene.home.path()) > 0);
    scene.printed(&["pull", NAME]);
    let again = scene.hub.requests();
    let starts = again.iter().filter(|request| request.is_cdn()).map(|request| request.start());
    assert_eq!(starts.collect::<Vec<_>>(), [0, 50_000]);
    drop(scene.runtime);
}

fn interrupt(process: u32) {
    assert!(Command::new("kill").args(["-INT", &process.to_string()]).status().unwrap().success());
}

fn partial_bytes(home: &Path) -> u64 {
    let blobs = home
        .join(".cache/huggingface/hub")
        .join(format!("models--{}", NAME.replace('/', "--")))
        .join("blobs");
    let partial = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().contains("incomplete");
    let entries = std::fs::read_dir(blobs).unwrap().map(Result::unwrap);
    entries.filter(partial).map(|entry| entry.metadata().unwrap().len()).sum()
}

fn wait_for(ready: impl Fn() -> bool) {
    for _ in 0..1000 {
        if ready() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it did not happen within ten seconds");
}
