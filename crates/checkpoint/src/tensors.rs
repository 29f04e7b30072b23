//! The headers of safetensors files, checked before anything is allocated from them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safetensors::Dtype;
use safetensors::tensor::TensorInfo;
use serde_json::Value;

use crate::CheckpointError;
use crate::config::read_json;

/// Larger headers are refused: the format's own limit.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Every tensor of a checkpoint, by name.
#[derive(Debug)]
pub struct Tensors {
    directory: PathBuf,
    files: Vec<Arc<TensorFile>>,
    entries: BTreeMap<String, TensorEntry>,
}

/// One safetensors file, still open: what was checked is what will be read, even if its name is given to another file.
#[derive(Debug)]
pub struct TensorFile {
    /// Where it was found.
    pub path: PathBuf,
    /// The open file.
    pub file: File,
    /// Where tensor data begins: 8 bytes of length and the header.
    pub data_start: u64,
}

/// One tensor: what it is and where its bytes are.
#[derive(Debug, Clone)]
pub struct TensorEntry {
    /// Element type.
    pub dtype: Dtype,
    /// Dimensions; every one fits in an `i32`.
    pub shape: Vec<i32>,
    /// The file that holds it.
    pub file: Arc<TensorFile>,
    /// First byte in the file.
    pub offset: u64,
    /// Number of bytes; `shape` and `dtype` agree with it and the file holds them all.
    pub bytes: u64,
}

impl TensorEntry {
    /// Number of elements.
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|&dimension| dimension as u64).product()
    }
}

impl Tensors {
    /// Reads the headers of all safetensors files of a model folder: those that `model.safetensors.index.json` names,
    /// else all that are called `model*.safetensors`.
    ///
    /// # Errors
    /// Names the file, and the tensor where it is one tensor's fault.
    pub fn read(directory: &Path) -> Result<Self, CheckpointError> {
        let mut tensors =
            Self { directory: directory.to_owned(), files: Vec::new(), entries: BTreeMap::new() };
        for path in shards(directory)? {
            tensors.add_file(path)?;
        }
        Ok(tensors)
    }

    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<&TensorEntry> {
        self.entries.get(name)
    }

    /// All tensors in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &TensorEntry)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// The files, in the order of their names.
    pub fn files(&self) -> &[Arc<TensorFile>] {
        &self.files
    }

    /// The folder they are in.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Bytes of all tensors together.
    pub fn bytes(&self) -> u64 {
        self.entries.values().map(|entry| entry.bytes).sum()
    }

    fn add_file(&mut self, path: PathBuf) -> Result<(), CheckpointError> {
        let (file, header, data_bytes) = read_header(&path)?;
        let file = Arc::new(TensorFile { data_start: file.1, file: file.0, path });
        let damaged = |problem| CheckpointError::Damaged { path: file.path.clone(), problem };

        let mut spans = Vec::with_capacity(header.len());
        for (name, value) in header {
            if name == "__metadata__" {
                continue;
            }
            let wrong = |problem: String| CheckpointError::Tensor {
                path: file.path.clone(),
                tensor: name.clone(),
                problem,
            };
            if !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
                return Err(wrong("its name has characters that no tensor's name has".into()));
            }
            let info: TensorInfo =
                serde_json::from_value(value).map_err(|error| wrong(format!("bad header entry: {error}")))?;
            let entry = check_entry(&info, &file, data_bytes).map_err(wrong)?;
            spans.push((entry.offset, entry.bytes, name.clone()));
            if let Some(other) = self.entries.insert(name.clone(), entry) {
                return Err(wrong(format!("also in {}", other.file.path.display())));
            }
        }
        spans.sort();
        let mut end = file.data_start;
        for (offset, bytes, name) in spans {
            if offset != end {
                return Err(CheckpointError::Tensor {
                    path: file.path.clone(),
                    tensor: name,
                    problem: format!("its data begins at byte {offset}, the tensor before it ends at {end}"),
                });
            }
            end = offset + bytes;
        }
        if end != file.data_start + data_bytes {
            let size = file.data_start + data_bytes;
            return Err(damaged(format!("its tensors end at byte {end}, the file at {size}")));
        }
        self.files.push(file);
        Ok(())
    }
}

