//! Gemma 4's format. A token of its own stands on both sides of a string, and keys are bare:
//!
//! ```text
//! <|tool_call>call:NAME{KEY:<|"|>VALUE<|"|>,KEY:5}<tool_call|>
//! ```

use super::candidate::{Dialect, Given, Head, List};
use super::lenient_json::Notation;
use super::peek::{Miss, Peek};

pub(super) static DIALECT: Dialect = Dialect {
    open: |peek| {
        peek.expect("<|tool_call>")?;
        peek.gap()?;
        peek.optional("call:").map(|_| ())
    },
    head: Some(head),
    notation: Notation::GEMMA.ending(&["<tool_call|>"], &[]),
    close: &["<tool_call|>"],
    list: List::No,
};

fn head(peek: &mut Peek) -> Result<Head, Miss> {
    let name = peek.name()?.to_owned();
    peek.gap()?;
    if peek.next()? == Some('{') { Ok(Head { name, given: Given::Object }) } else { Err(Miss::No) }
}
