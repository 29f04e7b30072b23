//! Reading tensors straight into MLX's buffers, with Rust in control of every byte.
//!
//! MLX reads safetensors files through a reader object. Ours shows it a header written here from entries that were
//! checked before (`shorn_checkpoint::Tensors`), never the file's own, and fills its buffers with positioned reads. A
//! read that fails or comes up short is noted and turned into an error after evaluation: an exception on one of MLX's
//! own threads would end the process.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_void};
use std::io;
use std::os::unix::fs::FileExt;
use std::ptr;
use std::sync::{Arc, Mutex};

use mlx_rs::Array;
use shorn_checkpoint::{TensorEntry, TensorFile};

use super::{MlxError, Result, check};

/// What went wrong while MLX read a file, if anything did.
pub(crate) type ReadFault = Arc<Mutex<Option<io::Error>>>;

/// The reader that MLX calls: a header in memory, then the file's data.
struct Reader {
    file: Arc<TensorFile>,
    header: Vec<u8>,
    /// Bytes of data behind the header.
    data_bytes: u64,
    position: u64,
    fault: ReadFault,
}

/// Lazy arrays for the given tensors of `file`, and the place where a failed read will show once they are evaluated.
pub(crate) fn load_safetensors(
    file: &Arc<TensorFile>,
    entries: &[(&str, &TensorEntry)],
) -> Result<(HashMap<String, Array>, ReadFault)> {
    let fault = ReadFault::default();
    let header = header(file, entries);
    let data_end = entries.iter().map(|(_, entry)| entry.offset + entry.bytes).max();
    let data_bytes = data_end.map_or(0, |end| end - file.data_start);
    let reader =
        Box::new(Reader { file: file.clone(), header, data_bytes, position: 0, fault: fault.clone() });
    let mut arrays = Map(mlx_sys::mlx_map_string_to_array { ctx: ptr::null_mut() });
    let mut metadata = mlx_sys::mlx_map_string_to_string { ctx: ptr::null_mut() };
    // SAFETY: MLX owns the boxed reader from here and gives it back to `free` when the last lazy array has been read;
    // the vtable's functions take exactly that pointer. The maps and the stream are made and freed here.
    let status = unsafe {
        let stream = mlx_sys::mlx_default_cpu_stream_new();
        let io = mlx_sys::mlx_io_reader_new(Box::into_raw(reader).cast(), VTABLE);
        let status = mlx_sys::mlx_load_safetensors_reader(&raw mut arrays.0, &raw mut metadata, io, stream);
        mlx_sys::mlx_io_reader_free(io);
        mlx_sys::mlx_stream_free(stream);
        mlx_sys::mlx_map_string_to_string_free(metadata);
        status
    };
    check(status)?;
    Ok((arrays.into_hash_map()?, fault))
}

/// A safetensors header for the entries, with data offsets counted as in the file.
fn header(file: &TensorFile, entries: &[(&str, &TensorEntry)]) -> Vec<u8> {
    let mut json = String::from("{");
    for (index, (name, entry)) in entries.iter().enumerate() {
        let start = entry.offset - file.data_start;
        let comma = if index == 0 { "" } else { "," };
        let (dtype, shape, end) = (entry.dtype, &entry.shape, start + entry.bytes);
        // Names need no escaping: `Tensors` refuses those that would.
        json += &format!(
            r#"{comma}"{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#
        );
    }
    json.push('}');
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.extend_from_slice(json.as_bytes());
    header
}

struct Map(mlx_sys::mlx_map_string_to_array);

