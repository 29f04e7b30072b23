//! The tensors of a checkpoint as MLX arrays, handed out once each with their shapes and dtypes checked.

use std::collections::HashMap;
use std::sync::Arc;

use mlx_rs::ops::stack;
use mlx_rs::{Array, Dtype};
use shorn_checkpoint::{
    Checkpoint, CheckpointError, Quantization, QuantizationMode, TensorEntry, TensorFile,
};

use crate::error::LoadError;
use crate::mlx::{self, Packed};

/// Lazy arrays of all tensors. Nothing is read before an array is evaluated.
pub(crate) struct Weights<'a> {
    checkpoint: &'a Checkpoint,
    arrays: HashMap<String, Array>,
    faults: Vec<(Arc<TensorFile>, mlx::ReadFault)>,
    /// Turn 16-bit floats into float32.
    widen: bool,
}

impl<'a> Weights<'a> {
    /// Prepares the arrays; with `widen`, all floats come out as float32.
    pub fn open(checkpoint: &'a Checkpoint, widen: bool) -> Result<Self, LoadError> {
        let mut weights = Self { checkpoint, arrays: HashMap::new(), faults: Vec::new(), widen };
        for file in checkpoint.tensors.files() {
            let mut entries = Vec::new();
            for (name, entry) in checkpoint.tensors.iter().filter(|(_, entry)| Arc::ptr_eq(&entry.file, file))
            {
                if is_loadable(entry.dtype) {
                    entries.push((name, entry));
                }
            }
            let (arrays, fault) = mlx::load_safetensors(file, &entries)?;
            weights.arrays.extend(arrays);
            weights.faults.push((file.clone(), fault));
        }
        Ok(weights)
    }

    /// An error if a file could not be read since the last call: look after every evaluation of weights.
    pub fn check_reads(&self) -> Result<(), LoadError> {
        for (file, fault) in &self.faults {
            let fault = fault.lock().ok().and_then(|mut fault| fault.take());
            if let Some(source) = fault {
                return Err(LoadError::Read { path: file.path.clone(), source });
            }
        }
        Ok(())
    }

    /// Names of tensors that nothing has asked for.
    pub fn unused(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    /// How the weight at a module path is quantized; `None` when it has no scales.
    pub fn quantization(&self, path: &str, inputs: u32) -> Result<Option<Quantization>, LoadError> {
        let (weight, scales) = (format!("{path}.weight"), format!("{path}.scales"));
        let Some(scales) = self.checkpoint.tensors.get(&scales) else { return Ok(None) };
        let entry = self.entry(&weight)?;
        let found = self.checkpoint.config.quantization.of(path, inputs, entry, scales);
        found.map(Some).map_err(|problem| self.wrong(&weight, entry, problem))
    }

    /// A floating-point tensor of exactly this shape.
    pub fn dense(&mut self, name: &str, shape: &[i32]) -> Result<Array, LoadError> {
        let array = self.take(name, shape, |dtype| is_float(dtype).then_some(()).ok_or("a float"))?;
        Ok(if self.widen { array.as_dtype(Dtype::Float32)? } else { array })
    }

    /// The packed weight at a module path: `[lead.., inputs]` once unpacked.
    pub fn packed(
        &mut self,
        path: &str,
        lead: &[i32],
        inputs: u32,
        quantization: Quantization,
    ) -> Result<Packed, LoadError> {
        let with_last = |last: u32| [lead, &[last as i32]].concat();
        let words = with_last(inputs * quantization.bits / 32);
        let groups = with_last(inputs / quantization.group_size);
        let words = self.take(&format!("{path}.weight"), &words, |dtype| {
            (dtype == Dtype::Uint32).then_some(()).ok_or("U32")
        })?;
        let scales = format!("{path}.scales");
        if quantization.mode != QuantizationMode::Affine {
            let scales =
                self.take(&scales, &groups, |dtype| (dtype == Dtype::Uint8).then_some(()).ok_or("U8"))?;
            return Ok(Packed { words, scales, biases: None });
        }
        let scales = self.dense(&scales, &groups)?;
        let biases = self.dense(&format!("{path}.biases"), &groups)?;
        Ok(Packed { words, scales, biases: Some(biases) })
    }

    /// A weight for each expert, `[experts, out, in]`: stacked in the file, or (as published by model makers) one
    /// tensor for each.
    pub fn experts(&mut self, name: &str, shape: &[i32; 3]) -> Result<Array, LoadError> {
        let first = expert_name(name, 0);
        if self.checkpoint.tensors.get(name).is_some() || self.checkpoint.tensors.get(&first).is_none() {
            return self.dense(name, shape);
        }
        let parts: Vec<Array> = (0..shape[0])
            .map(|expert| self.dense(&expert_name(name, expert), &shape[1..]))
            .collect::<Result<_, _>>()?;
        Ok(stack(&parts, 0)?)
    }

    fn take(
        &mut self,
        name: &str,
        shape: &[i32],
        check: impl FnOnce(Dtype) -> Result<(), &'static str>,
    ) -> Result<Array, LoadError> {
        let entry = self.entry(name)?;
        if entry.shape != shape {
            let problem = format!("has shape {:?}, config.json makes it {shape:?}", entry.shape);
            return Err(self.wrong(name, entry, problem));
        }
        let Some(array) = self.arrays.get(name) else {
            let problem = format!("has dtype {}, which cannot be loaded", entry.dtype);
            return Err(self.wrong(name, entry, problem));
        };
        if let Err(expected) = check(array.dtype()) {
            let problem = format!("has dtype {}, expected {expected}", entry.dtype);
            return Err(self.wrong(name, entry, problem));
        }
        // Taken once: what nobody holds any more after loading is freed.
        Ok(self.arrays.remove(name).expect("it was there a moment ago"))
    }

    fn entry(&self, name: &str) -> Result<&'a TensorEntry, LoadError> {
        self.checkpoint.tensors.get(name).ok_or_else(|| {
            let problem = "is missing: config.json and the weights do not belong together, or the download is incomplete";
            LoadError::Checkpoint(CheckpointError::Tensor {
                path: self.checkpoint.directory.clone(),
                tensor: name.to_owned(),
                problem: problem.to_owned(),
            })
        })
    }

    fn wrong(&self, name: &str, entry: &TensorEntry, problem: String) -> LoadError {
        let path = entry.file.path.clone();
        LoadError::Checkpoint(CheckpointError::Tensor { path, tensor: name.to_owned(), problem })
    }
}

/// `...mlp.switch_mlp.up_proj.weight` as `...mlp.experts.3.up_proj.weight`.
fn expert_name(name: &str, expert: i32) -> String {
    name.replace(".switch_mlp.", &format!(".experts.{expert}."))
}

fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::Float16 | Dtype::Bfloat16 | Dtype::Float32)
}

/// The dtypes that weights come in and that MLX's loader knows.
fn is_loadable(dtype: shorn_checkpoint::Dtype) -> bool {
    use shorn_checkpoint::Dtype;
    matches!(dtype, Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::U8 | Dtype::U32)
}
