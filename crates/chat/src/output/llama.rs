//! Llama-3's format: an object is the whole reply, or follows a tag. Several stand apart by semicolons.
//!
//! ```text
//! <|python_tag|>{"name": "NAME", "parameters": {"KEY": "VALUE"}}
//! ```

use super::candidate::{Dialect, List};
use super::lenient_json::Notation;
use super::peek::Miss;

/// Fields with which a call may begin. An answer in JSON that begins with another need not wait until it is complete.
const FIRST_FIELDS: &[&str] =
    &["\"name\"", "\"parameters\"", "\"arguments\"", "\"type\"", "\"function\"", "\"id\""];

pub(super) static DIALECT: Dialect = Dialect {
    open: |peek| {
        if peek.optional("<|python_tag|>")? {
            peek.gap()?;
        }
        let mut object = *peek;
        object.expect("{")?;
        object.gap()?;
        if object.one_of(FIRST_FIELDS)? { Ok(()) } else { Err(Miss::No) }
    },
    head: None,
    notation: Notation::JSON.ending(&["<|python_tag|>"], &[]),
    close: &[],
    list: List::Objects,
};
