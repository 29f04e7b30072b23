//! Reasoning between `<think>` and `</think>`, or other tags, at the beginning of the output.
//!
//! No tag inside reasoning begins a call: models quote them when they plan. A `<think>` later in the text is text.

use super::deltas::Deltas;
use super::detect::Reasoning;
use super::scanner::{Look, Scanner, Span, gap, literal, newlines_at_end};

/// The tags around reasoning.
#[derive(Debug)]
pub(super) struct ThinkTags {
    pub(super) open: &'static str,
    pub(super) close: &'static str,
    /// Newlines that templates write after the opening tag, and before the closing one.
    inside: usize,
    /// Newlines that they write after the closing tag.
    after: usize,
    /// The tokens of the tags.
    pub(super) marks: &'static [&'static str],
}

pub(super) static USUAL: ThinkTags =
    ThinkTags { open: "<think>", close: "</think>", inside: 1, after: 2, marks: &["<think>", "</think>"] };

pub(super) static MISTRAL: ThinkTags =
    ThinkTags { open: "[THINK]", close: "[/THINK]", inside: 0, after: 0, marks: &["[THINK]", "[/THINK]"] };

pub(super) static GEMMA: ThinkTags = ThinkTags {
    open: "<|channel>thought",
    close: "<channel|>",
    inside: 1,
    after: 0,
    marks: &["<|channel>", "<channel|>"],
};

/// The beginning of an output of a model that reasons.
#[derive(Debug)]
pub(super) struct Thinking {
    tags: &'static ThinkTags,
    at: At,
}

#[derive(Debug)]
enum At {
    /// Before the first text. `begun` if the prompt has opened the reasoning; `newline` if it has written a newline too.
    Start {
        begun: bool,
        newline: bool,
    },
    /// After `<think>`, where one newline belongs to the tag.
    Opened,
    Inside,
    /// After `</think>`, where this many newlines belong to the tag.
    After(usize),
}

impl Thinking {
    /// The reader for an output that may begin with reasoning; `None` if the model does not reason.
    pub(super) fn begin(tags: &'static ThinkTags, reasoning: Reasoning) -> Option<Self> {
        let (begun, newline) = match reasoning {
            Reasoning::None => return None,
            Reasoning::MayBegin => (false, false),
            Reasoning::Begun { newline } => (true, newline),
        };
        Some(Self { tags, at: At::Start { begun, newline } })
    }

    /// Whether text that is held back belongs to the reasoning.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self.at, At::Start { begun: false, .. } | At::After(_))
    }

    /// Reads on; `Yes` once what comes next is text for the user.
    pub(super) fn read(&mut self, scanner: &mut Scanner, deltas: &mut Deltas) -> Look<()> {
        let tags = self.tags;
        loop {
            let (rest, ended) = (scanner.rest(), scanner.ended());
            match self.at {
                At::Start { begun, newline } => {
                    let open = |space| literal(&rest[space..], tags.open, ended).map(|()| space);
                    match gap(rest, ended).and_then(open) {
                        Look::Wait => return Look::Wait,
                        Look::Yes(space) => {
                            scanner.take(space + tags.open.len(), Span::Markup);
                            self.at = At::Opened;
                        }
                        Look::No if !begun => return Look::Yes(()),
                        Look::No => self.at = if newline { At::Inside } else { At::Opened },
                    }
                }
                At::Opened => {
                    if rest.is_empty() && !ended {
                        return Look::Wait;
                    }
                    scanner.take(usize::from(tags.inside > 0 && rest.starts_with('\n')), Span::Markup);
                    self.at = At::Inside;
                }
                At::Inside => match read_inside(tags, scanner, deltas) {
                    Look::Yes(()) => self.at = At::After(tags.after),
                    look => return look,
                },
                At::After(0) => return Look::Yes(()),
                At::After(left) => match rest.as_bytes().first() {
                    Some(b'\n') => {
                        scanner.take(1, Span::Markup);
                        self.at = At::After(left - 1);
                    }
                    None if !ended => return Look::Wait,
                    _ => return Look::Yes(()),
                },
            }
        }
    }
}

/// Reads reasoning; `Yes` once `</think>` is taken.
fn read_inside(tags: &ThinkTags, scanner: &mut Scanner, deltas: &mut Deltas) -> Look<()> {
    let first = tags.close.as_bytes()[0];
    loop {
        let (rest, ended) = (scanner.rest(), scanner.ended());
        let next = rest.bytes().position(|byte| byte == first).unwrap_or(rest.len());
        let newline = newlines_at_end(&rest[..next], tags.inside);
        let close = literal(&rest[next..], tags.close, ended);
        let certain = match close {
            Look::No if next == rest.len() => next,
            Look::No => next + 1,
            Look::Yes(()) | Look::Wait => next - newline,
        };
        deltas.reasoning(scanner.take(certain, Span::Reasoning));
        match close {
            Look::Yes(()) => {
                scanner.take(newline + tags.close.len(), Span::Markup);
                return Look::Yes(());
            }
            Look::Wait => return Look::Wait,
            // The output has ended inside the reasoning.
            Look::No if scanner.rest().is_empty() && ended => return Look::Wait,
            Look::No => {}
        }
    }
}
