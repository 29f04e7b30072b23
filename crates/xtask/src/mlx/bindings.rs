//! Rust declarations of MLX's C API, with the settings of `mlx-sys`' own build script.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Declarations of the 16-bit accessors, which the headers hide on x86-64 (see `shim/half.cpp`).
const HALF: &str = "\
#[repr(C)]
#[derive(Debug, Default, Copy, Clone, PartialEq)]
pub struct __BindgenFloat16(pub u16);
pub type float16_t = __BindgenFloat16;
pub type bfloat16_t = u16;
unsafe extern \"C\" {
    pub fn mlx_array_item_float16(res: *mut float16_t, arr: mlx_array) -> ::std::os::raw::c_int;
    pub fn mlx_array_item_bfloat16(res: *mut bfloat16_t, arr: mlx_array) -> ::std::os::raw::c_int;
    pub fn mlx_array_data_float16(arr: mlx_array) -> *const float16_t;
    pub fn mlx_array_data_bfloat16(arr: mlx_array) -> *const bfloat16_t;
}
";

/// Writes the bindings of `mlx_c/mlx/c/*.h` to `to`.
pub fn generate(mlx_c: &Path, to: &Path) -> Result<()> {
    let mut headers: Vec<PathBuf> =
        fs::read_dir(mlx_c.join("mlx/c"))?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    headers.retain(|path| path.extension().is_some_and(|extension| extension == "h"));
    headers.sort();
    let mut builder = bindgen::Builder::default()
        .clang_arg(format!("-I{}", mlx_c.display()))
        .blocklist_function("malloc")
        .blocklist_function("realloc")
        .headers(headers.iter().map(|header| header.display().to_string()));
    if cfg!(target_arch = "x86_64") {
        builder = builder.raw_line(HALF);
    }
    let bindings =
        builder.generate().context("bindgen failed (it needs libclang: apt-get install libclang-dev)")?;
    bindings.write_to_file(to).with_context(|| format!("cannot write {}", to.display()))
}
