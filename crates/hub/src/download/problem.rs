//! What goes wrong with files, in words.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::{DownloadProblem, ProblemCode};

impl DownloadProblem {
    pub(super) fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), link: None }
    }

    /// A file of the cache that cannot be read or written.
    pub(super) fn file(path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        let (code, remedy) = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                (ProblemCode::DiskFull, "free some space and resume; what has arrived is kept")
            }
            ErrorKind::FileTooLarge => (
                ProblemCode::File,
                "this disk takes no file of that size; choose a Hugging Face cache on another one",
            ),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                (ProblemCode::File, "check its permissions and resume; what has arrived is kept")
            }
            _ => (ProblemCode::File, "check the disk and resume; what has arrived is kept"),
        };
        Self::new(code, format!("{path}: {error}; {remedy}"))
    }
}
