//! Packs the eval's tasks into one compressed file, so that `shorn eval` needs nothing beside the executable, and who
//! searches the executable finds no task's answers as text.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Result;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=tasks");
    let mut files = BTreeMap::new();
    collect(Path::new("tasks"), &mut files)?;
    let packed = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("tasks.json.gz");
    let mut encoder = GzEncoder::new(File::create(packed)?, Compression::best());
    serde_json::to_writer(&mut encoder, &files)?;
    encoder.finish()?;
    Ok(())
}

/// Texts by their path below `tasks`.
fn collect(folder: &Path, files: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // What running the tests by hand leaves behind.
        if path.file_name().is_some_and(|name| name == "__pycache__" || name == ".pytest_cache") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            let name: PathBuf = path.components().skip(1).collect();
            files.insert(name.to_string_lossy().into_owned(), fs::read_to_string(&path)?);
        }
    }
    Ok(())
}
