//! `cargo xtask fit-table`: docs/fit.md, what each recommended model takes.
//!
//! A test of shorn-hub writes it, as the window's types are written: so `cargo test` compares it, and this tool does not
//! have to be built with all that shorn-hub needs.

use anyhow::Result;

use crate::process::{cargo, check};

/// Set for the test to write the table instead of comparing it.
const WRITE_FIT_TABLE: &str = "SHORN_WRITE_FIT_TABLE";

/// Writes the table, or with `check` compares it.
pub fn fit_table(only_check: bool) -> Result<()> {
    let mut test = cargo();
    test.args(["test", "--quiet", "--package", "shorn-hub", "--test", "fit_table"]);
    if !only_check {
        test.env(WRITE_FIT_TABLE, "1");
    }
    check(&mut test)
}
