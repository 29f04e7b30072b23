//! Replies as models of each format write them.

use serde_json::Value;

use crate::output::ToolFormat;

/// A part of a reply.
#[derive(Clone, Debug)]
pub enum Written {
    Text(String),
    Call(&'static str, Value),
}

/// The formats in which calls are written.
pub fn formats() -> impl Iterator<Item = ToolFormat> {
    ToolFormat::ALL.into_iter().filter(|format| *format != ToolFormat::None)
}

/// One call.
pub fn call(format: ToolFormat, name: &'static str, arguments: Value) -> String {
    reply(format, &[Written::Call(name, arguments)])
}

/// A whole reply.
pub fn reply(format: ToolFormat, parts: &[Written]) -> String {
    let mut text = String::new();
    for (n, part) in parts.iter().enumerate() {
        let message = match part {
            Written::Text(text) => text.clone(),
            Written::Call(name, arguments) => one_call(format, name, arguments),
        };
        match (format, part) {
            (ToolFormat::Harmony, Written::Text(_)) => {
                text.push_str(if n > 0 { "<|start|>assistant" } else { "" });
                text.push_str(&format!("<|channel|>final<|message|>{message}<|end|>"));
            }
            (ToolFormat::Harmony, _) if n > 0 => text.push_str(&format!("<|start|>assistant{message}")),
            (ToolFormat::LlamaJson, Written::Call(..)) if n > 0 => {
                text.push_str(&format!("<|python_tag|>{message}"));
            }
            _ => text.push_str(&message),
        }
    }
    text
}

fn one_call(format: ToolFormat, name: &str, arguments: &Value) -> String {
    let json = arguments.to_string();
    match format {
        ToolFormat::None => panic!("no calls in this format"),
        ToolFormat::QwenXml => {
            let arguments: Vec<(&str, String)> =
                fields(arguments).map(|(key, value)| (key, bare(value))).collect();
            let arguments: Vec<(&str, &str)> =
                arguments.iter().map(|(key, value)| (*key, value.as_str())).collect();
            xml_call(name, &arguments)
        }
        ToolFormat::HermesJson => {
            format!("<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {json}}}\n</tool_call>")
        }
        ToolFormat::Glm => {
            let field =
                |(key, value)| format!("<arg_key>{key}</arg_key>\n<arg_value>{}</arg_value>\n", bare(value));
            format!("<tool_call>{name}\n{}</tool_call>", fields(arguments).map(field).collect::<String>())
        }
        ToolFormat::Harmony => {
            format!("<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>{json}<|call|>")
        }
        ToolFormat::Mistral => format!("[TOOL_CALLS]{name}[ARGS]{json}"),
        ToolFormat::LlamaJson => format!("{{\"name\": \"{name}\", \"parameters\": {json}}}"),
        ToolFormat::DeepSeek => format!(
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>{name}<｜tool▁sep｜>{json}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
        ),
        ToolFormat::DeepSeekDsml => {
            let field = |(key, value): (&str, &Value)| {
                let (string, value) = (value.is_string(), bare(value));
                format!("<｜DSML｜parameter name=\"{key}\" string=\"{string}\">{value}</｜DSML｜parameter>\n")
            };
            let fields: String = fields(arguments).map(field).collect();
            let invoke = format!("<｜DSML｜invoke name=\"{name}\">\n{fields}</｜DSML｜invoke>");
            format!("<｜DSML｜function_calls>\n{invoke}\n</｜DSML｜function_calls>")
        }
        ToolFormat::MiniMax => {
            let field = |(key, value)| format!("<parameter name=\"{key}\">{}</parameter>\n", bare(value));
            let fields: String = fields(arguments).map(field).collect();
            format!("<minimax:tool_call>\n<invoke name=\"{name}\">\n{fields}</invoke>\n</minimax:tool_call>")
        }
        ToolFormat::Gemma => format!("<|tool_call>call:{name}{}<tool_call|>", gemma(arguments)),
        ToolFormat::Lfm2 => {
            let fields: Vec<String> =
                fields(arguments).map(|(key, value)| format!("{key}={}", python(value))).collect();
            format!("<|tool_call_start|>[{name}({})]<|tool_call_end|>", fields.join(", "))
        }
    }
}

fn fields(arguments: &Value) -> impl Iterator<Item = (&str, &Value)> {
    arguments.as_object().unwrap().iter().map(|(key, value)| (key.as_str(), value))
}

/// A value between tags.
fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn gemma(value: &Value) -> String {
    match value {
        Value::String(text) => format!("<|\"|>{text}<|\"|>"),
        Value::Array(items) => format!("[{}]", items.iter().map(gemma).collect::<Vec<_>>().join(",")),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| format!("{key}:{}", gemma(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
        }
        Value::Null => "None".to_owned(),
        value => value.to_string(),
    }
}

fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(python).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| format!("{:?}: {}", key, python(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => {
            let escaped = text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n");
            format!("'{escaped}'")
        }
        Value::Number(number) => number.to_string(),
    }
}

/// A call as the Qwen3-Coder template writes it.
pub(super) fn xml_call(name: &str, arguments: &[(&str, &str)]) -> String {
    let parameter = |(key, value): &(&str, &str)| format!("<parameter={key}>\n{value}\n</parameter>\n");
    let parameters: String = arguments.iter().map(parameter).collect();
    format!("<tool_call>\n<function={name}>\n{parameters}</function>\n</tool_call>")
}
