//! Whether a tool call begins at a place in the text for the user.
//!
//! What opens a call of a known tool does so anywhere. With an unknown name it does so at the start of a line outside a
//! code fence: an agent answers such a call with an error that the model can learn from, while prose about the format
//! stays prose. A function without the block around it opens a call only there, and only of a known tool; an object
//! without anything around it only where the reply begins, and only of a known tool, too.

use super::candidate::{Candidate, Dialect, Found};
use super::peek::{Peek, is_plausible};
use super::prose::Lines;
use super::scanner::{Look, literal};
use super::tags::{Next, Tag, TagSet};
use super::{ToolFormat, Tools};

/// What opens a call.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, for a moment")]
pub(super) enum Opening {
    /// A function's tag, perhaps in a block. The length covers the block's tag too.
    Function { tags: &'static TagSet, name: String, in_block: bool, length: usize },
    /// A call, looked at so far, after so many bytes that open it.
    Object { candidate: Candidate, found: Found, before: usize },
}

/// Where in the text a call may begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// At the start of a line outside a code fence.
    line_start: bool,
    /// Before any text of the reply.
    reply_start: bool,
}

impl Place {
    /// The place after this text and so many newlines.
    pub(super) fn after(lines: &Lines, newlines: usize) -> Self {
        Self { line_start: lines.at_line_start(newlines), reply_start: lines.nothing_read() }
    }
}

/// What has been found out about a place while waiting for more text.
#[derive(Debug, Default)]
pub(super) struct Inquiry {
    candidate: Option<Candidate>,
}

impl Inquiry {
    /// Whether a call begins at the front of `text`, which begins with one of the format's first characters. Ask again,
    /// with the same text and more, as long as the answer is to wait.
    pub(super) fn look(
        &mut self,
        text: &str,
        ended: bool,
        place: Place,
        tools: &Tools,
        patience: &mut usize,
    ) -> Look<Opening> {
        // An object without anything around it looks the same as any answer in JSON.
        let bare = text.starts_with('{');
        let callable = |name: &str| tools.knows(name) || (place.line_start && !bare && is_plausible(name));
        if let Some(tags) = tools.format.tags() {
            match function(tags, text, ended, place, tools, callable) {
                Look::No => {}
                look => return look,
            }
        }
        match tools.format.dialect() {
            Some(_) if bare && !place.reply_start => Look::No,
            Some(dialect) => self.object(dialect, text, ended, callable, patience),
            None => Look::No,
        }
    }

    fn object(
        &mut self,
        dialect: &'static Dialect,
        text: &str,
        ended: bool,
        callable: impl Fn(&str) -> bool,
        patience: &mut usize,
    ) -> Look<Opening> {
        let mut peek = Peek::new(text, ended);
        Look::from((dialect.open)(&mut peek)).and_then(|()| {
            let candidate = self.candidate.get_or_insert_with(|| Candidate::new(dialect));
            let found = candidate.look(peek.rest(), ended, callable, patience);
            found.and_then(|found| match self.candidate.take() {
                Some(candidate) => Look::Yes(Opening::Object { candidate, found, before: peek.at }),
                None => Look::No,
            })
        })
    }
}

/// A function's tag at the front.
fn function(
    tags: &'static TagSet,
    text: &str,
    ended: bool,
    place: Place,
    tools: &Tools,
    callable: impl Fn(&str) -> bool,
) -> Look<Opening> {
    let opening = |name, in_block, length| Look::Yes(Opening::Function { tags, name, in_block, length });
    let Some((block, _)) = tags.block else {
        return tags.tag(text, ended).and_then(|(tag, length)| match tag {
            Tag::FunctionOpen(name) if callable(&name) => opening(name, false, length),
            _ => Look::No,
        });
    };
    match literal(text, block, ended) {
        Look::Yes(()) => match tags.next(&text[block.len()..], ended) {
            Look::Yes(Next::Tag(Tag::FunctionOpen(name), length)) if callable(&name) => {
                opening(name, true, block.len() + length)
            }
            look => look.and_then(|_| Look::No),
        },
        Look::Wait => Look::Wait,
        Look::No if place.line_start && tools.format != ToolFormat::HermesJson => {
            tags.tag(text, ended).and_then(|(tag, length)| match tag {
                Tag::FunctionOpen(name) if tools.knows(&name) && text[..length].ends_with('>') => {
                    opening(name, false, length)
                }
                _ => Look::No,
            })
        }
        Look::No => Look::No,
    }
}
