//! What a reply has to be, as a grammar: exactly what the parser of the model's format reads as such a reply.
//!
//! Two things hold a reply to a grammar: a schema that its text has to follow, and tools of which it has to call one, or
//! may call only some, or which are strict. Reasoning before that is free. The grammar is text in llguidance's dialect of
//! Lark; `shorn_grammar` checks it, and the worker follows it token by token.

mod arguments;
mod calls;
mod lark;
mod notation;
mod tagged;

use serde_json::Value;
use shorn_grammar::{check, check_schema, inline};

use super::detect::Reasoning;
use super::format::ToolFormat;
use super::harmony;
use crate::conversation::{Tool, ToolChoice};
use crate::tokenizer::Tokenizer;
use arguments::Written;
use calls::Calls;
use lark::{Lark, TEXT};

/// What the text of a reply has to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ReplyForm {
    /// Anything.
    #[default]
    Free,
    /// JSON that follows this schema.
    Json(Value),
}

/// Why a reply cannot be held to what the request asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct GrammarRefusal {
    /// What of the request is at fault.
    pub subject: Subject,
    /// The part of it, as a place in its schema, as `properties.tags.items`; empty for the whole.
    pub part: String,
    /// Why.
    pub why: String,
}

/// What of a request is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The schema of the reply.
    Reply,
    /// The tool of this name.
    Tool(String),
    /// The choice of tools.
    ToolChoice,
    /// Nothing in it: this model cannot follow any grammar.
    Model,
}

/// What decides about a reply's grammar.
pub(crate) struct Rules<'a> {
    pub(crate) format: ToolFormat,
    pub(crate) template: &'a str,
    pub(crate) tokenizer: &'a Tokenizer,
    pub(crate) reasoning: Reasoning,
    pub(crate) tools: &'a [Tool],
    pub(crate) choice: &'a ToolChoice,
    /// Whether a reply may hold more than one call.
    pub(crate) parallel: bool,
}