impl Map {
    fn into_hash_map(self) -> Result<HashMap<String, Array>> {
        let mut found = HashMap::new();
        // SAFETY: the iterator lives within this block; key and value are valid after a status of 0.
        unsafe {
            let iterator = mlx_sys::mlx_map_string_to_array_iterator_new(self.0);
            loop {
                let mut key: *const c_char = ptr::null();
                let mut value = super::NO_ARRAY;
                let status =
                    mlx_sys::mlx_map_string_to_array_iterator_next(&raw mut key, &raw mut value, iterator);
                let value = Array::from_ptr(value);
                match status {
                    0 => found.insert(CStr::from_ptr(key).to_string_lossy().into_owned(), value),
                    2 => break,
                    _ => {
                        mlx_sys::mlx_map_string_to_array_iterator_free(iterator);
                        return Err(MlxError::new("cannot list the tensors of a file"));
                    }
                };
            }
            mlx_sys::mlx_map_string_to_array_iterator_free(iterator);
        }
        Ok(found)
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: an empty or filled map that only this value holds.
        unsafe { mlx_sys::mlx_map_string_to_array_free(self.0) };
    }
}

const VTABLE: mlx_sys::mlx_io_vtable = mlx_sys::mlx_io_vtable {
    is_open: Some(is_open),
    good: Some(is_open),
    tell: Some(tell),
    seek: Some(seek),
    read: Some(read),
    read_at_offset: Some(read_at_offset),
    write: Some(write),
    label: Some(label),
    free: Some(free),
};

/// # Safety
/// `desc` is a `Reader` that MLX got from [`load_safetensors`] and uses from one thread at a time; parallel calls of
/// [`read_at_offset`] share it.
unsafe fn shared<'a>(desc: *mut c_void) -> &'a Reader {
    unsafe { &*desc.cast::<Reader>() }
}

unsafe extern "C" fn is_open(_: *mut c_void) -> bool {
    true
}

unsafe extern "C" fn tell(desc: *mut c_void) -> usize {
    unsafe { shared(desc) }.position as usize
}

unsafe extern "C" fn seek(desc: *mut c_void, offset: i64, whence: i32) -> i32 {
    // SAFETY: MLX seeks only while it parses the header, before any array exists.
    let reader = unsafe { &mut *desc.cast::<Reader>() };
    let base = match whence {
        libc_seek::SET => 0,
        libc_seek::CUR => reader.position as i64,
        _ => (reader.header.len() as u64 + reader.data_bytes) as i64,
    };
    reader.position = base.saturating_add(offset).max(0) as u64;
    0
}

/// `whence` as <stdio.h> has it on every platform.
mod libc_seek {
    pub const SET: i32 = 0;
    pub const CUR: i32 = 1;
}

unsafe extern "C" fn read(desc: *mut c_void, data: *mut c_char, n: usize) -> usize {
    // SAFETY: as for `seek`; `data` has room for `n` bytes.
    let reader = unsafe { &mut *desc.cast::<Reader>() };
    let target = unsafe { std::slice::from_raw_parts_mut(data.cast::<u8>(), n) };
    let start = (reader.position as usize).min(reader.header.len());
    let end = (start + n).min(reader.header.len());
    target[..end - start].copy_from_slice(&reader.header[start..end]);
    reader.position += (end - start) as u64;
    end - start
}

unsafe extern "C" fn read_at_offset(desc: *mut c_void, data: *mut c_char, n: usize, offset: usize) -> usize {
    // SAFETY: `data` has room for `n` bytes.
    let (reader, target) = unsafe { (shared(desc), std::slice::from_raw_parts_mut(data.cast::<u8>(), n)) };
    let in_file = offset as u64 - reader.header.len() as u64 + reader.file.data_start;
    if let Err(error) = reader.file.file.read_exact_at(target, in_file) {
        target.fill(0);
        if let Ok(mut fault) = reader.fault.lock() {
            fault.get_or_insert(error);
        }
    }
    n
}

unsafe extern "C" fn write(_: *mut c_void, _: *const c_char, _: usize) -> usize {
    0
}

unsafe extern "C" fn label(_: *mut c_void) -> *const c_char {
    c"checked safetensors file".as_ptr()
}

unsafe extern "C" fn free(desc: *mut c_void) {
    // SAFETY: called once, with the pointer that `load_safetensors` made from a box.
    drop(unsafe { Box::from_raw(desc.cast::<Reader>()) });
}
