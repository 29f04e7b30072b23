use std::time::{Duration, SystemTime};

use super::*;

#[test]
fn a_snapshot_is_listed_with_what_it_is() {
    let disk = Disk::new();
    let repository = disk.repository("org/tiny-coder-4bit");
    repository.add_fixture("c0ffee", "qwen3_moe-4bit");
    repository.refer("main", "c0ffee\n");
    let model = disk.only();
    assert_eq!((model.name.as_str(), model.origin), ("org/tiny-coder-4bit", Origin::HuggingFace));
    assert_eq!(model.directory, repository.snapshot_directory("c0ffee"));
    assert_eq!(model.bytes, fixture_bytes("qwen3_moe-4bit"));

    let summary = assert_ready(&model);
    // From config.json: embedding and head, then for each layer attention, norms, router and 8 experts.
    let attention = 128 * 256 + 2 * 128 * 128 + 256 * 128;
    let layer = attention + 2 * 128 + 2 * 64 + 8 * 128 + 8 * 3 * 128 * 64;
    assert_eq!(summary.parameters, 2 * 256 * 128 + 2 * layer + 128);
    assert_eq!(summary.family, "qwen3_moe");
    assert_eq!(summary.context_length, 4096);
    assert_eq!(summary.quantization, "4-bit affine in groups of 64, 2 matrices otherwise");
    // 4 bits, and for 64 of them a scale and a bias in 32 bits (the fixture's scales) or less.
    assert!((4.4..5.2).contains(&summary.bits_per_weight), "{}", summary.bits_per_weight);
}

#[test]
fn the_snapshot_of_main_is_shown_though_another_is_newer() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    repository.add_fixture("aaa", "qwen3_moe-4bit");
    repository.add_fixture("bbb", "qwen3_moe-float32");
    set_changed(&repository.snapshot_directory("aaa"), 1000);
    set_changed(&repository.snapshot_directory("bbb"), 2000);
    repository.refer("main", "aaa");
    assert_eq!(disk.only().directory, repository.snapshot_directory("aaa"));
}

#[test]
fn without_main_the_newest_snapshot_is_shown() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    for (commit, changed) in [("aaa", 1000), ("bbb", 3000), ("ccc", 2000)] {
        repository.add_fixture(commit, "qwen3_moe-4bit");
        set_changed(&repository.snapshot_directory(commit), changed);
    }
    repository.refer("main", "a commit that is not here");
    assert_eq!(disk.only().directory, repository.snapshot_directory("bbb"));
}

fn set_changed(directory: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    fs::File::open(directory).unwrap().set_modified(time).unwrap();
}

#[test]
fn a_blob_that_two_names_share_counts_once() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    repository.add_fixture("aaa", "qwen3_moe-4bit");
    let blob = repository.blob("extra");
    fs::write(&blob, [0; 1000]).unwrap();
    for name in ["a.txt", "b.txt"] {
        repository.add("aaa", name, "extra", &[]);
    }
    assert_eq!(disk.only().bytes, fixture_bytes("qwen3_moe-4bit") + 1000);
}

#[test]
fn an_unfinished_blob_makes_a_model_incomplete() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    repository.add_fixture("aaa", "qwen3_moe-4bit");
    fs::write(repository.blob("0123abcd.incomplete"), [0; 77]).unwrap();
    let model = disk.only();
    assert_eq!(missing(&model), "the rest of 1 file");
    assert_eq!(model.bytes, fixture_bytes("qwen3_moe-4bit") + 77);
}

#[test]
fn what_an_earlier_try_left_of_a_blob_that_is_whole_now_is_nothing_missing() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    repository.add_fixture("aaa", "qwen3_moe-4bit");
    repository.add("aaa", "README.md", "0123abcd", b"hello");
    fs::write(repository.blob("0123abcd.5e8f.incomplete"), b"he").unwrap();
    assert_ready(&disk.only());
}

#[test]
fn a_download_without_a_whole_file_yet_is_incomplete() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    fs::write(repository.blob("0123abcd.incomplete"), [0; 77]).unwrap();
    let model = disk.only();
    assert_eq!(missing(&model), "no file has arrived yet");
    assert_eq!((model.bytes, &model.directory), (77, &repository.directory));
}

#[test]
fn a_lookup_that_downloaded_nothing_is_no_model() {
    let disk = Disk::new();
    disk.repository("org/model").refer("main", "aaa");
    assert_eq!(disk.scan(), Library::default());
}

#[test]
fn a_broken_link_is_named_as_missing() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    repository.add_fixture("aaa", "qwen3_moe-4bit");
    fs::remove_file(repository.blob("model-safetensors-of-qwen3_moe-4bit")).unwrap();
    assert_eq!(missing(&disk.only()), "model.safetensors");
}

