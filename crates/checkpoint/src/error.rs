use std::io;
use std::path::{Path, PathBuf};

/// Why a model folder cannot be used. Every message names the file and what is wrong in it.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A file that must be there is not.
    #[error("{path}: there is no such file; {remedy}", path = .path.display())]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
        /// What to do.
        remedy: String,
    },
    /// A file cannot be read.
    #[error("{path}: cannot be read: {source}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not the JSON that it should be, or a field has the wrong type.
    #[error("{path}: {field}: {problem}", path = .path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The field, as a path from the top of the file.
        field: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// The model's architecture is not among those that the engine has.
    #[error(
        "{path}: model_type: `{model_type}` is not supported; supported are {supported}",
        path = .path.display()
    )]
    UnsupportedFamily {
        /// The configuration file.
        path: PathBuf,
        /// What it names.
        model_type: String,
        /// What would work.
        supported: String,
    },
    /// A tensor's entry is wrong, or a tensor is missing.
    #[error("{path}: tensor `{tensor}`: {problem}", path = .path.display())]
    Tensor {
        /// The safetensors file, or the folder when no file holds the tensor.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// A safetensors file is damaged as a whole: cut short, or no such file at all.
    #[error("{path}: {problem}; download the file again", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
}

impl CheckpointError {
    pub(crate) fn field(path: &Path, field: &str, problem: &str) -> Self {
        Self::Field { path: path.to_owned(), field: field.to_owned(), problem: problem.to_owned() }
    }
}
