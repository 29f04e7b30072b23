//! Reasoning between `<think>` and `</think>`, at the beginning of the output.
//!
//! No tag inside reasoning begins a call: models quote them when they plan. A `<think>` later in the text is text.

use super::deltas::Deltas;
use super::detect::Reasoning;
use super::scanner::{Look, Scanner, Span, literal, newlines_at_end};

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Newlines that templates write after `</think>`.
const NEWLINES_AFTER: usize = 2;

/// The beginning of an output of a model that reasons.
#[derive(Debug)]
pub(super) struct Thinking {
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
    pub(super) fn begin(reasoning: Reasoning) -> Option<Self> {
        let (begun, newline) = match reasoning {
            Reasoning::None => return None,
            Reasoning::MayBegin => (false, false),
            Reasoning::Begun { newline } => (true, newline),
        };
        Some(Self { at: At::Start { begun, newline } })
    }

    /// Whether text that is held back belongs to the reasoning.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self.at, At::Start { begun: false, .. } | At::After(_))
    }

    /// Reads on; `Yes` once what comes next is text for the user.
    pub(super) fn read(&mut self, scanner: &mut Scanner, deltas: &mut Deltas) -> Look<()> {
        loop {
            let (rest, ended) = (scanner.rest(), scanner.ended());
            match self.at {
                At::Start { begun, newline } => {
                    let space = rest.len() - rest.trim_ascii_start().len();
                    match literal(&rest[space..], OPEN, ended) {
                        Look::Wait => return Look::Wait,
                        Look::Yes(()) => {
                            scanner.take(space + OPEN.len(), Span::Markup);
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
                    let newline = usize::from(rest.starts_with('\n'));
                    scanner.take(newline, Span::Markup);
                    self.at = At::Inside;
                }
                At::Inside => match read_inside(scanner, deltas) {
                    Look::Yes(()) => self.at = At::After(NEWLINES_AFTER),
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
fn read_inside(scanner: &mut Scanner, deltas: &mut Deltas) -> Look<()> {
    loop {
        let (rest, ended) = (scanner.rest(), scanner.ended());
        let next = rest.find('<').unwrap_or(rest.len());
        let newline = newlines_at_end(&rest[..next], 1);
        let close = literal(&rest[next..], CLOSE, ended);
        let certain = match close {
            Look::No if next == rest.len() => next,
            Look::No => next + 1,
            Look::Yes(()) | Look::Wait => next - newline,
        };
        deltas.reasoning(scanner.take(certain, Span::Reasoning));
        match close {
            Look::Yes(()) => {
                scanner.take(newline + CLOSE.len(), Span::Markup);
                return Look::Yes(());
            }
            Look::Wait => return Look::Wait,
            // The output has ended inside the reasoning.
            Look::No if scanner.rest().is_empty() && ended => return Look::Wait,
            Look::No => {}
        }
    }
}
