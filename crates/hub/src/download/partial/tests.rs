use std::path::PathBuf;

use super::*;

/// SHA-256 of `hello\n` (`sha256sum`), and what git calls it (`git hash-object`).
const SHA256: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
const GIT: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

fn open(folder: &Path, digest: &Digest) -> Partial {
    let lock = BlobLock::try_take(&folder.join("lock")).unwrap().unwrap();
    Partial::open(folder.join("partial"), digest.clone(), 6, lock, || false).unwrap().unwrap()
}

fn digests() -> [Digest; 2] {
    [Digest::Sha256(SHA256.to_owned()), Digest::GitSha1(GIT.to_owned())]
}

#[test]
fn a_file_that_arrives_in_pieces_over_several_starts_has_the_right_hash() {
    for digest in digests() {
        let folder = tempfile::tempdir().unwrap();
        for (number, piece) in ["he", "", "llo", "\n"].into_iter().enumerate() {
            let mut partial = open(folder.path(), &digest);
            assert_eq!(partial.length(), [0, 2, 2, 5][number]);
            partial.append(piece.as_bytes()).unwrap();
        }
        let blob = folder.path().join("blob");
        assert!(open(folder.path(), &digest).finish(&blob).unwrap());
        assert_eq!(fs::read_to_string(&blob).unwrap(), "hello\n");
        assert!(verify(&blob, &digest, 6, || false).unwrap().unwrap());
    }
}

#[test]
fn a_file_with_another_hash_gets_no_final_name() {
    for digest in digests() {
        let folder = tempfile::tempdir().unwrap();
        let mut partial = open(folder.path(), &digest);
        partial.append(b"hallo\n").unwrap();
        let blob = folder.path().join("blob");
        assert!(!partial.finish(&blob).unwrap());
        assert!(!blob.exists());
        partial.discard().unwrap();
        partial.append(b"hello\n").unwrap();
        assert!(partial.finish(&blob).unwrap());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn what_fitted_on_a_full_disk_counts() {
    let mut partial = open(tempfile::tempdir().unwrap().path(), &digests()[0]);
    partial.file = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let error = partial.append(b"hello\n").unwrap_err();
    assert_eq!((error.kind(), partial.length()), (ErrorKind::StorageFull, 0));
}

#[test]
fn hashing_stops_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let lock = BlobLock::try_take(&folder.path().join("lock")).unwrap().unwrap();
    let path: PathBuf = folder.path().join("partial");
    fs::write(&path, "hel").unwrap();
    assert!(Partial::open(path, digests()[0].clone(), 6, lock, || true).unwrap().is_err());
}

#[test]
fn only_one_can_write_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let partial = open(folder.path(), &digests()[0]);
    assert!(BlobLock::try_take(&folder.path().join("lock")).unwrap().is_none());
    drop(partial);
    assert!(BlobLock::try_take(&folder.path().join("lock")).unwrap().is_some());
}
