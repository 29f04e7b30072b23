//! Whether a tool call begins at a place in the text for the user.
//!
//! `<tool_call>` with a function or object behind it opens a call of a known tool anywhere. With an unknown name it does
//! so at the start of a line outside a code fence: an agent answers such a call with an error that the model can learn
//! from, while prose about the format stays prose. `<function=` alone opens a call only there, and only of a known tool.

use super::hermes::{Candidate, Found};
use super::scanner::{Look, literal};
use super::tags::{BLOCK_OPEN, Next, Tag, next, tag};
use super::{ToolFormat, Tools, hermes};

/// What opens a call.
#[derive(Debug)]
pub(super) enum Opening {
    /// `<function=NAME>`, perhaps in a block. The length covers the block's tag too.
    Function { name: String, in_block: bool, length: usize },
    /// A block with an object of which this much has been looked at.
    Object { candidate: Candidate, found: Found, length: usize },
}

/// What has been found out about a place while waiting for more text.
#[derive(Debug, Default)]
pub(super) struct Inquiry {
    candidate: Option<Candidate>,
}

impl Inquiry {
    /// Whether a call begins at the front of `text`, which begins with `<`. Ask again, with the same text and more,
    /// as long as the answer is to wait.
    pub(super) fn look(
        &mut self,
        text: &str,
        ended: bool,
        line_start: bool,
        tools: &Tools,
        patience: &mut usize,
    ) -> Look<Opening> {
        let callable = |name: &str| tools.knows(name) || (line_start && is_plausible(name));
        match literal(text, BLOCK_OPEN, ended) {
            Look::Yes(()) => {}
            // `<tool_call>` and `<function=` differ in their second letter.
            Look::Wait => return Look::Wait,
            Look::No if tools.format == ToolFormat::QwenXml && line_start => {
                return bare_function(text, ended, tools);
            }
            Look::No => return Look::No,
        }
        let inside = &text[BLOCK_OPEN.len()..];
        match next(inside, ended) {
            Look::Yes(Next::Tag(Tag::FunctionOpen(name), length)) if callable(&name) => {
                Look::Yes(Opening::Function { name, in_block: true, length: BLOCK_OPEN.len() + length })
            }
            Look::Wait => Look::Wait,
            _ => hermes::before_first(inside, ended).and_then(|before| {
                let candidate = self.candidate.get_or_insert_with(Candidate::new);
                candidate.look(&inside[before..], ended, callable, patience).map(|found| {
                    let candidate = std::mem::replace(candidate, Candidate::new());
                    let length = BLOCK_OPEN.len() + before + candidate.seen;
                    Opening::Object { candidate, found, length }
                })
            }),
        }
    }
}

fn bare_function(text: &str, ended: bool, tools: &Tools) -> Look<Opening> {
    tag(text, ended).and_then(|(tag, length)| match tag {
        Tag::FunctionOpen(name) if tools.knows(&name) && text[..length].ends_with('>') => {
            Look::Yes(Opening::Function { name, in_block: false, length })
        }
        _ => Look::No,
    })
}

/// Whether a tool could have this name.
fn is_plausible(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'/'))
}
