//! DeepSeek's formats, V3.1's and that of V3 and R1 (with the kind of tool, and the arguments in a code fence):
//!
//! ~~~text
//! <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>NAME<｜tool▁sep｜>{"KEY": "VALUE"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>
//! <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME
//! ```json
//! {"KEY": "VALUE"}
//! ```<｜tool▁call▁end｜><｜tool▁calls▁end｜>
//! ~~~

use super::candidate::{Dialect, Given, Head, List};
use super::lenient_json::Notation;
use super::peek::{Miss, Peek};

const CALLS_OPEN: &str = "<｜tool▁calls▁begin｜>";
const CALL_OPEN: &str = "<｜tool▁call▁begin｜>";
const SEPARATOR: &str = "<｜tool▁sep｜>";
const CALL_CLOSE: &str = "<｜tool▁call▁end｜>";
const CALLS_CLOSE: &str = "<｜tool▁calls▁end｜>";
const BOTH_CLOSE: &str = "<｜tool▁call▁end｜><｜tool▁calls▁end｜>";

/// The format's tokens.
pub(super) const MARKS: &[&str] = &[CALLS_OPEN, CALL_OPEN, SEPARATOR, CALL_CLOSE, CALLS_CLOSE];

pub(super) static DIALECT: Dialect = Dialect {
    open: |peek| {
        if peek.optional(CALLS_OPEN)? {
            peek.gap()?;
        }
        peek.expect(CALL_OPEN)?;
        peek.gap()
    },
    head: Some(head),
    notation: Notation::JSON.ending(&[BOTH_CLOSE, CALL_CLOSE], &[]),
    close: &["```", CALL_CLOSE, CALLS_CLOSE],
    list: List::No,
};

fn head(peek: &mut Peek) -> Result<Head, Miss> {
    let mut name = peek.name()?;
    peek.expect(SEPARATOR)?;
    peek.gap()?;
    if name == "function" && !matches!(peek.next()?, Some('{' | '"' | '<')) {
        name = peek.name()?;
        peek.gap()?;
        if peek.optional("```")? {
            peek.optional("json")?;
        }
        peek.gap()?;
    }
    let mut end = *peek;
    let nothing = end.optional(CALL_CLOSE)?;
    Ok(Head { name: name.to_owned(), given: if nothing { Given::Nothing } else { Given::next(peek)? } })
}
