//! Looks at a cache all the time while something downloads into it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use sha1::Sha1;
use sha2::{Digest, Sha256};
use shorn_hub_tests::FakeFile;

/// A witness that no file under its final name is ever anything but right: neither a blob, nor what a snapshot leads
/// to.
pub struct Witness {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

/// By path in the repository: the hashes that its contents may have, one for each commit.
pub type Hashes = BTreeMap<String, Vec<String>>;

/// Files that were right, by path, inode and time of change.
type Seen = BTreeSet<(PathBuf, u64, i64)>;

/// The hashes of the files of a commit.
pub fn hashes<'a>(files: impl IntoIterator<Item = &'a FakeFile>) -> Hashes {
    let hash = |file: &FakeFile| if file.lfs { file.sha256() } else { file.git_sha1() };
    files.into_iter().map(|file| (file.path.clone(), vec![hash(file)])).collect()
}

impl Witness {
    pub fn of(repository: PathBuf, hashes: Hashes) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let mut seen = Seen::new();
        let watch = move || {
            while !stopped.load(Ordering::Relaxed) {
                check(&repository, &hashes, &mut seen)?;
                std::thread::sleep(Duration::from_millis(20));
            }
            check(&repository, &hashes, &mut Seen::new())
        };
        Self { stop, thread: Some(std::thread::spawn(watch)) }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.thread.take().unwrap().join().unwrap();
        if !std::thread::panicking() {
            seen.unwrap();
        }
    }
}

fn check(repository: &Path, hashes: &Hashes, seen: &mut Seen) -> Result<(), String> {
    for path in files(&repository.join("blobs")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".incomplete") {
            check_file(&path, std::slice::from_ref(&name), seen)?;
        }
    }
    for commit in fs::read_dir(repository.join("snapshots")).into_iter().flatten() {
        let commit = commit.unwrap().path();
        for path in files(&commit) {
            let name = path.strip_prefix(&commit).unwrap().to_string_lossy().into_owned();
            let known = hashes.get(&name).ok_or_else(|| format!("{name} is none of the model's files"))?;
            check_file(&path, known, seen)?;
        }
    }
    Ok(())
}

fn check_file(path: &Path, known: &[String], seen: &mut Seen) -> Result<(), String> {
    let Ok(metadata) = path.metadata() else { return Ok(()) };
    if !seen.insert((path.to_owned(), metadata.ino(), metadata.mtime() ^ (metadata.mtime_nsec() << 20))) {
        return Ok(());
    }
    // It may be renamed or replaced between the list and this.
    let Ok(bytes) = fs::read(path) else { return Ok(()) };
    let hex = |hash: &[u8]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let git = Sha1::new().chain_update(format!("blob {}\0", bytes.len())).chain_update(&bytes).finalize();
    let found = [hex(&Sha256::digest(&bytes)), hex(&git)];
    match known.iter().any(|known| found.contains(known)) {
        true => Ok(()),
        false => Err(format!("{}: {} bytes with the wrong hash are visible", path.display(), bytes.len())),
    }
}

/// All files below a folder that can be reached, also through links.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}
