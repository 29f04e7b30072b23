//! Attention of one sequence's new rows over its cache.

use mlx_rs::fast::{ScaledDotProductAttentionMask, scaled_dot_product_attention};
use mlx_rs::ops::{concatenate, softmax_axis};
use mlx_rs::transforms::eval;
use mlx_rs::{Array, Dtype};

use crate::backend::Backend;
use crate::kv::{Context, KvFormat};
use crate::mlx::{self, Packed, Result};

/// Where attention is not one fused kernel, it builds scores for each query head, new row and cached token. Rows are
/// taken in blocks such that those stay below this many bytes.
const SCORE_BYTES: i64 = 32 << 20;

/// How attention runs in a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attention {
    pub backend: Backend,
    /// Evaluate each block before the next is built. Left to itself MLX's scheduler allocates for a hundred operations
    /// ahead, which would be the scores of twenty blocks.
    pub evaluates_blocks: bool,
}

impl Attention {
    /// Causal attention: `queries` is `[1, heads, rows, head_dim]` and belongs to the last `rows` tokens of `context`.
    /// The result has the shape of `queries`.
    pub fn attend(self, queries: &Array, context: &Context, scale: f32) -> Result<Array> {
        match context {
            Context::Dense { keys, values } => self.attend_dense(queries, keys, values, scale),
            Context::Quantized { keys, values, format } => {
                let rows = queries.dim(2);
                if rows == 1 && self.backend.multiplies_quantized_caches() {
                    return attend_quantized(queries, keys, values, format, scale);
                }
                // Many rows: the layer's cache is unpacked once, and the fused kernel never sees a score matrix.
                let keys = mlx::dequantize(keys, format.keys)?;
                let values = mlx::dequantize(values, format.values)?;
                self.attend_dense(queries, &keys, &values, scale)
            }
        }
    }

    fn attend_dense(self, queries: &Array, keys: &Array, values: &Array, scale: f32) -> Result<Array> {
        let [_, heads, rows, dim] = shape4(queries);
        if rows == 1 {
            return Ok(scaled_dot_product_attention(queries, keys, values, scale, None, None)?);
        }
        let causal = || Some(ScaledDotProductAttentionMask::Causal);
        let tokens = keys.dim(2);
        let block = rows_per_block(self.backend, heads, tokens, dim, queries.dtype());
        if rows <= block {
            return Ok(scaled_dot_product_attention(queries, keys, values, scale, causal(), None)?);
        }
        let [_, kv_heads, _, _] = shape4(keys);
        let mut outputs = Vec::new();
        let mut start = 0;
        while start < rows {
            let end = (start + block).min(rows);
            // A block sees the tokens up to its own last row.
            let seen = tokens - (rows - end);
            let queries = mlx::slice(queries, &[0, 0, start, 0], &[1, heads, end, dim])?;
            let keys = mlx::slice(keys, &[0, 0, 0, 0], &[1, kv_heads, seen, dim])?;
            let values = mlx::slice(values, &[0, 0, 0, 0], &[1, kv_heads, seen, dim])?;
            let output = scaled_dot_product_attention(queries, keys, values, scale, causal(), None)?;
            if self.evaluates_blocks {
                eval([&output])?;
            }
            outputs.push(output);
            start = end;
        }
        Ok(concatenate(&outputs, 2)?)
    }
}

fn rows_per_block(backend: Backend, heads: i32, tokens: i32, head_dim: i32, dtype: Dtype) -> i32 {
    if backend.attention_is_fused(head_dim, dtype) {
        return i32::MAX;
    }
    let bytes_per_row = i64::from(heads) * i64::from(tokens) * 4;
    (SCORE_BYTES / bytes_per_row).clamp(16, i64::from(i32::MAX)) as i32
}

/// One row over packed keys and values, as they are.
fn attend_quantized(
    queries: &Array,
    keys: &Packed,
    values: &Packed,
    format: &KvFormat,
    scale: f32,
) -> Result<Array> {
    let [_, heads, rows, dim] = shape4(queries);
    let kv_heads = keys.words.dim(1);
    let scale = Array::from_f32(scale).as_dtype(queries.dtype())?;
    // Query heads of a group share keys: [1, kv heads, queries per kv head, dim].
    let queries = queries.multiply(scale)?.reshape(&[1, kv_heads, heads / kv_heads * rows, dim])?;
    let scores = mlx::quantized_matmul(&queries, keys, format.keys, true)?;
    let weights = softmax_axis(&scores, -1, true)?;
    let output = mlx::quantized_matmul(&weights, values, format.values, false)?;
    Ok(output.reshape(&[1, heads, rows, dim])?)
}

fn shape4(array: &Array) -> [i32; 4] {
    [array.dim(0), array.dim(1), array.dim(2), array.dim(3)]
}