/// Checks one header entry on its own. The message lacks file and tensor, which the caller adds.
fn check_entry(info: &TensorInfo, file: &Arc<TensorFile>, data_bytes: u64) -> Result<TensorEntry, String> {
    let (start, end) = (info.data_offsets.0 as u64, info.data_offsets.1 as u64);
    if start > end || end > data_bytes {
        return Err(format!("data_offsets [{start}, {end}] leave the file's {data_bytes} bytes of data"));
    }
    let shape: Option<Vec<i32>> = info.shape.iter().map(|&size| i32::try_from(size).ok()).collect();
    let shape = shape.ok_or_else(|| format!("shape {:?} has a dimension beyond 2^31", info.shape))?;
    let bits = info
        .shape
        .iter()
        .try_fold(info.dtype.bitsize(), |bits, &size| bits.checked_mul(size))
        .ok_or_else(|| format!("shape {:?} overflows", info.shape))?;
    if bits as u64 != (end - start) * 8 {
        return Err(format!(
            "shape {:?} of {} needs {} bytes, data_offsets hold {}",
            info.shape,
            info.dtype,
            bits.div_ceil(8),
            end - start
        ));
    }
    Ok(TensorEntry {
        dtype: info.dtype,
        shape,
        file: file.clone(),
        offset: file.data_start + start,
        bytes: end - start,
    })
}

/// Opens a file and parses its header; returns the file with the start of its data, the header, and the bytes of data.
#[allow(clippy::type_complexity, reason = "one caller, which takes it apart at once")]
fn read_header(path: &Path) -> Result<((File, u64), serde_json::Map<String, Value>, u64), CheckpointError> {
    let unreadable = |source| CheckpointError::Unreadable { path: path.to_owned(), source };
    let damaged = |problem| CheckpointError::Damaged { path: path.to_owned(), problem };
    let mut file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    if size < 8 {
        return Err(damaged(format!("it has {size} bytes, too few for a safetensors header")));
    }
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(unreadable)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES || length > size - 8 {
        return Err(damaged(format!("its header claims {length} bytes, the file has {size}")));
    }
    // `length` is at most the file's own size, so this allocation is bounded by it.
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header).map_err(unreadable)?;
    let header = serde_json::from_slice(&header)
        .map_err(|error| damaged(format!("its header is not a JSON object ({error})")))?;
    Ok(((file, 8 + length), header, size - 8 - length))
}

/// The safetensors files of a model folder, sorted by name.
fn shards(directory: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let index = directory.join("model.safetensors.index.json");
    if index.is_file() {
        return indexed_shards(directory, &index);
    }
    let unreadable = |source| CheckpointError::Unreadable { path: directory.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("model") && name.ends_with(".safetensors") {
            found.push(directory.join(&*name));
        }
    }
    if found.is_empty() {
        return Err(CheckpointError::Missing {
            path: directory.join("model.safetensors"),
            remedy: "choose a folder with weights in safetensors format".into(),
        });
    }
    found.sort();
    Ok(found)
}

fn indexed_shards(directory: &Path, index: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let wrong = |field: &str, problem: &str| CheckpointError::field(index, field, problem);
    let value = read_json(index)?;
    let Some(Value::Object(map)) = value.get("weight_map") else {
        return Err(wrong("weight_map", "must be an object that maps tensors to files"));
    };
    let mut names = Vec::new();
    for (tensor, file) in map {
        let name = file.as_str().filter(|name| {
            name.ends_with(".safetensors") && !name.contains(['/', '\\']) && !name.starts_with('.')
        });
        match name {
            Some(name) => names.push(name),
            None => {
                return Err(wrong(
                    &format!("weight_map.{tensor}"),
                    "must name a safetensors file in the same folder",
                ));
            }
        }
    }
    names.sort_unstable();
    names.dedup();
    for name in &names {
        let path = directory.join(name);
        if !path.is_file() {
            return Err(CheckpointError::Missing {
                path,
                remedy: format!("{} lists it: the download is incomplete, resume it", index.display()),
            });
        }
    }
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}

#[cfg(test)]
#[path = "tensors_tests.rs"]
mod tests;
