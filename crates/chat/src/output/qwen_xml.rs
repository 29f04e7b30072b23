//! Qwen3-Coder's format:
//!
//! ```text
//! <tool_call>
//! <function=NAME>
//! <parameter=KEY>
//! VALUE
//! </parameter>
//! </function>
//! </tool_call>
//! ```

use super::tags::{Names, TagSet};

pub(super) static TAGS: TagSet = TagSet {
    block: Some(("<tool_call>", "</tool_call>")),
    function_open: "<function=",
    function_close: "</function>",
    parameter_open: "<parameter=",
    parameter_close: "</parameter",
    names: Names::InTag,
    value_lines: true,
};
