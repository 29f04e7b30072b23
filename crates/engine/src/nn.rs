//! Building blocks of models. Activations are `[rows, features]`: the rows of all sequences of a step together.

mod attention;
mod embedding;
mod linear;
mod mlp;
mod norm;
mod rope;
mod switch_glu;

pub(crate) use attention::Attention;
pub(crate) use embedding::Embedding;
pub(crate) use linear::{JoinedLinear, Linear};
pub(crate) use mlp::{Mlp, swiglu};
pub(crate) use norm::{HeadNorm, RmsNorm};
pub(crate) use rope::Rope;
pub(crate) use switch_glu::SwitchGlu;
