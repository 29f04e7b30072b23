use super::*;

/// Two snapshots of a model. They share all but their README, of 10 and 200 bytes.
fn two_snapshots(disk: &Disk) -> Repository {
    let repository = disk.repository("org/model");
    for (commit, etag, bytes) in [("aaa", "readme-a", 10), ("bbb", "readme-b", 200)] {
        repository.add_fixture(commit, "qwen3_moe-4bit");
        repository.add(commit, "README.md", etag, &vec![b'x'; bytes]);
    }
    repository.refer("main", "bbb");
    repository.refer("pr/1", "aaa");
    repository
}

#[test]
fn deleting_a_snapshot_frees_the_blobs_that_no_other_uses() {
    let disk = Disk::new();
    let repository = two_snapshots(&disk);
    let model = disk.only();
    assert_eq!(model.directory, repository.snapshot_directory("bbb"));

    assert_eq!(delete(&disk.folders, &model).unwrap(), 200);
    assert!(!repository.snapshot_directory("bbb").exists());
    assert!(!repository.blob("readme-b").exists());
    assert!(!repository.directory.join("refs/main").exists(), "it named the deleted snapshot");
    assert!(repository.directory.join("refs/pr/1").exists());

    let left = disk.only();
    assert_eq!(left.directory, repository.snapshot_directory("aaa"));
    assert_ready(&left);
    assert_eq!(left.bytes, fixture_bytes("qwen3_moe-4bit") + 10);
}

#[test]
fn deleting_the_last_snapshot_removes_the_model_and_no_other() {
    let disk = Disk::new();
    let repository = two_snapshots(&disk);
    disk.repository("org/other").add_fixture("ccc", "qwen3-bfloat16");
    fs::write(repository.blob("0123abcd.incomplete"), [0; 77]).unwrap();
    delete(&disk.folders, &disk.model("org/model")).unwrap();
    let references = ["aaa".len() as u64];
    let freed = delete(&disk.folders, &disk.model("org/model")).unwrap();
    assert_eq!(freed, fixture_bytes("qwen3_moe-4bit") + 10 + 77 + references[0]);
    assert!(!repository.directory.exists());
    assert_ready(&disk.only());
}

#[test]
fn files_that_are_no_links_go_with_their_snapshot() {
    let disk = Disk::new();
    let repository = two_snapshots(&disk);
    fs::create_dir(repository.snapshot_directory("bbb").join("extra")).unwrap();
    fs::write(repository.snapshot_directory("bbb").join("extra/notes.txt"), [0; 50]).unwrap();
    assert_eq!(delete(&disk.folders, &disk.only()).unwrap(), 250);
}

#[test]
fn a_blob_behind_a_link_that_leads_out_stays() {
    let disk = Disk::new();
    let repository = two_snapshots(&disk);
    let outside = disk.outside().join("thesis.txt");
    fs::write(&outside, "years of work").unwrap();
    symlink(&outside, repository.snapshot_directory("bbb").join("link.txt")).unwrap();
    symlink(disk.outside(), repository.snapshot_directory("bbb").join("folder")).unwrap();
    assert_eq!(delete(&disk.folders, &disk.only()).unwrap(), 200);
    assert_eq!(fs::read_to_string(&outside).unwrap(), "years of work");
}

#[test]
fn a_download_without_a_snapshot_can_be_deleted() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    fs::write(repository.blob("0123abcd.incomplete"), [0; 77]).unwrap();
    assert_eq!(delete(&disk.folders, &disk.only()).unwrap(), 77);
    assert!(!repository.directory.exists());
}

#[test]
fn a_model_whose_first_file_came_after_it_was_listed_is_not_deleted() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    fs::write(repository.blob("0123abcd.incomplete"), [0; 77]).unwrap();
    let listed = disk.only();
    repository.add_fixture("aaa", "qwen3-bfloat16");
    assert!(matches!(delete(&disk.folders, &listed), Err(DeleteError::Changed { .. })));
    assert!(repository.directory.exists());
}

#[test]
fn deleting_elsewhere_removes_the_folder_and_leaves_its_neighbours() {
    let disk = Disk::new();
    for name in ["one", "two"] {
        write_fixture(&disk.folders.lm_studio.join("org").join(name), "qwen3-bfloat16");
    }
    let freed = delete(&disk.folders, &disk.model("org/one")).unwrap();
    assert_eq!(freed, fixture_bytes("qwen3-bfloat16"));
    assert_eq!(disk.only().name, "org/two");
}

#[test]
fn links_in_a_folder_are_removed_and_not_followed() {
    let disk = Disk::new();
    let directory = disk.folders.own.join("model");
    write_fixture(&directory, "qwen3-bfloat16");
    let outside = disk.outside();
    fs::write(outside.join("thesis.txt"), "years of work").unwrap();
    symlink(&outside, directory.join("folder")).unwrap();
    symlink(outside.join("thesis.txt"), directory.join("file")).unwrap();
    assert_eq!(delete(&disk.folders, &disk.only()).unwrap(), fixture_bytes("qwen3-bfloat16"));
    assert!(!directory.exists() && outside.join("thesis.txt").exists());
}

