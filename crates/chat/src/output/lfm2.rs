//! LFM2's format, a list of Python calls; some models write a list of objects instead, as in the Hermes format:
//!
//! ```text
//! <|tool_call_start|>[NAME(KEY="VALUE", KEY=5), NAME()]<|tool_call_end|>
//! ```

use super::candidate::{Dialect, Given, Head, List};
use super::lenient_json::Notation;
use super::peek::{Miss, Peek};

pub(super) static DIALECT: Dialect = Dialect {
    open: |peek| {
        peek.expect("<|tool_call_start|>")?;
        peek.gap()?;
        if peek.optional("[")? {
            peek.gap()?;
        }
        Ok(())
    },
    head: Some(head),
    notation: Notation::PYTHON.ending(&["<|tool_call_end|>"], &[]),
    close: &["<|tool_call_end|>"],
    list: List::Calls,
};

/// A name and the parenthesis. Arguments without names are no arguments of a tool.
fn head(peek: &mut Peek) -> Result<Head, Miss> {
    let name = peek.name()?.to_owned();
    peek.expect("(")?;
    let mut next = *peek;
    next.gap()?;
    if !next.optional(")")? {
        next.name()?;
        next.gap()?;
        next.expect("=")?;
    }
    Ok(Head { name, given: Given::Opened })
}
