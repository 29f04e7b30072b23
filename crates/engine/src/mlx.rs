//! MLX operations that `mlx-rs`' safe interface lacks, reached through `mlx-sys`.
//!
//! All `unsafe` of the engine is in this module. Every call's status is checked; a failure becomes an [`MlxError`] with
//! MLX's own message, without the build paths that it carries.
#![allow(unsafe_code, reason = "the engine's one door to the C interface")]

mod loader;

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::Once;

use mlx_rs::{Array, Stream};
use mlx_sys::{mlx_array, mlx_optional_dtype, mlx_optional_int};
use shorn_checkpoint::{Quantization, QuantizationMode};

pub(crate) use loader::{ReadFault, load_safetensors};

/// An error that MLX reported while an operation was built or evaluated.
#[derive(Debug, Clone, thiserror::Error)]
#[error("MLX: {0}")]
pub struct MlxError(String);

pub(crate) type Result<T, E = MlxError> = std::result::Result<T, E>;

impl From<mlx_rs::error::Exception> for MlxError {
    fn from(exception: mlx_rs::error::Exception) -> Self {
        Self::new(exception.what())
    }
}

impl MlxError {
    /// Keeps what MLX said and drops the ` at /build/path/file.cpp:123` that it appends.
    pub(crate) fn new(what: &str) -> Self {
        let end = what.find(" at /").unwrap_or(what.len());
        Self(what[..end].trim().to_owned())
    }
}

// mlx-rs keeps the last message of its own calls where nobody else can read it, and MLX has one handler for all.
unsafe extern "C" {
    fn default_mlx_error_handler(message: *const c_char, data: *mut c_void);
}

thread_local! {
    static LAST_MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
    static STREAM: Stream = Stream::new();
}

/// Notes the message for [`check`] and passes it on to mlx-rs.
extern "C" fn note_error(message: *const c_char, data: *mut c_void) {
    // SAFETY: MLX passes a C string that lives for this call.
    let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
    LAST_MESSAGE.with_borrow_mut(|last| *last = text);
    // SAFETY: this is the handler mlx-rs installs, called as MLX would call it.
    unsafe { default_mlx_error_handler(message, data) };
}

/// Takes over error reporting; call before anything else of this module.
///
/// # Errors
/// When MLX itself does not start.
pub(crate) fn init() -> Result<()> {
    static ONCE: Once = Once::new();
    crate::backend::find_kernels()?;
    // The first call of mlx-rs installs its own handler: make it now, so that it does not replace ours later.
    mlx_rs::memory::active_memory()?;
    ONCE.call_once(|| {
        // SAFETY: the handler is a plain function and needs no data.
        unsafe { mlx_sys::mlx_set_error_handler(Some(note_error), ptr::null_mut(), None) };
    });
    Ok(())
}

fn check(status: i32) -> Result<()> {
    if status == 0 {
        return Ok(());
    }
    Err(MlxError::new(&LAST_MESSAGE.with_borrow_mut(std::mem::take)))
}

/// Calls a C function that writes one array.
fn array(call: impl FnOnce(*mut mlx_array, mlx_sys::mlx_stream) -> i32) -> Result<Array> {
    let mut result = NO_ARRAY;
    let status = STREAM.with(|stream| call(&raw mut result, stream.as_ptr()));
    // SAFETY: the handle is ours alone; an empty one is valid to own and to free.
    let result = unsafe { Array::from_ptr(result) };
    check(status).map(|()| result)
}

/// What the C interface takes for "none".
const NO_ARRAY: mlx_array = mlx_array { ctx: ptr::null_mut() };

fn int(value: u32) -> mlx_optional_int {
    mlx_optional_int { value: value as i32, has_value: true }
}

/// The part of `a` from `start` to `stop` (exclusive) in every dimension, as a view.
pub(crate) fn slice(a: &Array, start: &[i32], stop: &[i32]) -> Result<Array> {
    let strides = [1; 8];
    let n = start.len();
    array(|result, stream| unsafe {
        mlx_sys::mlx_slice(
            result,
            a.as_ptr(),
            start.as_ptr(),
            n,
            stop.as_ptr(),
            stop.len(),
            strides.as_ptr(),
            n,
            stream,
        )
    })
}

/// `a` with `update` written over the part from `start` to `stop`. In place when nobody else holds `a`'s buffer by
/// the time it is evaluated, else a copy of all of it.
pub(crate) fn slice_update(a: &Array, update: &Array, start: &[i32], stop: &[i32]) -> Result<Array> {
    let strides = [1; 8];
    let n = start.len();
    array(|result, stream| unsafe {
        mlx_sys::mlx_slice_update(
            result,
            a.as_ptr(),
            update.as_ptr(),
            start.as_ptr(),
            n,
            stop.as_ptr(),
            stop.len(),
            strides.as_ptr(),
            n,
            stream,
        )
    })
}

/// A quantized matrix (or a stack of them): packed words, one scale for each group and, in affine mode, one bias.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    /// `[.., rows, columns * bits / 32]`, 32-bit words.
    pub words: Array,
    /// `[.., rows, columns / group_size]`.
    pub scales: Array,
    /// As `scales`; affine mode only.
    pub biases: Option<Array>,
}

impl Packed {
    /// The arrays it consists of.
    pub fn arrays(&self) -> impl Iterator<Item = &Array> {
        [&self.words, &self.scales].into_iter().chain(&self.biases)
    }