#[test]
fn a_model_that_is_a_link_loses_the_link_alone() {
    let disk = Disk::new();
    let outside = disk.outside().join("model");
    write_fixture(&outside, "qwen3-bfloat16");
    symlink(&outside, disk.folders.own.join("model")).unwrap();
    assert_eq!(delete(&disk.folders, &disk.only()).unwrap(), 0);
    assert!(outside.join("config.json").exists());
    assert_eq!(disk.scan(), Library::default());
}

#[test]
fn a_model_of_the_cache_that_is_a_link_loses_the_link_alone() {
    let disk = Disk::new();
    let elsewhere = disk.outside().join("models--org--model");
    fs::create_dir_all(elsewhere.join("snapshots/aaa")).unwrap();
    symlink(&elsewhere, disk.folders.hugging_face.join("models--org--model")).unwrap();
    assert_eq!(delete(&disk.folders, &disk.only()).unwrap(), 0);
    assert!(elsewhere.join("snapshots/aaa").exists());
    assert_eq!(disk.scan(), Library::default());
}

fn pretend(origin: Origin, directory: PathBuf) -> LibraryModel {
    let state = LibraryState::Incomplete { missing: String::new() };
    LibraryModel { name: "org/model".to_owned(), directory, origin, bytes: 0, state }
}

#[test]
fn what_is_not_a_model_inside_the_folder_of_its_origin_is_refused() {
    let disk = Disk::new();
    let outside = disk.outside().join("model");
    write_fixture(&outside, "qwen3-bfloat16");
    let own = disk.folders.own.join("org/model");
    write_fixture(&own, "qwen3-bfloat16");
    let repository = two_snapshots(&disk);
    let Folders { own: own_folder, hugging_face: hub, .. } = &disk.folders;
    let cases = [
        (Origin::Own, outside.clone()),
        (Origin::Own, own_folder.join("../outside/model")),
        (Origin::Own, own_folder.join("org/../org/model")),
        (Origin::Own, own_folder.clone()),
        (Origin::Own, own_folder.join("org")),
        (Origin::Own, own_folder.join("..")),
        (Origin::LmStudio, own.clone()),
        (Origin::Own, repository.snapshot_directory("aaa")),
        (Origin::HuggingFace, own),
        (Origin::HuggingFace, hub.clone()),
        (Origin::HuggingFace, repository.directory.join("snapshots")),
        (Origin::HuggingFace, repository.directory.join("blobs")),
        (Origin::HuggingFace, PathBuf::from("/")),
        (Origin::HuggingFace, PathBuf::new()),
    ];
    let before = disk.scan();
    for (origin, directory) in cases {
        let result = delete(&disk.folders, &pretend(origin, directory.clone()));
        assert!(result.is_err(), "{directory:?} was deleted");
    }
    assert_eq!(disk.scan(), before);
    assert!(outside.join("config.json").exists());
}

#[test]
fn a_folder_behind_a_link_is_refused() {
    let disk = Disk::new();
    write_fixture(&disk.outside().join("model"), "qwen3-bfloat16");
    symlink(disk.outside(), disk.folders.own.join("org")).unwrap();
    let repository = two_snapshots(&disk);
    let alias = disk.folders.hugging_face.join("models--alias--model");
    symlink(&repository.directory, &alias).unwrap();
    for (origin, directory) in [
        (Origin::Own, disk.folders.own.join("org/model")),
        (Origin::HuggingFace, alias.join("snapshots/aaa")),
    ] {
        let error = delete(&disk.folders, &pretend(origin, directory)).unwrap_err();
        assert!(matches!(error, DeleteError::NotInFolder { .. }), "{error}");
    }
    assert!(disk.outside().join("model/config.json").exists());
    assert!(repository.snapshot_directory("aaa").exists());
}

#[test]
fn a_model_that_is_gone_is_said_to_be() {
    let disk = Disk::new();
    write_fixture(&disk.folders.own.join("model"), "qwen3-bfloat16");
    let model = disk.only();
    delete(&disk.folders, &model).unwrap();
    let error = delete(&disk.folders, &model).unwrap_err();
    assert!(matches!(error, DeleteError::Changed { .. }), "{error}");
}

#[test]
fn folders_that_are_links_themselves_are_where_they_lead() {
    let mut disk = Disk::new();
    let real = disk.outside().join("volume");
    write_fixture(&real.join("org/model"), "qwen3-bfloat16");
    disk.folders.lm_studio = disk.home.path().join("link");
    symlink(&real, &disk.folders.lm_studio).unwrap();
    let model = disk.only();
    assert_ready(&model);
    delete(&disk.folders, &model).unwrap();
    assert!(!real.join("org/model").exists() && real.join("org").exists());
}

#[test]
fn references_and_notes_behind_links_out_stay() {
    let disk = Disk::new();
    let repository = two_snapshots(&disk);
    let refs = disk.outside().join("refs");
    fs::rename(repository.directory.join("refs"), &refs).unwrap();
    symlink(&refs, repository.directory.join("refs")).unwrap();
    let notes = disk.outside().join("notes/bbb");
    fs::create_dir_all(&notes).unwrap();
    fs::write(notes.join("thesis.txt"), "years of work").unwrap();
    symlink(disk.outside().join("notes"), repository.directory.join(".no_exist")).unwrap();
    delete(&disk.folders, &pretend(Origin::HuggingFace, repository.snapshot_directory("bbb"))).unwrap();
    assert!(refs.join("main").exists(), "it names the deleted snapshot, but lies outside");
    assert!(notes.join("thesis.txt").exists());
}
