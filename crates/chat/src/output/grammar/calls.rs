//! Tool calls as each format writes them.

use serde_json::Value;

use super::lark::Lark;
use super::notation::Notation;
use super::tagged::Fields;
use super::{GrammarRefusal, Written, arguments};
use crate::conversation::Tool;
use crate::output::ToolFormat;

/// What stands around and between the calls of a reply.
#[derive(Default)]
struct Frame {
    open: &'static str,
    between: &'static str,
    close: &'static str,
}

/// What stands around the arguments of a call, and how they are written.
struct Call {
    head: String,
    tail: &'static str,
    arguments: Arguments,
}

enum Arguments {
    Json,
    Tagged(Fields),
    Notation(Notation),
}

/// The calls of a reply: one, or as many as the model likes.
pub(super) struct Calls<'a> {
    pub(super) format: ToolFormat,
    /// The chat template, which shows what a format with several forms looks like here.
    pub(super) template: &'a str,
    pub(super) tools: Vec<&'a Tool>,
    pub(super) many: bool,
}

impl Calls<'_> {
    /// With what the first call begins, whatever the tool: the mark by which a reply turns from text to calls.
    pub(super) fn trigger(&self) -> &'static str {
        match self.format {
            ToolFormat::None | ToolFormat::LlamaJson => "{",
            ToolFormat::QwenXml | ToolFormat::HermesJson | ToolFormat::Glm => "<tool_call>",
            ToolFormat::Harmony => "<|channel|>commentary to=",
            ToolFormat::Mistral => "[TOOL_CALLS]",
            ToolFormat::DeepSeek => "<｜tool▁calls▁begin｜>",
            ToolFormat::DeepSeekDsml => "<｜DSML｜function_calls>",
            ToolFormat::MiniMax => "<minimax:tool_call>",
            ToolFormat::Gemma => "<|tool_call>",
            ToolFormat::Lfm2 => "<|tool_call_start|>",
        }
    }

    /// The calls, without the first `skipped` bytes of the first, which have been written.
    pub(super) fn write(&self, lark: &mut Lark, skipped: usize) -> Result<String, GrammarRefusal> {
        let frame = self.frame();
        let (mut first, mut more) = (Vec::new(), Vec::new());
        for tool in &self.tools {
            let Call { head, tail, arguments } = self.call(&tool.name);
            let written = arguments::written(tool);
            let body = match arguments {
                Arguments::Json => written.json(lark)?,
                Arguments::Tagged(fields) => fields.write(&written, lark)?,
                Arguments::Notation(notation) => notation.arguments(&written, lark)?,
            };
            let body = lark.rule(&format!("{body} {}", lark.literal(tail)));
            let opened = format!("{}{head}", frame.open);
            first.push(format!("{} {body}", lark.literal(&opened[skipped..])));
            more.push(format!("{} {body}", lark.literal(&head)));
        }
        let first = lark.rule(&first.join(" | "));
        let more = match self.many && self.format != ToolFormat::Harmony {
            true => {
                let more = lark.rule(&more.join(" | "));
                format!("({} {more})*", lark.literal(frame.between))
            }
            false => String::new(),
        };
        Ok(lark.rule(&format!("{first} {more} {}", lark.literal(frame.close))))
    }

    fn frame(&self) -> Frame {
        let between = |between| Frame { between, ..Frame::default() };
        match self.format {
            ToolFormat::QwenXml | ToolFormat::HermesJson | ToolFormat::Glm => between("\n"),
            ToolFormat::LlamaJson => between("; "),
            ToolFormat::Mistral if self.mistral_lists() => {
                Frame { open: "[TOOL_CALLS][", between: ", ", close: "]" }
            }
            ToolFormat::DeepSeek => {
                Frame {
                    open: "<｜tool▁calls▁begin｜>", close: "<｜tool▁calls▁end｜>", ..Frame::default()
                }
            }
            ToolFormat::DeepSeekDsml => Frame {
                open: "<｜DSML｜function_calls>\n",
                close: "</｜DSML｜function_calls>",
                ..Frame::default()
            },
            ToolFormat::MiniMax => {
                Frame { open: "<minimax:tool_call>\n", close: "</minimax:tool_call>", ..Frame::default() }
            }
            ToolFormat::Lfm2 => {
                Frame { open: "<|tool_call_start|>[", between: ", ", close: "]<|tool_call_end|>" }
            }
            ToolFormat::None | ToolFormat::Harmony | ToolFormat::Mistral | ToolFormat::Gemma => {
                Frame::default()
            }
        }
    }

    fn call(&self, name: &str) -> Call {
        let json = |head, tail| Call { head, tail, arguments: Arguments::Json };
        let tagged = |head, tail, fields| Call { head, tail, arguments: Arguments::Tagged(fields) };
        let object = |field: &str| format!("{{\"name\": {}, \"{field}\": ", Value::from(name));
        match self.format {
            ToolFormat::QwenXml => {
                tagged(format!("<tool_call>\n<function={name}>\n"), "</function>\n</tool_call>", Fields::QWEN)
            }
            ToolFormat::HermesJson => {
                json(format!("<tool_call>\n{}", object("arguments")), "}\n</tool_call>")
            }
            ToolFormat::Glm => tagged(format!("<tool_call>{name}\n"), "</tool_call>", Fields::GLM),
            ToolFormat::Harmony => json(
                format!("<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>"),
                "<|call|>",
            ),
            ToolFormat::Mistral if self.mistral_lists() => json(object("arguments"), "}"),
            ToolFormat::Mistral => json(format!("[TOOL_CALLS]{name}[ARGS]"), ""),
            ToolFormat::None | ToolFormat::LlamaJson => json(object("parameters"), "}"),
            ToolFormat::DeepSeek if self.template.contains("```json") => json(
                format!("<｜tool▁call▁begin｜>function<｜tool▁sep｜>{name}\n```json\n"),
                "\n```<｜tool▁call▁end｜>",
            ),
            ToolFormat::DeepSeek => {
                json(format!("<｜tool▁call▁begin｜>{name}<｜tool▁sep｜>"), "<｜tool▁call▁end｜>")
            }
            ToolFormat::DeepSeekDsml => {
                tagged(format!("<｜DSML｜invoke name=\"{name}\">\n"), "</｜DSML｜invoke>\n", Fields::DSML)
            }
            ToolFormat::MiniMax => {
                tagged(format!("<invoke name=\"{name}\">\n"), "</invoke>\n", Fields::MINIMAX)
            }
            ToolFormat::Gemma => Call {
                head: format!("<|tool_call>call:{name}"),
                tail: "<tool_call|>",
                arguments: Arguments::Notation(Notation::GEMMA),
            },
            ToolFormat::Lfm2 => {
                Call { head: name.to_owned(), tail: "", arguments: Arguments::Notation(Notation::PYTHON) }
            }
        }
    }

    /// Whether this model of Mistral's writes a list of objects, as the older ones do.
    fn mistral_lists(&self) -> bool {
        !self.template.contains("[ARGS]")
    }
}

impl Written<'_> {
    /// The arguments as one JSON object.
    fn json(&self, lark: &mut Lark) -> Result<String, GrammarRefusal> {
        let json = self.inline(&self.schema, "")?;
        Ok(lark.rule(&json))
    }
}
