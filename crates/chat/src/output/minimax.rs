//! MiniMax-M2's format:
//!
//! ```text
//! <minimax:tool_call>
//! <invoke name="NAME">
//! <parameter name="KEY">VALUE</parameter>
//! </invoke>
//! </minimax:tool_call>
//! ```

use super::tags::{Names, TagSet};

pub(super) static TAGS: TagSet = TagSet {
    block: Some(("<minimax:tool_call>", "</minimax:tool_call>")),
    function_open: "<invoke name=",
    function_close: "</invoke>",
    parameter_open: "<parameter name=",
    parameter_close: "</parameter",
    names: Names::InTag,
    value_lines: false,
};
