//! MLX's C API, compiled from the source inside Cargo's copy of `mlx-sys`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail};

use crate::process::run;

/// Stands in for the standard header that Debian 12's compiler lacks.
const FORMAT: &str = include_str!("shim/format");
/// The 16-bit accessors that the C API leaves out on x86-64.
const HALF: &str = include_str!("shim/half.cpp");

/// Compiles `mlx_c/mlx/c/*.cpp` against the wheel's headers into the static library `archive`.
pub fn compile(mlx_c: &Path, include: &Path, archive: &Path) -> Result<()> {
    let work = tempfile::tempdir()?;
    fs::write(work.path().join("format"), FORMAT)?;
    let mut sources: Vec<PathBuf> =
        fs::read_dir(mlx_c.join("mlx/c"))?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    sources.retain(|path| path.extension().is_some_and(|extension| extension == "cpp"));
    if cfg!(target_arch = "x86_64") {
        let half = work.path().join("half.cpp");
        fs::write(&half, HALF)?;
        sources.push(half);
    }
    sources.sort();
    eprintln!("compiling MLX's C API ({} files)", sources.len());

    let objects: Vec<PathBuf> = sources
        .iter()
        .map(|source| work.path().join(source.file_name().unwrap_or_default()).with_extension("o"))
        .collect();
    let pending = Mutex::new(sources.iter().zip(&objects));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let compilers: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    loop {
                        let next = pending.lock().ok().and_then(|mut pending| pending.next());
                        let Some((source, object)) = next else { return Ok(()) };
                        compile_one(source, object, work.path(), mlx_c, include)?;
                    }
                })
            })
            .collect();
        for compiler in compilers {
            match compiler.join() {
                Ok(outcome) => outcome?,
                Err(_) => bail!("a compiler thread panicked"),
            }
        }
        Ok(())
    })?;

    let mut arguments = vec!["crs".to_owned(), archive.display().to_string()];
    arguments.extend(objects.iter().map(|object| object.display().to_string()));
    run("ar", &arguments)
}

fn compile_one(source: &Path, object: &Path, shim: &Path, mlx_c: &Path, include: &Path) -> Result<()> {
    let status = Command::new("c++")
        .args(["-std=c++20", "-O2", "-fPIC", "-w", "-DFMT_HEADER_ONLY"])
        .arg("-I")
        .arg(shim)
        .args(["-include", "format"])
        .arg("-I")
        .arg(mlx_c)
        .arg("-I")
        .arg(include)
        .arg("-c")
        .arg(source)
        .arg("-o")
        .arg(object)
        .status()
        .context("cannot run c++: install a C++ compiler (Debian: apt-get install g++)")?;
    if !status.success() {
        bail!("c++ failed on {} (it needs fmt: apt-get install libfmt-dev)", source.display());
    }
    Ok(())
}
