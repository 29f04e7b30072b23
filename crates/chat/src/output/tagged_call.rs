//! The body of a call in the formats that write arguments between tags. (The tags named here are the Qwen3-Coder
//! format's; the others differ in spelling.)
//!
//! Any closing tag may be missing, a block may hold several functions, and a function may stand without a block. White
//! space between tags is markup. Other text between them is no part of the call: it becomes content after it. Of two
//! values for one parameter the first counts, the second becomes content likewise.

use std::collections::HashSet;

use super::Tools;
use super::deltas::Deltas;
use super::json::string;
use super::scanner::{Look, Scanner, Span};
use super::schema::ValueType;
use super::tags::{Next, Parameter, Tag, TagSet};
use super::value::{Form, Value};

/// A call, or a block of calls, after its first `<function=NAME>`.
#[derive(Debug)]
pub(super) struct TaggedCall {
    tags: &'static TagSet,
    /// Whether a block's tag opened it.
    in_block: bool,
    function: String,
    given: HashSet<String>,
    at: At,
}

#[derive(Debug)]
enum At {
    /// Between parameters; `stray` once something that is neither tag nor white space has come.
    Between {
        stray: bool,
    },
    Value(Value),
    AfterFunction,
}

impl TaggedCall {
    /// A call whose `<function=NAME>` has been taken.
    pub(super) fn start(
        tags: &'static TagSet,
        function: String,
        in_block: bool,
        deltas: &mut Deltas,
    ) -> Self {
        deltas.start_call(&function);
        Self { tags, in_block, function, given: HashSet::new(), at: At::Between { stray: false } }
    }

    /// Reads on; `Yes` once the call or block is over and what comes next is text again.
    pub(super) fn read(
        &mut self,
        scanner: &mut Scanner,
        deltas: &mut Deltas,
        tools: &Tools,
        patience: &mut usize,
    ) -> Look<()> {
        loop {
            let look = match &mut self.at {
                At::Between { stray } => {
                    let stray = *stray;
                    self.between(stray, scanner, deltas, tools)
                }
                At::Value(value) => {
                    let schema = tools.schema(&self.function);
                    let wanted = |name: &str| {
                        !self.given.contains(name) && schema.is_none_or(|schema| schema.may_have(name))
                    };
                    match value.read(scanner, deltas, patience, wanted) {
                        Look::Yes(()) => {
                            self.at = At::Between { stray: false };
                            Look::No
                        }
                        look => look,
                    }
                }
                At::AfterFunction => self.after_function(scanner, deltas),
            };
            // `No`: not over yet, go on.
            if look != Look::No {
                return look;
            }
        }
    }

    fn between(
        &mut self,
        stray: bool,
        scanner: &mut Scanner,
        deltas: &mut Deltas,
        tools: &Tools,
    ) -> Look<()> {
        let rest = scanner.rest();
        if rest.is_empty() {
            if scanner.ended() {
                self.end_function(deltas);
                return Look::Yes(());
            }
            return Look::Wait;
        }
        let (tag, length) = match self.tags.tag(rest, scanner.ended()) {
            Look::Yes(found) => found,
            Look::Wait => return Look::Wait,
            Look::No => {
                self.pass(stray, scanner, deltas);
                return Look::No;
            }
        };
        match tag {
            Tag::ParameterOpen(parameter) => self.start_value(parameter, length, scanner, deltas, tools),
            Tag::ParameterClose => {
                scanner.take(length, Span::Markup);
                self.at = At::Between { stray: false };
            }
            Tag::FunctionClose => {
                scanner.take(length, Span::Markup);
                self.end_function(deltas);
            }
            // Missing tags: what closes or begins the outer thing closes the inner one.
            Tag::BlockClose | Tag::FunctionOpen(_) | Tag::BlockOpen => self.end_function(deltas),
        }
        Look::No
    }

    /// White space, or text that does not belong here, up to the next `<`.
    fn pass(&mut self, stray: bool, scanner: &mut Scanner, deltas: &mut Deltas) {
        let rest = scanner.rest();
        let space = rest.len() - rest.trim_ascii_start().len();
        if space > 0 && !stray {
            scanner.take(space, Span::Markup);
        } else {
            let first = rest.chars().next().map_or(0, char::len_utf8);
            let length = rest[first..].find('<').map_or(rest.len(), |at| first + at);
            deltas.aside(scanner.take(length, Span::Content));
            self.at = At::Between { stray: true };
        }
    }

    fn start_value(
        &mut self,
        parameter: Parameter,
        tag: usize,
        scanner: &mut Scanner,
        deltas: &mut Deltas,
        tools: &Tools,
    ) {
        let Parameter { name, string: said } = parameter;
        let first = self.given.is_empty();
        let form = if self.given.insert(name.clone()) {
            scanner.take(tag, Span::Markup);
            deltas.arguments(if first { "{" } else { "," });
            deltas.arguments(&string(&name));
            deltas.arguments(":");
            Form::of(ValueType::of(tools.schema(&self.function), &name, said))
        } else {
            deltas.aside(scanner.take(tag, Span::Content));
            Form::Repeated
        };
        self.at = At::Value(Value::new(self.tags, form, deltas));
    }

    fn end_function(&mut self, deltas: &mut Deltas) {
        deltas.arguments(if self.given.is_empty() { "{}" } else { "}" });
        deltas.end_call();
        self.at = At::AfterFunction;
    }

    fn after_function(&mut self, scanner: &mut Scanner, deltas: &mut Deltas) -> Look<()> {
        let rest = scanner.rest();
        match self.tags.next(rest, scanner.ended()) {
            Look::Wait => return Look::Wait,
            Look::Yes(Next::Tag(Tag::BlockClose, length)) => {
                scanner.take(length, Span::Markup);
            }
            Look::Yes(Next::Tag(Tag::FunctionOpen(name), length)) if self.in_block => {
                scanner.record();
                scanner.take(length, Span::Markup);
                *self = Self::start(self.tags, name, true, deltas);
                return Look::No;
            }
            // The white space that would have stood before the missing `</tool_call>`.
            Look::Yes(Next::End) => {
                let length = rest.len();
                scanner.take(length, Span::Markup);
            }
            Look::Yes(Next::Tag(..) | Next::Other) | Look::No => {}
        }
        Look::Yes(())
    }

    /// Whether the text that the output was cut off at is the beginning of what closes the block.
    pub(super) fn is_closing(&self, text: &str) -> bool {
        let close = self.tags.block.map_or(self.tags.function_close, |(_, close)| close);
        close.starts_with(text.trim_ascii_start())
    }
}
