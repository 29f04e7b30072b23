//! Prints how many milliseconds the output parser takes for one, two and four megabytes, for each format and for texts made
//! to be hard for it, as JSON. What is linear takes twice as long for twice the text.
//!
//! ```text
//! cargo run --release -p shorn-chat --example parse_speed
//! ```

use std::time::Instant;

use serde_json::{Map, json};
use shorn_chat::conversation::Tool;
use shorn_chat::output::{End, OutputParser, Reasoning, ToolFormat};

const MEGABYTE: usize = 1_000_000;

/// What may open a call in each format, to be repeated, and a call that is left open in a string.
const TEXTS: &[(ToolFormat, &str, &str)] = &[
    (
        ToolFormat::QwenXml,
        "<tool_call>\n<function=write>\n",
        "<tool_call>\n<function=write>\n<parameter=content>\n",
    ),
    (
        ToolFormat::HermesJson,
        "<tool_call>{\"name\": ",
        "<tool_call>{\"name\": \"write\", \"arguments\": {\"content\": \"",
    ),
    (ToolFormat::Glm, "<tool_call>write", "<tool_call>write<arg_key>content</arg_key><arg_value>"),
    (
        ToolFormat::Harmony,
        "<|start|>assistant<|channel|>",
        "<|channel|>commentary to=write<|message|>{\"content\": \"",
    ),
    (ToolFormat::Mistral, "[TOOL_CALLS]write[ARGS]\"", "[TOOL_CALLS]write[ARGS]{\"content\": \""),
    (
        ToolFormat::LlamaJson,
        "<|python_tag|>{\"name\": ",
        "{\"name\": \"write\", \"parameters\": {\"content\": \"",
    ),
    (
        ToolFormat::DeepSeek,
        "<｜tool▁call▁begin｜>write<｜tool▁sep｜>\"",
        "<｜tool▁call▁begin｜>write<｜tool▁sep｜>{\"content\": \"",
    ),
    (
        ToolFormat::DeepSeekDsml,
        "<｜DSML｜function_calls><｜DSML｜invoke name=\"write",
        "<｜DSML｜function_calls><｜DSML｜invoke name=\"write\"><｜DSML｜parameter name=\"content\" string=\"true\">",
    ),
    (
        ToolFormat::MiniMax,
        "<minimax:tool_call><invoke name=\"write",
        "<minimax:tool_call><invoke name=\"write\"><parameter name=\"content\">",
    ),
    (ToolFormat::Gemma, "<|tool_call>call:write\"", "<|tool_call>call:write{content:<|\"|>"),
    (ToolFormat::Lfm2, "<|tool_call_start|>[write(content", "<|tool_call_start|>[write(content=\""),
];

/// Megabytes of the texts.
const SIZES: [usize; 3] = [1, 2, 4];

/// Each time is the shortest of so many.
const ROUNDS: usize = 3;

fn main() {
    let mut formats = Map::new();
    for (format, opener, begun) in TEXTS {
        let close = match format {
            ToolFormat::Glm => "</arg_value></tool_call>x",
            ToolFormat::DeepSeekDsml => "</｜DSML｜parameter></｜DSML｜invoke>x",
            ToolFormat::MiniMax => "</parameter></invoke>x",
            ToolFormat::QwenXml => "</parameter></function>x",
            _ => "\"}x",
        };
        let cases = [
            ("text", "", "A line of text, as models write it.\n"),
            ("a long string", begun, "let x = [1, 2]; // {a}\\n"),
            ("white space in a string", begun, " "),
            ("quotes in a string", begun, "\"\" "),
            ("brackets in a string", begun, "}"),
            ("ends of calls in a string", begun, close),
            ("openers", "", opener),
            ("openers in a string", begun, opener),
            ("calls begun", "", begun),
            ("deep nesting", begun.trim_end_matches("<|\"|>").trim_end_matches('"'), "["),
            ("'<' and '['", "", "<["),
        ];
        let times = cases.map(|(name, begin, unit)| {
            let times = SIZES.map(|size| {
                let text = format!("{begin}{}", unit.repeat(size * MEGABYTE / unit.len()));
                (0..ROUNDS).map(|_| time(*format, &text)).fold(f64::INFINITY, f64::min)
            });
            let of = |index: usize| (times[index] * 10.0).round() / 10.0;
            (name.to_owned(), json!({ "1 MB": of(0), "2 MB": of(1), "4 MB": of(2) }))
        });
        formats.insert(format.name().to_owned(), Map::from_iter(times).into());
    }
    println!("{}", json!({ "milliseconds": formats }));
}

/// Milliseconds for a text that comes in pieces of a few characters, as tokens do.
fn time(format: ToolFormat, text: &str) -> f64 {
    let parameters = json!({"type": "object", "properties": {"content": {"type": "string"}}});
    let tool = json!({"type": "function", "function": {"name": "write", "parameters": parameters}});
    let tools: Vec<Tool> = Tool::from_json(tool).into_iter().collect();
    let start = Instant::now();
    let mut parser = OutputParser::new(format, Reasoning::None, &tools);
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(rest.ceil_char_boundary(4.min(rest.len())));
        std::hint::black_box(parser.push(piece));
        rest = tail;
    }
    std::hint::black_box(parser.finish(End::Natural));
    start.elapsed().as_secs_f64() * 1000.0
}
