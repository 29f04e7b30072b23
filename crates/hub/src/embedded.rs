//! The model inside the executable: a tiny coder, there without a network. What it can do: `embedded/README.md`.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

/// Its name in the API.
pub const NAME: &str = "shorn-embedded";

/// Its files.
const FILES: &[(&str, &[u8])] = &[
    ("chat_template.jinja", include_bytes!("../embedded/chat_template.jinja")),
    ("config.json", include_bytes!("../embedded/config.json")),
    ("generation_config.json", include_bytes!("../embedded/generation_config.json")),
    ("model.safetensors", include_bytes!("../embedded/model.safetensors")),
    ("tokenizer.json", include_bytes!("../embedded/tokenizer.json")),
    ("tokenizer_config.json", include_bytes!("../embedded/tokenizer_config.json")),
];

/// Writes the model below the data directory, unless it is there, and returns its folder.
///
/// # Errors
/// When it cannot be written; names the folder.
pub fn unpack(data_directory: &Path) -> io::Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    FILES.hash(&mut hasher);
    let parent = data_directory.join("embedded").join(format!("{:016x}", hasher.finish()));
    let folder = parent.join(NAME);
    if is_whole(&folder) {
        return Ok(folder);
    }
    let making = parent.join(format!("making-{}", std::process::id()));
    let write = || -> io::Result<()> {
        fs::create_dir_all(&making)?;
        for (name, content) in FILES {
            fs::write(making.join(name), content)?;
        }
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::rename(&making, &folder)
    };
    match write() {
        Ok(()) => Ok(folder),
        // Another process may have been faster.
        Err(_) if is_whole(&folder) => {
            let _ = fs::remove_dir_all(&making);
            Ok(folder)
        }
        Err(error) => {
            let message = format!("cannot write the embedded model to {}: {error}", folder.display());
            Err(io::Error::new(error.kind(), message))
        }
    }
}

fn is_whole(folder: &Path) -> bool {
    FILES.iter().all(|(name, content)| {
        fs::metadata(folder.join(name)).is_ok_and(|metadata| metadata.len() == content.len() as u64)
    })
}
