//! The rows of one step, and which of them belong to which sequence.

use std::ops::Range;

use mlx_rs::Array;
use mlx_rs::ops::concatenate;

use crate::backend::Backend;
use crate::kv::SequenceKv;
use crate::mlx::{self, Result};
use crate::nn::{Attention, Rope};

/// The sequences of one step. Everything else in a layer works on all rows together; what depends on a sequence's own
/// past happens here.
pub(crate) struct Batch<'a> {
    pub attention: Attention,
    pub segments: Vec<Segment<'a>>,
}

/// Consecutive rows that continue one sequence.
pub(crate) struct Segment<'a> {
    /// Rows of the step.
    pub rows: Range<i32>,
    /// The sequence's keys and values.
    pub kv: &'a mut SequenceKv,
}

/// Sizes of one attention layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttentionShape {
    pub query_heads: i32,
    pub kv_heads: i32,
    pub head_dim: i32,
    /// Factor on the scores.
    pub scale: f32,
}

impl<'a> Batch<'a> {
    pub fn new(backend: Backend, segments: Vec<Segment<'a>>) -> Self {
        Self { attention: Attention { backend, evaluates_blocks: true }, segments }
    }

    /// Rotates queries and keys, appends keys and values to each sequence's cache, and attends.
    ///
    /// `queries_keys` is `[rows, query heads + kv heads, head_dim]`, `values` `[rows, kv heads * head_dim]`, both
    /// row-wise over all segments; the result is `[rows, query heads * head_dim]`.
    pub fn attention(
        &mut self,
        layer: usize,
        queries_keys: &Array,
        values: &Array,
        rope: &Rope,
        shape: AttentionShape,
    ) -> Result<Array> {
        let whole = self.segments.len() == 1;
        let attention = self.attention;
        let mut outputs = Vec::with_capacity(self.segments.len());
        for segment in &mut self.segments {
            if whole {
                outputs.push(segment.attention(attention, layer, queries_keys, values, rope, shape)?);
                continue;
            }
            let Range { start, end } = segment.rows;
            let heads = shape.query_heads + shape.kv_heads;
            let queries_keys = mlx::slice(queries_keys, &[start, 0, 0], &[end, heads, shape.head_dim])?;
            let values = mlx::slice(values, &[start, 0], &[end, shape.kv_heads * shape.head_dim])?;
            outputs.push(segment.attention(attention, layer, &queries_keys, &values, rope, shape)?);
        }
        match outputs.pop() {
            Some(only) if outputs.is_empty() => Ok(only),
            last => {
                outputs.extend(last);
                Ok(concatenate(&outputs, 0)?)
            }
        }
    }
}

impl Segment<'_> {
    fn attention(
        &mut self,
        attention: Attention,
        layer: usize,
        queries_keys: &Array,
        values: &Array,
        rope: &Rope,
        shape: AttentionShape,
    ) -> Result<Array> {
        let AttentionShape { query_heads, kv_heads, head_dim, .. } = shape;
        let rows = self.rows.end - self.rows.start;
        let heads = query_heads + kv_heads;
        let by_head = |array: &Array, heads| match rows {
            // One row: nothing changes its place.
            1 => array.reshape(&[1, heads, 1, head_dim]),
            _ => array.reshape(&[1, rows, heads, head_dim])?.swap_axes(1, 2),
        };
        let queries_keys = rope.forward(&by_head(queries_keys, heads)?, self.kv.len())?;
        let queries = mlx::slice(&queries_keys, &[0, 0, 0, 0], &[1, query_heads, rows, head_dim])?;
        let keys = mlx::slice(&queries_keys, &[0, query_heads, 0, 0], &[1, heads, rows, head_dim])?;
        let context = self.kv.append(layer, &keys, &by_head(values, kv_heads)?)?;
        let output = attention.attend(&queries, &context, shape.scale)?;
        let by_row = if rows == 1 { output } else { output.swap_axes(1, 2)? };
        Ok(by_row.reshape(&[rows, query_heads * head_dim])?)
    }
}
