//! GLM-4.5's and later models' format, with or without newlines between the tags:
//!
//! ```text
//! <tool_call>NAME
//! <arg_key>KEY</arg_key>
//! <arg_value>VALUE</arg_value>
//! </tool_call>
//! ```

use super::tags::{Names, TagSet};

pub(super) static TAGS: TagSet = TagSet {
    block: None,
    function_open: "<tool_call>",
    function_close: "</tool_call>",
    parameter_open: "<arg_key>",
    parameter_close: "</arg_value",
    names: Names::AfterTag { name_close: "</arg_key>", value_open: "<arg_value>" },
    value_lines: false,
};
