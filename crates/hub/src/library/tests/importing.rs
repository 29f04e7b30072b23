use super::*;

/// A model in a folder that is none of the three.
fn outside_model(disk: &Disk, name: &str) -> PathBuf {
    let folder = disk.outside().join(name);
    write_fixture(&folder, "qwen3_moe-4bit");
    folder
}

/// Nothing in Shorn's own folder, hidden or not, but empty folders of organisations.
#[track_caller]
fn assert_nothing_imported(disk: &Disk) {
    let names = |folder: &Path| -> Vec<_> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    for entry in names(&disk.folders.own) {
        assert!(entry.is_dir() && names(&entry).is_empty(), "{} is there", entry.display());
    }
}

#[test]
fn a_folder_is_copied_whole_and_listed_like_any_other() {
    let disk = Disk::new();
    let source = outside_model(&disk, "my model");
    fs::create_dir(source.join("extra")).unwrap();
    fs::write(source.join("extra/notes.txt"), "a note").unwrap();
    let imported = import(&disk.folders, &source, None).unwrap();
    assert_eq!((imported.name.as_str(), imported.origin), ("my model", Origin::Own));
    assert_ready(&imported);
    assert_eq!(imported, disk.only(), "a scan says the same");
    for (name, content) in fixture("qwen3_moe-4bit") {
        assert_eq!(fs::read(imported.directory.join(name)).unwrap(), content);
    }
    assert_eq!(fs::read_to_string(imported.directory.join("extra/notes.txt")).unwrap(), "a note");
    assert!(source.join("model.safetensors").exists(), "the source stays");
}

#[test]
fn a_snapshot_of_the_cache_becomes_files_under_its_models_name() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    repository.add_fixture("aaa", "qwen3_moe-4bit");
    let imported = import(&disk.folders, &repository.snapshot_directory("aaa"), None).unwrap();
    assert_eq!(imported.directory, disk.folders.own.join("org/model"));
    assert_ready(&imported);
    for (name, _) in fixture("qwen3_moe-4bit") {
        let metadata = fs::symlink_metadata(imported.directory.join(name)).unwrap();
        assert!(metadata.is_file(), "a link would end with the cache");
    }
}

#[test]
fn lm_studios_models_keep_publisher_and_name() {
    let disk = Disk::new();
    let source = disk.folders.lm_studio.join("publisher/name");
    write_fixture(&source, "qwen3-bfloat16");
    assert_eq!(import(&disk.folders, &source, None).unwrap().name, "publisher/name");
}

#[test]
fn another_name_can_be_chosen() {
    let disk = Disk::new();
    let imported = import(&disk.folders, &outside_model(&disk, "a"), Some("org/b")).unwrap();
    assert_eq!(imported.directory, disk.folders.own.join("org/b"));
    assert_eq!(disk.only().name, "org/b");
}

#[test]
fn names_that_lead_elsewhere_or_would_not_be_found_are_refused() {
    let disk = Disk::new();
    let source = outside_model(&disk, "model");
    let long = "x".repeat(300);
    for name in [
        "",
        ".",
        "..",
        "../model",
        "org/..",
        "/model",
        "org/",
        "a/b/c",
        ".hidden",
        "org/.hidden",
        "a\\b",
        "a\0b",
        "C:model",
        " a",
        "models--org--model",
        &long,
    ] {
        let error = import(&disk.folders, &source, Some(name)).unwrap_err();
        assert!(matches!(error, ImportError::Name { .. }), "{name:?}: {error}");
    }
    assert_nothing_imported(&disk);
}

#[test]
fn nothing_is_overwritten() {
    let disk = Disk::new();
    let source = outside_model(&disk, "model");
    import(&disk.folders, &source, None).unwrap();
    let marker = disk.folders.own.join("model/marker");
    fs::write(&marker, "").unwrap();
    fs::create_dir(disk.folders.own.join("empty")).unwrap();
    symlink(disk.outside().join("nowhere"), disk.folders.own.join("link")).unwrap();
    for name in ["model", "empty", "link"] {
        let error = import(&disk.folders, &source, Some(name)).unwrap_err();
        assert!(matches!(error, ImportError::Exists { .. }), "{name}: {error}");
    }
    assert!(marker.exists());
    assert_eq!(fs::read_dir(&disk.folders.own).unwrap().count(), 3, "no unfinished copy is left");
}

#[test]
fn an_organisation_that_is_a_link_or_a_model_is_refused() {
    let disk = Disk::new();
    let source = outside_model(&disk, "model");
    fs::create_dir(disk.outside().join("elsewhere")).unwrap();
    symlink(disk.outside().join("elsewhere"), disk.folders.own.join("link")).unwrap();
    write_fixture(&disk.folders.own.join("a-model"), "qwen3-bfloat16");
    for name in ["link/model", "a-model/model"] {
        let error = import(&disk.folders, &source, Some(name)).unwrap_err();
        assert!(matches!(error, ImportError::Exists { .. }), "{name}: {error}");
    }
    assert!(!disk.outside().join("elsewhere/model").exists());
}

