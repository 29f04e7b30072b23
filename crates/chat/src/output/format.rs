//! The formats of tool calls, by name.

use std::fmt;
use std::str::FromStr;

use super::candidate::Dialect;
use super::tags::TagSet;
use super::thinking::{self, ThinkTags};
use super::{deepseek, dsml, gemma, glm, harmony, hermes, lfm2, llama, minimax, mistral, qwen_xml};

/// How a model writes tool calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ToolFormat {
    /// In no way that is known here: all text is content.
    #[default]
    None,
    /// `<tool_call><function=NAME><parameter=KEY>VALUE</parameter></function></tool_call>`
    QwenXml,
    /// `<tool_call>{"name": "NAME", "arguments": {...}}</tool_call>`
    HermesJson,
    /// `<tool_call>NAME<arg_key>KEY</arg_key><arg_value>VALUE</arg_value></tool_call>`
    Glm,
    /// `<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{...}<|call|>`, and the channels of
    /// reasoning and answer.
    Harmony,
    /// `[TOOL_CALLS]NAME[ARGS]{...}` and `[TOOL_CALLS][{"name": "NAME", "arguments": {...}}]`
    Mistral,
    /// `{"name": "NAME", "parameters": {...}}` as the whole reply.
    LlamaJson,
    /// `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>NAME<｜tool▁sep｜>{...}<｜tool▁call▁end｜><｜tool▁calls▁end｜>`
    DeepSeek,
    /// `<｜DSML｜function_calls><｜DSML｜invoke name="NAME"><｜DSML｜parameter name="KEY" string="true">VALUE...`
    DeepSeekDsml,
    /// `<minimax:tool_call><invoke name="NAME"><parameter name="KEY">VALUE</parameter></invoke></minimax:tool_call>`
    MiniMax,
    /// `<|tool_call>call:NAME{KEY:<|"|>VALUE<|"|>}<tool_call|>`
    Gemma,
    /// `<|tool_call_start|>[NAME(KEY="VALUE")]<|tool_call_end|>`
    Lfm2,
}

/// A name that no tool-call format has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no tool-call format is called \"{name}\"; the formats are {}", ToolFormat::ALL.map(ToolFormat::name).join(", "))]
pub struct UnknownToolFormat {
    /// The name.
    pub name: String,
}

impl FromStr for ToolFormat {
    type Err = UnknownToolFormat;

    fn from_str(name: &str) -> Result<Self, UnknownToolFormat> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| UnknownToolFormat { name: name.to_owned() })
    }
}

impl fmt::Display for ToolFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ToolFormat {
    /// Every format.
    pub const ALL: [Self; 12] = [
        Self::None,
        Self::QwenXml,
        Self::HermesJson,
        Self::Glm,
        Self::Harmony,
        Self::Mistral,
        Self::LlamaJson,
        Self::DeepSeek,
        Self::DeepSeekDsml,
        Self::MiniMax,
        Self::Gemma,
        Self::Lfm2,
    ];

    /// The name by which people choose it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::QwenXml => "qwen-xml",
            Self::HermesJson => "hermes-json",
            Self::Glm => "glm",
            Self::Harmony => "harmony",
            Self::Mistral => "mistral",
            Self::LlamaJson => "llama-json",
            Self::DeepSeek => "deepseek",
            Self::DeepSeekDsml => "deepseek-dsml",
            Self::MiniMax => "minimax",
            Self::Gemma => "gemma",
            Self::Lfm2 => "lfm2",
        }
    }

    /// The tokens of the format that tokenizers may call special: detokenizing has to keep them, because calls (where
    /// there are tools), reasoning and channels are found by them.
    pub fn marks(self, with_tools: bool) -> impl Iterator<Item = &'static str> {
        let calls: &[&str] = match self {
            Self::None => &[],
            Self::QwenXml | Self::HermesJson => &["<tool_call>", "</tool_call>"],
            Self::Glm => {
                &["<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"]
            }
            Self::Harmony => harmony::MARKS,
            Self::Mistral => &["[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"],
            Self::LlamaJson => &["<|python_tag|>"],
            Self::DeepSeek => deepseek::MARKS,
            Self::DeepSeekDsml => &["｜DSML｜"],
            Self::MiniMax => &["<minimax:tool_call>", "</minimax:tool_call>"],
            Self::Gemma => &["<|tool_call>", "<tool_call|>", "<|\"|>"],
            Self::Lfm2 => &["<|tool_call_start|>", "<|tool_call_end|>"],
        };
        let calls = if with_tools || self == Self::Harmony { calls } else { &[] };
        calls.iter().chain(self.think_tags().marks).copied()
    }

    /// The tags, of a format that writes arguments between tags.
    pub(super) fn tags(self) -> Option<&'static TagSet> {
        match self {
            Self::QwenXml | Self::HermesJson => Some(&qwen_xml::TAGS),
            Self::Glm => Some(&glm::TAGS),
            Self::DeepSeekDsml => Some(&dsml::TAGS),
            Self::MiniMax => Some(&minimax::TAGS),
            _ => None,
        }
    }

    /// How it writes calls whose arguments are one object. Models that use `<tool_call>` for tags put objects there,
    /// too.
    pub(super) fn dialect(self) -> Option<&'static Dialect> {
        match self {
            Self::QwenXml | Self::HermesJson | Self::Glm => Some(&hermes::DIALECT),
            Self::Mistral => Some(&mistral::DIALECT),
            Self::LlamaJson => Some(&llama::DIALECT),
            Self::DeepSeek => Some(&deepseek::DIALECT),
            Self::Gemma => Some(&gemma::DIALECT),
            Self::Lfm2 => Some(&lfm2::DIALECT),
            Self::None | Self::Harmony | Self::DeepSeekDsml | Self::MiniMax => None,
        }
    }

    /// The characters with which a call may begin.
    pub(super) fn first_characters(self) -> &'static [char] {
        match self {
            Self::Mistral => &['['],
            Self::LlamaJson => &['<', '{'],
            _ => &['<'],
        }
    }

    /// The tags around the reasoning of models that write calls so.
    pub(super) fn think_tags(self) -> &'static ThinkTags {
        match self {
            Self::Mistral => &thinking::MISTRAL,
            Self::Gemma => &thinking::GEMMA,
            _ => &thinking::USUAL,
        }
    }
}