#[test]
fn a_shard_that_the_index_lists_and_the_snapshot_lacks_is_missing() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    repository.add_fixture("aaa", "qwen3_moe-4bit");
    let index = repository.snapshot_directory("aaa").join("model.safetensors.index.json");
    fs::remove_file(&index).unwrap();
    let content = br#"{"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}"#;
    repository.add("aaa", "model.safetensors.index.json", "index", content);
    assert_eq!(missing(&disk.only()), "model-00002-of-00002.safetensors");
}

#[test]
fn a_snapshot_of_nothing_but_a_configuration_lacks_its_weights() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    let (name, content) = fixture("qwen3_moe-4bit").swap_remove(1);
    repository.add("aaa", &name, "config", &content);
    assert_eq!(missing(&disk.only()), "its weights (model.safetensors)");
}

#[test]
fn a_family_that_shorn_lacks_is_said_before_anything_is_missing() {
    let disk = Disk::new();
    let repository = disk.repository("org/whisper");
    repository.add("aaa", "config.json", "config", br#"{"model_type": "whisper"}"#);
    fs::write(repository.blob("0123abcd.incomplete"), [0; 77]).unwrap();
    let why = unsupported(&disk.only());
    assert!(why.contains("whisper") && why.contains("qwen3_moe"), "{why}");
}

#[test]
fn pytorch_weights_are_unsupported_with_what_to_choose() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    let (name, content) = fixture("qwen3_moe-4bit").swap_remove(1);
    repository.add("aaa", &name, "config", &content);
    repository.add("aaa", "pytorch_model.bin", "weights", &[1, 2, 3]);
    let why = unsupported(&disk.only());
    assert!(why.contains("PyTorch") && why.contains("MLX"), "{why}");
}

#[test]
fn a_link_out_of_the_model_folders_is_not_followed() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    repository.add_fixture("aaa", "qwen3_moe-4bit");
    let secret = disk.outside().join("secret.json");
    fs::write(&secret, [0; 5000]).unwrap();
    let link = repository.snapshot_directory("aaa").join("config.json");
    fs::remove_file(&link).unwrap();
    symlink(&secret, &link).unwrap();

    let model = disk.only();
    let why = unsupported(&model);
    assert!(why.contains("config.json") && why.contains("secret.json"), "{why}");
    assert!(model.bytes < fixture_bytes("qwen3_moe-4bit"), "what is outside counts nothing");
}

#[test]
fn a_model_that_is_a_link_out_of_the_model_folders_is_not_looked_into() {
    let disk = Disk::new();
    let elsewhere = disk.outside().join("models--org--model");
    fs::create_dir_all(elsewhere.join("snapshots/aaa")).unwrap();
    symlink(&elsewhere, disk.folders.hugging_face.join("models--org--model")).unwrap();
    let model = disk.only();
    assert_eq!((model.name.as_str(), model.bytes), ("org/model", 0));
    assert!(unsupported(&model).contains("link out of the model folders"));
}

#[test]
fn a_pipe_in_a_snapshot_is_not_opened() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    repository.add_fixture("aaa", "qwen3_moe-4bit");
    let path = repository.snapshot_directory("aaa").join("generation_config.json");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert!(unsupported(&disk.only()).contains("generation_config.json"));
}

#[test]
fn data_sets_and_lock_files_are_no_models() {
    let disk = Disk::new();
    for folder in ["datasets--org--data/snapshots/aaa", ".locks/models--org--model", "version"] {
        fs::create_dir_all(disk.folders.hugging_face.join(folder)).unwrap();
    }
    assert_eq!(disk.scan(), Library::default());
}

#[test]
fn snapshots_and_blobs_that_are_links_out_are_not_looked_into() {
    for folder in ["snapshots", "blobs"] {
        let disk = Disk::new();
        let repository = disk.repository("org/model");
        let elsewhere = disk.outside();
        write_fixture(&elsewhere.join("aaa"), "qwen3_moe-4bit");
        fs::write(elsewhere.join("0123abcd.incomplete"), [0; 77]).unwrap();
        fs::remove_dir(repository.directory.join(folder)).unwrap();
        symlink(&elsewhere, repository.directory.join(folder)).unwrap();
        let model = disk.only();
        assert_eq!((model.bytes, &model.directory), (0, &repository.directory));
        assert!(unsupported(&model).contains(&format!("its folder {folder} is a link")));
        delete(&disk.folders, &model).unwrap();
        assert!(!repository.directory.exists() && elsewhere.join("aaa/config.json").exists());
    }
}
