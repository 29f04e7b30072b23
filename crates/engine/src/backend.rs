//! What differs between the devices MLX computes on, in one place.

use mlx_rs::Dtype;

use crate::mlx;

/// The device MLX computes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// An Apple GPU.
    Metal,
    /// An NVIDIA GPU.
    Cuda,
    /// The processor.
    Cpu,
}

impl Backend {
    /// The backend of this build of MLX on this machine.
    pub fn current() -> Self {
        if mlx::metal_is_available() {
            Self::Metal
        } else if mlx::cuda_is_available() {
            Self::Cuda
        } else {
            Self::Cpu
        }
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Metal => "metal",
            Self::Cuda => "cuda",
            Self::Cpu => "cpu",
        }
    }

    /// Bytes the device recommends using at most, if it says so.
    pub fn recommended_memory(self) -> Option<u64> {
        match self {
            Self::Metal => mlx::device_size(c"max_recommended_working_set_size"),
            Self::Cuda => mlx::device_size(c"total_memory"),
            Self::Cpu => None,
        }
    }

    /// Whether MLX's fast attention runs as one kernel for many query rows, without a score matrix in memory.
    ///
    /// From MLX 0.32.2's `ScaledDotProductAttention::use_fallback`: on Metal for heads of 64, 80 or 128; on CUDA through
    /// cuDNN for 16-bit types and heads up to 128; never on the processor.
    pub(crate) fn attention_is_fused(self, head_dim: i32, dtype: Dtype) -> bool {
        match self {
            Self::Metal => matches!(head_dim, 64 | 80 | 128),
            Self::Cuda => {
                matches!(dtype, Dtype::Float16 | Dtype::Bfloat16) && head_dim % 8 == 0 && head_dim <= 128
            }
            Self::Cpu => false,
        }
    }

    /// Whether a single query can be multiplied with quantized keys and values as they are.
    ///
    /// MLX 0.32.2's CUDA backend has no such kernel for the shapes of a cache ("No implementation for problem shape").
    pub(crate) fn multiplies_quantized_caches(self) -> bool {
        self != Self::Cuda
    }

    /// Whether experts in 16 bits must be computed in 32: MLX's processor backend multiplies unquantized experts in
    /// float32 only.
    pub(crate) fn widens_dense_experts(self) -> bool {
        self == Self::Cpu
    }
}

/// In an app bundle MLX's kernels are in `Contents/Resources`; MLX itself looks beside the program and where it was built.
/// Must come before anything else of MLX.
#[cfg(target_os = "macos")]
pub(crate) fn find_kernels() -> mlx::Result<()> {
    let program = std::env::current_exe().and_then(|path| path.canonicalize()).ok();
    let contents = program.as_deref().and_then(|path| path.parent()?.parent());
    let kernels = contents.map(|path| path.join("Resources/mlx.metallib")).filter(|path| path.is_file());
    if let Some(path) = kernels.as_deref().and_then(std::path::Path::to_str) {
        mlx_rs::metal::set_metallib_path(path)?;
    }
    Ok(())
}

/// Only Metal's kernels are a file of their own.
#[cfg(not(target_os = "macos"))]
pub(crate) fn find_kernels() -> mlx::Result<()> {
    Ok(())
}
