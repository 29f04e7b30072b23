//! Which format a model writes, read off its chat template and prompt.

use crate::template::ChatTemplate;

/// How a model writes tool calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToolFormat {
    /// In no way that is known here: all text is content.
    #[default]
    None,
    /// `<tool_call><function=NAME><parameter=KEY>VALUE</parameter></function></tool_call>`
    QwenXml,
    /// `<tool_call>{"name": "NAME", "arguments": {...}}</tool_call>`
    HermesJson,
}

impl ToolFormat {
    /// The format that a template teaches the model.
    ///
    /// Both formats use `<tool_call>`, and so do others (GLM's has `<arg_key>` in it), so that tag alone says nothing.
    pub fn detect(template: &ChatTemplate) -> Self {
        let teaches = |text: &str| template.source().contains(text);
        if !teaches("<tool_call>") || teaches("<arg_key>") {
            Self::None
        } else if teaches("<function=") && teaches("<parameter=") {
            Self::QwenXml
        } else if teaches("arguments") {
            Self::HermesJson
        } else {
            Self::None
        }
    }
}

/// Whether an output begins with reasoning between `<think>` and `</think>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reasoning {
    /// The model does not reason, or not in these tags: they are text.
    #[default]
    None,
    /// The model may open its reasoning itself.
    MayBegin,
    /// The prompt has opened it.
    Begun {
        /// Whether the prompt has also written the newline after `<think>`.
        newline: bool,
    },
}

impl Reasoning {
    /// How an output begins that follows this prompt, rendered from this template.
    pub fn after_prompt(template: &ChatTemplate, prompt: &str) -> Self {
        let open = prompt.trim_end();
        if open.ends_with("<think>") {
            Self::Begun { newline: prompt[open.len()..].contains('\n') }
        } else if template.source().contains("</think>") {
            Self::MayBegin
        } else {
            Self::None
        }
    }
}
