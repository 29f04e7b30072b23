//! The Hermes format, which Qwen2.5, Qwen3 and others use; in practice also with several objects in a block, or a list:
//!
//! ```text
//! <tool_call>
//! {"name": "NAME", "arguments": {"KEY": "VALUE"}}
//! </tool_call>
//! ```

use super::candidate::{Dialect, List};
use super::lenient_json::Notation;

pub(super) static DIALECT: Dialect = Dialect {
    open: |peek| {
        peek.expect("<tool_call>")?;
        peek.gap()?;
        if peek.optional("[")? {
            peek.gap()?;
        }
        Ok(())
    },
    head: None,
    notation: Notation::JSON.ending(&["</tool_call>"], &["<tool_call>"]),
    close: &["</tool_call>"],
    list: List::Objects,
};