impl Rules<'_> {
    /// The grammar of a reply of this form; `None` where anything goes.
    ///
    /// # Errors
    /// Names what cannot be guaranteed.
    pub(crate) fn grammar(&self, form: &ReplyForm) -> Result<Option<String>, GrammarRefusal> {
        let refused = |subject, why: String| GrammarRefusal { subject, part: String::new(), why };
        let calls = self.calls()?;
        let held = calls.as_ref().is_some_and(|calls| self.must_call() || self.is_held(calls));
        if *form == ReplyForm::Free && !held {
            return Ok(None);
        }
        if self.tokenizer.tokens(0).is_none() {
            let why = "this model's tokenizer does not say which bytes its tokens stand for: its replies cannot be held to \
                       a form";
            return Err(refused(Subject::Model, why.to_owned()));
        }
        let mut lark = Lark::new(self.tokenizer, self.format.marks(true));
        let answer = self.answer(form, calls.as_ref(), &mut lark)?;
        let start = match self.format {
            ToolFormat::Harmony => answer,
            _ => format!("{} {answer}", self.thought(&mut lark)),
        };
        let grammar = lark.finish(&start);
        check(&grammar).map_err(|error| {
            let subject = if held { Subject::ToolChoice } else { Subject::Reply };
            refused(subject, format!("no grammar can be made of this: {error}"))
        })?;
        Ok(Some(grammar))
    }

    /// The calls that the reply may hold.
    fn calls(&self) -> Result<Option<Calls<'_>>, GrammarRefusal> {
        let refused = |why: String| GrammarRefusal { subject: Subject::ToolChoice, part: String::new(), why };
        let tools: Vec<&Tool> = self.tools.iter().filter(|tool| self.choice.allows(&tool.name)).collect();
        if let Some(missing) =
            self.choice.names().iter().find(|name| !self.tools.iter().any(|tool| tool.name == **name))
        {
            return Err(refused(format!("there is no tool `{missing}` among the tools of this request")));
        }
        if self.must_call() && tools.is_empty() {
            return Err(refused("a call is wanted, and the request has no tools".to_owned()));
        }
        if self.must_call() && self.format == ToolFormat::None {
            return Err(refused("this model has no known form of tool calls".to_owned()));
        }
        let many = self.parallel && !matches!(self.choice, ToolChoice::Named(_));
        let calls = Calls { format: self.format, template: self.template, tools, many };
        Ok((!calls.tools.is_empty() && self.format != ToolFormat::None).then_some(calls))
    }

    fn must_call(&self) -> bool {
        self.choice.must_call()
    }

    /// Whether calls have to follow a grammar although the reply need not hold one.
    fn is_held(&self, calls: &Calls<'_>) -> bool {
        !self.choice.names().is_empty() || calls.tools.iter().any(|tool| tool.strict)
    }

    fn answer(
        &self,
        form: &ReplyForm,
        calls: Option<&Calls<'_>>,
        lark: &mut Lark,
    ) -> Result<String, GrammarRefusal> {
        let harmony = self.format == ToolFormat::Harmony;
        let thoughts = if harmony { analysis(lark) } else { String::new() };
        if let Some(calls) = calls.filter(|_| self.must_call()) {
            return Ok(format!("{thoughts} {}", calls.write(lark, 0)?));
        }
        let text = match form {
            ReplyForm::Json(schema) => {
                check_schema(schema).map_err(|refusal| GrammarRefusal {
                    subject: Subject::Reply,
                    part: refusal.part,
                    why: refusal.why,
                })?;
                Some(lark.rule(&inline(schema, false)))
            }
            ReplyForm::Free => None,
        };
        let Some(calls) = calls else {
            let text = text.unwrap_or_else(|| lark.terminal(TEXT));
            return Ok(if harmony { format!("{thoughts} {}", last_message(&text, lark)) } else { text });
        };
        if harmony {
            let text = text.unwrap_or_else(|| lark.text_without(harmony::MARKS));
            let ways = [last_message(&text, lark), calls.write(lark, 0)?];
            return Ok(format!("{thoughts} {}", lark.any_of(&ways)));
        }
        let ways = match text {
            Some(json) => vec![json, calls.write(lark, 0)?],
            None => free_or_called(calls, lark)?,
        };
        Ok(lark.any_of(&ways))
    }

    /// Reasoning that the model may write, or goes on with.
    fn thought(&self, lark: &mut Lark) -> String {
        let tags = self.format.think_tags();
        let mut thought = || {
            let text = lark.text_without(&[tags.close]);
            let closed = lark.closed(&text, tags.close);
            lark.rule(&format!("{closed} (\"\\n\" \"\\n\"?)?"))
        };
        match self.reasoning {
            Reasoning::None => String::new(),
            Reasoning::Begun { .. } => thought(),
            Reasoning::MayBegin => {
                let thought = thought();
                format!("({} {thought})?", lark.literal(tags.open))
            }
        }
    }
}

/// Any text, and then calls or none. What begins a call begins one that follows the grammar.
fn free_or_called(calls: &Calls<'_>, lark: &mut Lark) -> Result<Vec<String>, GrammarRefusal> {
    let trigger = calls.trigger();
    if calls.format == ToolFormat::LlamaJson {
        // Only a reply that begins with an object is a call.
        let text = lark.terminal("(/[^{\\s]/ /(?s:.*)/)? & ~(/(?s:.*)/ \"<|python_tag|>\" /(?s:.*)/)");
        return Ok(vec![text, calls.write(lark, 0)?]);
    }
    let text = lark.text_without(&[trigger]);
    if let Some(at) = lark.before_mark(trigger) {
        // The text before the mark would be taken for more of the reply's text: it belongs to the same terminal.
        let before = if at == 0 {
            text.clone()
        } else {
            lark.terminal(&format!("{text} {}", lark::quoted(&trigger[..at])))
        };
        let called = calls.write(lark, at)?;
        return Ok(vec![text, format!("{before} {called}")]);
    }
    let begun = lark.lazy(&format!("/(?s:.*)/ {}", lark::quoted(trigger)));
    let called = calls.write(lark, trigger.len())?;
    Ok(vec![text, format!("{begun} {called}")])
}

/// Messages on the channel of reasoning, as many as the model likes.
fn analysis(lark: &mut Lark) -> String {
    let text = lark.text_without(harmony::MARKS);
    let closed = lark.closed(&text, "<|end|><|start|>assistant");
    format!("({} {closed})*", lark.literal("<|channel|>analysis<|message|>"))
}

/// The message that holds the answer.
fn last_message(text: &str, lark: &Lark) -> String {
    format!("{} {text}", lark.literal("<|channel|>final<|message|>"))
}

#[cfg(test)]
mod tests;
