//! Room on the disk.

use std::io;
use std::path::Path;

use super::plan::Plan;
use super::{DownloadProblem, ProblemCode};

/// What stays free on top of a download, in bytes, at most: the system and other programs need some, too.
const HEADROOM: u64 = 1 << 30;

/// For small models the headroom is this part of their size: nobody should need a gigabyte for a megabyte.
const HEADROOM_SHARE: u64 = 8;

/// Bytes that this person may still write to the disk of a folder.
pub(super) fn free(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Refuses a download of which `needed` bytes are missing, when the disk would be full before it is whole.
pub(super) fn check(folder: &Path, needed: u64) -> Result<(), DownloadProblem> {
    let free = free(folder).map_err(|error| DownloadProblem::file(folder, &error))?;
    match needed == 0 || needed + HEADROOM.min(needed / HEADROOM_SHARE) <= free {
        true => Ok(()),
        false => Err(full(folder, needed, free)),
    }
}

/// What a failed write means, with figures where the disk is full.
pub(super) fn write_problem(path: &Path, error: &io::Error, plan: &Plan) -> DownloadProblem {
    let full_disk = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let folder = path.parent().unwrap_or(path);
    match free(folder) {
        Ok(free) if full_disk => full(folder, plan.bytes() - plan.done(), free),
        _ => DownloadProblem::file(path, error),
    }
}

/// The problem with its figures.
fn full(folder: &Path, needed: u64, free: u64) -> DownloadProblem {
    let wanted = needed + HEADROOM.min(needed / HEADROOM_SHARE);
    let message = format!(
        "{folder}: {needed} are still to come and the disk has {free} free; free {missing} and resume; what has \
         arrived is kept",
        folder = folder.display(),
        needed = size(needed),
        missing = size(wanted.saturating_sub(free)),
        free = size(free),
    );
    DownloadProblem::new(ProblemCode::DiskFull, message)
}

fn size(bytes: u64) -> String {
    match bytes {
        1_000_000_000.. => format!("{:.1} GB", bytes as f64 / 1e9),
        1_000_000.. => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_room_for_the_rest_is_refused_with_figures() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check(folder.path(), 0), Ok(()));
        assert_eq!(check(folder.path(), 1), Ok(()));
        let problem = check(folder.path(), 1 << 60).unwrap_err();
        assert_eq!(problem.code, ProblemCode::DiskFull);
        assert!(problem.message.contains("1152921504.6 GB are still to come"), "{problem}");
    }

    #[test]
    fn a_small_model_does_not_need_a_gigabyte_of_headroom() {
        let problem = full(Path::new("/cache"), 8_000_000, 0);
        assert!(problem.message.contains("free 9.0 MB and resume"), "{problem}");
        let problem = full(Path::new("/cache"), 80_000_000_000, 0);
        assert!(problem.message.contains("free 81.1 GB and resume"), "{problem}");
    }
}
