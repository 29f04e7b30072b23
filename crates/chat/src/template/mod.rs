//! The model's own chat template: a conversation in, the prompt's text out.
//!
//! Templates are Jinja programs that come with the model. They run in an engine set up as transformers does it, see
//! what transformers shows them, print as Python prints, and are stopped when they ask for too much.
//!
//! Gaps that are known: a macro takes no more arguments than it names (`varargs`), `%` does not format a text (the filter
//! `format` does), and a loop over `none` does nothing where Python fails. And fuel does not bound a list that holds
//! another list many times over, several levels deep, when `~` prints it or `==` compares it.

mod context;
mod error;
mod files;
mod python;
mod sandbox;
#[cfg(test)]
mod tests;
mod text_methods;

use std::path::Path;

use minijinja::Environment;

use crate::conversation::{Conversation, Message, Role, ToolCall};
use context::MessageShape;
pub use error::TemplateError;

const DEFAULT: &str = "chat_template";
const TOOL_USE: &str = "tool_use";

/// A model's chat template, compiled.
#[derive(Debug)]
pub struct ChatTemplate {
    engine: Environment<'static>,
    source: String,
    tool_use: bool,
    special_tokens: Vec<(String, String)>,
    shape: MessageShape,
}

impl ChatTemplate {
    /// Loads and compiles the template of the model in `folder`.
    ///
    /// Looks for `chat_template.jinja`, then `chat_template.json`, then `chat_template` in `tokenizer_config.json`
    /// (a text, or a list with the names `default` and `tool_use`). Special tokens come from the latter file.
    ///
    /// # Errors
    /// If there is no template, or it cannot be read or compiled.
    pub fn from_folder(folder: &Path) -> Result<Self, TemplateError> {
        let found = files::find(folder)?;
        Self::compile(found.default, found.tool_use, found.special_tokens)
    }

    /// Compiles a template from its text, without special tokens.
    ///
    /// # Errors
    /// If the text is not valid Jinja, or too long.
    pub fn from_source(source: &str) -> Result<Self, TemplateError> {
        Self::compile(source.to_owned(), None, Vec::new())
    }

    fn compile(
        default: String,
        tool_use: Option<String>,
        special_tokens: Vec<(String, String)>,
    ) -> Result<Self, TemplateError> {
        let source = [default.as_str(), tool_use.as_deref().unwrap_or_default()].concat();
        let mut templates = vec![(DEFAULT, default)];
        let has_tool_use = tool_use.is_some();
        templates.extend(tool_use.map(|template| (TOOL_USE, template)));
        let engine = sandbox::compile(templates)?;
        let shape = MessageShape {
            object_arguments: true,
            null_content: true,
            developer_role: source.contains("developer"),
            late_system: true,
        };
        let mut template = Self { engine, source, tool_use: has_tool_use, special_tokens, shape };
        template.shape = template.find_shape();
        template.shape.late_system = template.takes_late_system();
        Ok(template)
    }

    /// The template's text (with both texts, one after the other, where tools have a template of their own).
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Renders a conversation to the prompt's text, ending, if asked for, with the opening of the assistant's turn.
    ///
    /// # Errors
    /// If the template refuses the conversation, fails on it, or passes a limit.
    pub fn render(
        &self,
        conversation: &Conversation,
        add_generation_prompt: bool,
    ) -> Result<String, TemplateError> {
        let name =
            if self.tool_use && conversation.listed_tools().next().is_some() { TOOL_USE } else { DEFAULT };
        let context =
            context::variables(conversation, &self.special_tokens, self.shape, add_generation_prompt);
        sandbox::render(&self.engine, name, context)
    }

    /// Templates differ in how they want a message that has calls and no text: most take the arguments as an object
    /// and the content as `none`, some break on one or the other. Trying is the only way to know, so a small
    /// conversation is rendered in each form until one shows the call as it should.
    fn find_shape(&mut self) -> MessageShape {
        let wanted = self.shape;
        let forms = [(true, true), (true, false), (false, true), (false, false)];
        for (object_arguments, null_content) in forms {
            self.shape = MessageShape { object_arguments, null_content, ..wanted };
            match self.render(&call_without_text(), false) {
                Ok(prompt) if shows_the_call(&prompt) => return self.shape,
                // What works this hard on three short messages will not do better on the next try.
                Err(TemplateError::OverLimit { .. }) => break,
                _ => {}
            }
        }
        wanted
    }

    /// Agents send instructions in the midst of a conversation too. Some templates refuse a system message there, some
    /// leave it out without a word. Whether it must go as the user's is found out by trying as well.
    fn takes_late_system(&mut self) -> bool {
        let wanted = self.shape;
        let mut shows = |late_system| {
            self.shape = MessageShape { late_system, ..wanted };
            self.render(&instruction_after_user(), false)
                .is_ok_and(|prompt| prompt.contains("trial_instruction"))
        };
        shows(true) || !shows(false)
    }
}

/// A conversation with a system message that is not the first message.
fn instruction_after_user() -> Conversation {
    let messages = vec![Message::text(Role::User, "go"), Message::text(Role::System, "trial_instruction")];
    Conversation { messages, ..Conversation::default() }
}

/// A conversation whose assistant calls a tool and says nothing.
fn call_without_text() -> Conversation {
    let id = "000000001".to_owned();
    let call = ToolCall {
        id: id.clone(),
        name: "trial_tool".into(),
        arguments: r#"{"trial_key":"trial_value"}"#.into(),
    };
    let result = Message {
        tool_call_id: Some(id),
        name: Some("trial_tool".into()),
        ..Message::text(Role::Tool, "done")
    };
    Conversation {
        messages: vec![
            Message::text(Role::User, "go"),
            Message { role: Role::Assistant, tool_calls: vec![call], ..Message::default() },
            result,
        ],
        ..Conversation::default()
    }
}

/// Whether a prompt shows [`call_without_text`]'s call, and neither Python's `None` nor a dictionary in Python's
/// quotes.
fn shows_the_call(prompt: &str) -> bool {
    let shown = ["trial_tool", "trial_key", "trial_value"].iter().all(|part| prompt.contains(part));
    shown && !prompt.contains("None") && !prompt.contains("'trial_key'")
}