#[test]
fn what_a_scan_would_not_call_ready_is_refused_with_the_reason() {
    let disk = Disk::new();
    let refusal = |folder: &Path| {
        let error = import(&disk.folders, folder, None).unwrap_err();
        assert!(matches!(error, ImportError::NotReady { .. }), "{error}");
        error.to_string()
    };
    let source = outside_model(&disk, "cut");
    fs::remove_file(source.join("tokenizer.json")).unwrap();
    assert!(refusal(&source).contains("tokenizer.json is missing"));
    let source = outside_model(&disk, "part");
    fs::write(source.join("x.safetensors.part"), "").unwrap();
    assert!(refusal(&source).contains("the rest of 1 file is missing"));
    let source = outside_model(&disk, "whisper");
    fs::write(source.join("config.json"), r#"{"model_type": "whisper"}"#).unwrap();
    assert!(refusal(&source).contains("whisper"));
    assert!(refusal(&disk.outside()).contains("no config.json"));
    assert_nothing_imported(&disk);
}

#[test]
fn a_link_out_of_the_folder_is_refused_by_name_and_nothing_behind_it_is_read() {
    let disk = Disk::new();
    let source = outside_model(&disk, "model");
    fs::write(disk.outside().join("secret.txt"), "secret").unwrap();
    symlink(disk.outside().join("secret.txt"), source.join("README.md")).unwrap();
    let error = import(&disk.folders, &source, None).unwrap_err();
    assert!(matches!(&error, ImportError::Link { name, .. } if name == "README.md"), "{error}");
    assert_nothing_imported(&disk);
}

#[test]
fn a_link_to_a_folder_is_refused_also_when_it_leads_back() {
    let disk = Disk::new();
    let source = outside_model(&disk, "model");
    symlink(&source, source.join("itself")).unwrap();
    let error = import(&disk.folders, &source, None).unwrap_err();
    assert!(matches!(&error, ImportError::Link { name, .. } if name == "itself"), "{error}");
    assert_nothing_imported(&disk);
}

#[test]
fn blobs_are_followed_from_a_snapshot_alone_and_not_when_they_are_a_link() {
    let disk = Disk::new();
    // The neighbour of a plain folder is not its own.
    let source = outside_model(&disk, "model");
    fs::create_dir(disk.outside().join("blobs")).unwrap();
    fs::write(disk.outside().join("blobs/x"), "x").unwrap();
    symlink("../blobs/x", source.join("README.md")).unwrap();
    assert!(matches!(import(&disk.folders, &source, None), Err(ImportError::Link { .. })));

    let repository = disk.repository("org/model");
    repository.add_fixture("aaa", "qwen3-bfloat16");
    let blobs = repository.directory.join("blobs");
    fs::rename(&blobs, disk.outside().join("moved")).unwrap();
    symlink(disk.outside().join("moved"), &blobs).unwrap();
    let result = import(&disk.folders, &repository.snapshot_directory("aaa"), None);
    assert!(matches!(result, Err(ImportError::Link { .. })), "{result:?}");
    assert_nothing_imported(&disk);
}

#[test]
fn what_an_import_left_that_was_killed_is_not_listed_and_does_not_stay() {
    let disk = Disk::new();
    let left = disk.folders.own.join("org/.importing-model");
    write_fixture(&left, "qwen3-bfloat16");
    fs::write(left.join("of-another-model.txt"), "").unwrap();
    assert_eq!(disk.scan(), Library::default());
    let imported = import(&disk.folders, &outside_model(&disk, "model"), Some("org/model")).unwrap();
    assert!(!left.exists() && !imported.directory.join("of-another-model.txt").exists());
    assert_ready(&imported);
}

#[test]
fn two_imports_of_one_name_do_not_meet() {
    let disk = Disk::new();
    let source = outside_model(&disk, "model");
    let other = disk.folders.own.join(".importing-model");
    fs::create_dir(&other).unwrap();
    let lock = fs::File::open(&other).unwrap();
    lock.lock().unwrap();
    let error = import(&disk.folders, &source, None).unwrap_err();
    assert!(matches!(error, ImportError::UnderWay { .. }), "{error}");
    assert!(other.exists(), "it belongs to the other one");
    drop(lock);
    assert_ready(&import(&disk.folders, &source, None).unwrap());
}

#[test]
fn the_folder_of_all_models_is_no_model() {
    let disk = Disk::new();
    write_fixture(disk.home.path(), "qwen3-bfloat16");
    let error = import(&disk.folders, disk.home.path(), Some("home")).unwrap_err();
    assert!(matches!(error, ImportError::HoldsOwnFolder { .. }), "{error}");
    let nowhere = import(&disk.folders, &disk.home.path().join("nowhere"), None).unwrap_err();
    assert!(matches!(nowhere, ImportError::NotAFolder { .. }), "{nowhere}");
}

#[test]
fn an_imported_model_can_be_deleted() {
    let disk = Disk::new();
    let imported = import(&disk.folders, &outside_model(&disk, "model"), Some("org/model")).unwrap();
    assert_eq!(delete(&disk.folders, &imported).unwrap(), fixture_bytes("qwen3_moe-4bit"));
    assert_eq!(disk.scan(), Library::default());
}
