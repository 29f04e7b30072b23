//! Which format a model writes, read off its chat template, its vocabulary and the prompt.

use super::format::ToolFormat;
use crate::template::ChatTemplate;
use crate::tokenizer::Tokenizer;

/// What a template that teaches a format has in it, all of it. The first format that fits is the one: several have
/// `<tool_call>` in common, so that tag alone says nothing.
const TAUGHT: &[(ToolFormat, &[&str])] = &[
    (ToolFormat::Harmony, &["<|channel|>", "<|message|>"]),
    (ToolFormat::DeepSeekDsml, &["｜DSML｜"]),
    (ToolFormat::DeepSeek, &["<｜tool▁call▁begin｜>"]),
    (ToolFormat::MiniMax, &["<minimax:tool_call>"]),
    (ToolFormat::Mistral, &["[TOOL_CALLS]"]),
    (ToolFormat::Gemma, &["<|tool_call>"]),
    (ToolFormat::Lfm2, &["<|tool_call_start|>"]),
    (ToolFormat::Glm, &["<tool_call>", "<arg_key>"]),
    (ToolFormat::QwenXml, &["<tool_call>", "<function=", "<parameter="]),
    (ToolFormat::HermesJson, &["<tool_call>", "arguments"]),
    (ToolFormat::LlamaJson, &["<|start_header_id|>", "\"parameters\""]),
];

/// Tokens that only models of a format have. Some templates list the tools without saying how to call them.
const TOKENS: &[(ToolFormat, &str)] = &[
    (ToolFormat::Harmony, "<|constrain|>"),
    (ToolFormat::DeepSeekDsml, "｜DSML｜"),
    (ToolFormat::MiniMax, "<minimax:tool_call>"),
    (ToolFormat::Mistral, "[TOOL_CALLS]"),
    (ToolFormat::Gemma, "<|tool_call>"),
    (ToolFormat::Lfm2, "<|tool_call_start|>"),
];

impl ToolFormat {
    /// The format that a template teaches the model.
    pub fn detect(template: &ChatTemplate) -> Self {
        let teaches = |parts: &[&str]| parts.iter().all(|part| template.source().contains(part));
        TAUGHT.iter().find(|(_, parts)| teaches(parts)).map(|(format, _)| *format).unwrap_or_default()
    }

    /// The same; if the template shows the model tools without teaching a format, the one of its vocabulary.
    pub fn detect_with_tokens(template: &ChatTemplate, tokenizer: &Tokenizer) -> Self {
        match Self::detect(template) {
            Self::None if template.source().contains("tools") => {
                let has = |token: &str| tokenizer.token_to_id(token).is_some();
                let found = TOKENS.iter().find(|(_, token)| has(token));
                found.map(|(format, _)| *format).unwrap_or_default()
            }
            taught => taught,
        }
    }
}

/// Whether an output begins with reasoning between `<think>` and `</think>`, or what the model has in their place.
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
    /// How an output begins that follows this prompt, rendered from the template of a model that writes calls in this
    /// format.
    pub fn after_prompt(format: ToolFormat, template: &ChatTemplate, prompt: &str) -> Self {
        let tags = format.think_tags();
        let open = prompt.trim_end();
        if open.ends_with(tags.open) {
            Self::Begun { newline: prompt[open.len()..].contains('\n') }
        } else if template.source().contains(tags.close) {
            Self::MayBegin
        } else {
            Self::None
        }
    }
}
