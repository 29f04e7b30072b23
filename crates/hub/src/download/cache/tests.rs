use super::*;
use crate::download::plan::Plan;
use crate::remote::{RemoteFile, RemotePath};

const COMMIT: &str = "0123456789012345678901234567890123456789";
const DIGEST: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

/// A cache with the blob `hello\n`, which is wanted at these places.
fn with_blob(paths: &[&str]) -> (tempfile::TempDir, Repository, Plan) {
    let cache = tempfile::tempdir().unwrap();
    let repository = Repository::open(cache.path(), &"org/name".parse().unwrap()).unwrap();
    let file = |path: &&str| RemoteFile {
        path: RemotePath::new(path).unwrap(),
        bytes: 6,
        digest: Digest::GitSha1(DIGEST.to_owned()),
    };
    let plan = Plan::of(COMMIT.to_owned(), paths.iter().map(file));
    fs::write(repository.blob(&plan.blobs[0].digest), "hello\n").unwrap();
    (cache, repository, plan)
}

fn no_links(_: &Path, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

#[test]
fn links_are_relative_so_that_the_cache_can_be_moved() {
    let (cache, repository, plan) = with_blob(&["config.json", "a/b/template.jinja"]);
    repository.link(COMMIT, &plan.blobs[0]).unwrap();
    let snapshot = cache.path().join("models--org--name/snapshots").join(COMMIT);
    let target = |path: &str| fs::read_link(snapshot.join(path)).unwrap().display().to_string();
    assert_eq!(target("config.json"), format!("../../blobs/{DIGEST}"));
    assert_eq!(target("a/b/template.jinja"), format!("../../../../blobs/{DIGEST}"));
    assert_eq!(fs::read_to_string(snapshot.join("a/b/template.jinja")).unwrap(), "hello\n");
}

#[test]
fn a_link_to_something_else_is_replaced() {
    let (_cache, repository, plan) = with_blob(&["config.json"]);
    let snapshot = repository.snapshot(COMMIT);
    fs::create_dir(&snapshot).unwrap();
    symlink("../../blobs/other", snapshot.join("config.json")).unwrap();
    for _ in 0..2 {
        repository.link(COMMIT, &plan.blobs[0]).unwrap();
        assert_eq!(fs::read_to_string(snapshot.join("config.json")).unwrap(), "hello\n");
    }
}

#[test]
fn where_the_disk_knows_no_links_the_file_itself_is_there_at_each_place() {
    let (_cache, repository, plan) = with_blob(&["config.json", "second.json"]);
    for _ in 0..2 {
        repository.link_with(COMMIT, &plan.blobs[0], no_links).unwrap();
        for path in ["config.json", "second.json"] {
            let file = repository.snapshot(COMMIT).join(path);
            assert!(fs::symlink_metadata(&file).unwrap().is_file());
            assert_eq!(fs::read_to_string(&file).unwrap(), "hello\n");
        }
        assert!(!repository.blob(&plan.blobs[0].digest).exists(), "it does not take its room twice");
        assert_eq!(repository.bytes_there(COMMIT, &plan.blobs[0]), 6);
    }
}

#[test]
fn a_partial_file_that_another_program_writes_to_is_not_removed() {
    let (_cache, repository, plan) = with_blob(&["config.json"]);
    let digest = &plan.blobs[0].digest;
    fs::write(repository.partial(digest), "hel").unwrap();
    let lock = BlobLock::try_take(&repository.lock(digest)).unwrap().unwrap();
    repository.remove_partials().unwrap();
    assert!(repository.partial(digest).exists());
    drop(lock);
    repository.remove_partials().unwrap();
    assert!(!repository.partial(digest).exists() && repository.blob(digest).exists());
}

#[test]
fn a_folder_that_is_a_link_out_of_the_cache_is_refused() {
    let (cache, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    symlink(outside.path(), cache.path().join("models--org--name")).unwrap();
    let problem = Repository::open(cache.path(), &"org/name".parse().unwrap()).unwrap_err();
    assert_eq!(problem.code, ProblemCode::Refused);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}