    /// Applies the same change to each array.
    pub fn map(&self, mut change: impl FnMut(&Array) -> Result<Array>) -> Result<Self> {
        Ok(Self {
            words: change(&self.words)?,
            scales: change(&self.scales)?,
            biases: self.biases.as_ref().map(&mut change).transpose()?,
        })
    }

    fn biases_pointer(&self) -> mlx_array {
        self.biases.as_ref().map_or(NO_ARRAY, Array::as_ptr)
    }
}

fn mode(quantization: Quantization) -> *const c_char {
    let name = match quantization.mode {
        QuantizationMode::Affine => c"affine",
        QuantizationMode::Mxfp4 => c"mxfp4",
        QuantizationMode::Mxfp8 => c"mxfp8",
        QuantizationMode::Nvfp4 => c"nvfp4",
    };
    name.as_ptr()
}

/// `x @ w` or, with `transpose`, `x @ w.T`, for a quantized `w`.
pub(crate) fn quantized_matmul(
    x: &Array,
    w: &Packed,
    quantization: Quantization,
    transpose: bool,
) -> Result<Array> {
    array(|result, stream| unsafe {
        mlx_sys::mlx_quantized_matmul(
            result,
            x.as_ptr(),
            w.words.as_ptr(),
            w.scales.as_ptr(),
            w.biases_pointer(),
            transpose,
            int(quantization.group_size),
            int(quantization.bits),
            mode(quantization),
            stream,
        )
    })
}

/// For each entry of `indices`, `x @ w[index].T`; `sorted` promises ascending indices.
pub(crate) fn gather_qmm(
    x: &Array,
    w: &Packed,
    quantization: Quantization,
    indices: &Array,
    sorted: bool,
) -> Result<Array> {
    array(|result, stream| unsafe {
        mlx_sys::mlx_gather_qmm(
            result,
            x.as_ptr(),
            w.words.as_ptr(),
            w.scales.as_ptr(),
            w.biases_pointer(),
            NO_ARRAY,
            indices.as_ptr(),
            true,
            int(quantization.group_size),
            int(quantization.bits),
            mode(quantization),
            sorted,
            stream,
        )
    })
}

/// The floating-point values of `w`, in the dtype of its scales where that is a float.
pub(crate) fn dequantize(w: &Packed, quantization: Quantization) -> Result<Array> {
    let same_dtype = mlx_optional_dtype { value: mlx_sys::mlx_dtype__MLX_FLOAT32, has_value: false };
    array(|result, stream| unsafe {
        mlx_sys::mlx_dequantize(
            result,
            w.words.as_ptr(),
            w.scales.as_ptr(),
            w.biases_pointer(),
            int(quantization.group_size),
            int(quantization.bits),
            mode(quantization),
            NO_ARRAY,
            same_dtype,
            stream,
        )
    })
}

/// The values of an array in row-major order; waits for them.
pub(crate) fn read<T: mlx_rs::ArrayElement + Clone>(array: &Array) -> Result<Vec<T>> {
    array.contiguous()?.to_vec_exact::<T>().map_err(|error| MlxError::new(&error.to_string()))
}

/// Waits until the device has let go of everything this thread scheduled.
pub(crate) fn synchronize() -> Result<()> {
    check(STREAM.with(|stream| unsafe { mlx_sys::mlx_synchronize(stream.as_ptr()) }))
}

/// Whether this build of MLX computes on CUDA.
pub(crate) fn cuda_is_available() -> bool {
    let mut available = false;
    let status = unsafe { mlx_sys::mlx_cuda_is_available(&raw mut available) };
    status == 0 && available
}

/// Whether this build of MLX computes on Metal.
pub(crate) fn metal_is_available() -> bool {
    let mut available = false;
    let status = unsafe { mlx_sys::mlx_metal_is_available(&raw mut available) };
    status == 0 && available
}

/// A size that MLX knows of the default device, in bytes, for instance `max_recommended_working_set_size`.
pub(crate) fn device_size(key: &CStr) -> Option<u64> {
    let mut value = 0;
    // SAFETY: the handles are made, read and freed here; MLX reports failure by status.
    unsafe {
        let mut device = mlx_sys::mlx_device_new();
        let mut info = mlx_sys::mlx_device_info_new();
        let mut known = false;
        let read = mlx_sys::mlx_get_default_device(&raw mut device) == 0
            && mlx_sys::mlx_device_info_get(&raw mut info, device) == 0
            && mlx_sys::mlx_device_info_has_key(&raw mut known, info, key.as_ptr()) == 0
            && known
            && mlx_sys::mlx_device_info_get_size(&raw mut value, info, key.as_ptr()) == 0;
        mlx_sys::mlx_device_info_free(info);
        mlx_sys::mlx_device_free(device);
        read.then_some(value as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_what_mlx_said_and_loses_its_build_path() {
        init().unwrap();
        let a = Array::zeros::<f32>(&[2, 3]).unwrap();
        let message = slice_update(&a, &a, &[0, 0], &[1, 1]).unwrap_err().to_string();
        assert!(message.contains("broadcast"), "{message}");
        assert!(!message.contains(".cpp"), "{message}");
        let message = MlxError::from(a.matmul(&a).unwrap_err()).to_string();
        assert!(message.contains("matmul") && !message.contains(".cpp"), "{message}");
    }
}
