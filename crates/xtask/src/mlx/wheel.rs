//! The prebuilt MLX, out of its PyPI wheel.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::sha256_hex;
use crate::process::{output, run};

/// One project of a package index: the JSON form of PyPI's simple repository API (PEP 691).
#[derive(Deserialize)]
struct Index {
    files: Vec<IndexFile>,
}

#[derive(Deserialize)]
struct IndexFile {
    filename: String,
    url: String,
    hashes: Hashes,
}

#[derive(Deserialize)]
struct Hashes {
    sha256: String,
}

/// Downloads `package` in exactly `version`, checks it against the index's sha256 and unpacks it whole into `into`
/// (its BLAS lies beside it and is found by a relative path). Returns the wheel's file name.
pub fn fetch(package: &str, version: &str, into: &Path) -> Result<String> {
    let index = std::env::var("PIP_INDEX_URL").unwrap_or_else(|_| "https://pypi.org/simple".into());
    let page = format!("{}/{package}/", index.trim_end_matches('/'));
    let listing = output(
        "curl",
        &["--fail", "--silent", "--show-error", "--location", "--retry", "3"],
        &["--header", "Accept: application/vnd.pypi.simple.v1+json", &page],
    )?;
    let listing: Index =
        serde_json::from_slice(&listing).with_context(|| format!("{page} is no package index"))?;

    let start = format!("{}-{version}-", package.replace('-', "_"));
    let end = format!("{}.whl", std::env::consts::ARCH);
    let file = listing
        .files
        .into_iter()
        .find(|file| {
            let name = &file.filename;
            name.starts_with(&start) && name.contains("manylinux") && name.ends_with(&end)
        })
        .with_context(|| format!("{page} has no {start}*manylinux*{end}"))?;

    eprintln!("fetching {}", file.filename);
    fs::create_dir_all(into)?;
    let archive = into.join(&file.filename);
    let path = archive.display().to_string();
    run(
        "curl",
        &["--fail", "--silent", "--show-error", "--location", "--retry", "3", "--output", &path, &file.url],
    )?;
    let found = sha256_hex(&fs::read(&archive)?);
    ensure!(
        found == file.hashes.sha256,
        "{} has sha256 {found}, the index says {}: download it again",
        file.filename,
        file.hashes.sha256
    );
    run("unzip", &["-q", &path, "-d", &into.display().to_string()])?;
    fs::remove_file(&archive)?;
    ensure!(into.join("mlx/lib/libmlx.so").is_file(), "{} holds no mlx/lib/libmlx.so", file.filename);
    Ok(file.filename)
}
