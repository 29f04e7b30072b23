//! Mistral's formats: a list of objects in older models, a name and the arguments in newer ones. Only some write an id.
//!
//! ```text
//! [TOOL_CALLS][{"name": "NAME", "arguments": {"KEY": "VALUE"}, "id": "ID"}]
//! [TOOL_CALLS]NAME[CALL_ID]ID[ARGS]{"KEY": "VALUE"}
//! ```

use super::candidate::{Dialect, Given, Head, List};
use super::lenient_json::Notation;
use super::peek::{Miss, Peek};

/// Bytes of an id; templates insist on nine.
const LONGEST_ID: usize = 64;

pub(super) static DIALECT: Dialect = Dialect {
    open: |peek| {
        peek.expect("[TOOL_CALLS]")?;
        peek.gap()?;
        if peek.optional("[")? {
            peek.gap()?;
        }
        Ok(())
    },
    head: Some(head),
    notation: Notation::JSON.ending(&["[TOOL_CALLS]"], &[]),
    close: &[],
    list: List::Objects,
};

fn head(peek: &mut Peek) -> Result<Head, Miss> {
    let name = peek.name()?.to_owned();
    peek.gap()?;
    if peek.optional("[CALL_ID]")? {
        peek.word(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'), LONGEST_ID)?;
        peek.gap()?;
    }
    peek.optional("[ARGS]")?;
    peek.gap()?;
    Ok(Head { name, given: Given::next(peek)? })
}
