//! What is in the packages and comes neither from crates.io nor from npm: MLX, and what MLX is made of.

use super::Component;

/// Licence, makers, and the text where it is not the common one.
type Native = (&'static str, &'static str, &'static str, &'static str);

/// From MLX's build files and headers, and from the list of parts (auditwheel.cdx.json) in its wheel for Linux.
const NATIVE: &[Native] = &[
    ("Rust's standard library", "MIT OR Apache-2.0", "", ""),
    ("mlx-c (in mlx-sys)", "MIT", "2023 ml-explore", ""),
    ("fmt (in MLX)", "MIT", "2012 - present, Victor Zverovich and {fmt} contributors", ""),
    ("JSON for Modern C++ (in MLX)", "MIT", "2013-2023 Niels Lohmann", ""),
    ("gguflib (in MLX)", "MIT", "2023-2024 Salvatore Sanfilippo", ""),
    ("pocketfft (in MLX)", "BSD-3-Clause", "", include_str!("native/pocketfft.txt")),
    ("metal-cpp (in MLX, macOS)", "Apache-2.0", "", ""),
    ("BLAS and LAPACK 3.10.0 (Linux)", "LAPACK", "", include_str!("native/lapack.txt")),
    ("libgfortran and libquadmath 12.3.0 (Linux)", "GCC", "", include_str!("native/gcc.txt")),
];

/// All of them.
pub fn components(mlx_version: &str) -> Vec<Component> {
    let mlx = format!("MLX {mlx_version}");
    let mut all = vec![component(&(&mlx, "MIT", "2023 Apple Inc.", ""))];
    all.extend(NATIVE.iter().map(component));
    all
}

fn component((name, licence, makers, text): &(&str, &str, &str, &str)) -> Component {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Component {
        name: (*name).to_owned(),
        licence: (*licence).to_owned(),
        authors: some(makers).into_iter().collect(),
        files: some(text).into_iter().collect(),
    }
}
