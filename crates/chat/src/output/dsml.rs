//! DeepSeek-V3.2's format. The tags say of each value whether it is a string:
//!
//! ```text
//! <｜DSML｜function_calls>
//! <｜DSML｜invoke name="NAME">
//! <｜DSML｜parameter name="KEY" string="true">VALUE</｜DSML｜parameter>
//! </｜DSML｜invoke>
//! </｜DSML｜function_calls>
//! ```

use super::tags::{Names, TagSet};

pub(super) static TAGS: TagSet = TagSet {
    block: Some(("<｜DSML｜function_calls>", "</｜DSML｜function_calls>")),
    function_open: "<｜DSML｜invoke name=",
    function_close: "</｜DSML｜invoke>",
    parameter_open: "<｜DSML｜parameter name=",
    parameter_close: "</｜DSML｜parameter",
    names: Names::InTag,
    value_lines: false,
};
