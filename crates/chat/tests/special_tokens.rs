//! Models write the marks of calls, reasoning and channels as special tokens, which detokenizing leaves out as a rule.
//! The marks of the model's own format have to come through, and nothing else.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::path::Path;

use serde_json::{Value, json};
use shorn_chat::conversation::{Conversation, Message, Role, Tool};
use shorn_chat::model::ChatModel;
use shorn_chat::output::{End, Reply, ToolFormat};

/// For each format what its template teaches, and a reply with a call of `read` for `a`.
const REPLIES: &[(ToolFormat, &str, &str)] = &[
    (
        ToolFormat::QwenXml,
        "<tool_call> <function= <parameter=",
        "Look.\n<tool_call>\n<function=read>\n<parameter=path>\na\n</parameter>\n</function>\n</tool_call>",
    ),
    (
        ToolFormat::HermesJson,
        "<tool_call> arguments",
        "Look.<tool_call>{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}</tool_call>",
    ),
    (
        ToolFormat::Glm,
        "<tool_call> <arg_key>",
        "Look.<tool_call>read<arg_key>path</arg_key><arg_value>a</arg_value></tool_call>",
    ),
    (
        ToolFormat::Harmony,
        "<|channel|> <|message|>",
        "<|channel|>final<|message|>Look.<|end|><|start|>assistant<|channel|>commentary to=functions.read \
         <|constrain|>json<|message|>{\"path\": \"a\"}<|call|>",
    ),
    (ToolFormat::Mistral, "[TOOL_CALLS]", "Look.[TOOL_CALLS]read[CALL_ID]123456789[ARGS]{\"path\": \"a\"}"),
    (
        ToolFormat::LlamaJson,
        "<|start_header_id|> \"parameters\"",
        "Look.<|python_tag|>{\"name\": \"read\", \"parameters\": {\"path\": \"a\"}}",
    ),
    (
        ToolFormat::DeepSeek,
        "<｜tool▁call▁begin｜>",
        "Look.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>read<｜tool▁sep｜>{\"path\": \"a\"}<｜tool▁call▁end｜>\
         <｜tool▁calls▁end｜>",
    ),
    (
        ToolFormat::DeepSeekDsml,
        "｜DSML｜",
        "Look.\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"read\">\n<｜DSML｜parameter name=\"path\" \
         string=\"true\">a</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>",
    ),
    (
        ToolFormat::MiniMax,
        "<minimax:tool_call>",
        "Look.\n<minimax:tool_call>\n<invoke name=\"read\">\n<parameter name=\"path\">a</parameter>\n</invoke>\n\
         </minimax:tool_call>",
    ),
    (ToolFormat::Gemma, "<|tool_call>", "Look.<|tool_call>call:read{path:<|\"|>a<|\"|>}<tool_call|>"),
    (ToolFormat::Lfm2, "<|tool_call_start|>", "Look.<|tool_call_start|>[read(path=\"a\")]<|tool_call_end|>"),
];

/// How tokenizers put tokens together: byte by byte, or with a decoder that looks at their neighbours.
fn decoders() -> [Value; 2] {
    [
        json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}),
        json!({"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "\u{120}"}, "content": " "},
            {"type": "Replace", "pattern": {"String": "\u{10a}"}, "content": "\n"},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
        ]}),
    ]
}

/// A model whose tokenizer has these special tokens.
fn model(template: &str, decoder: Value, special: &[&str]) -> ChatModel {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tokenizer.json");
    let mut tokenizer: Value = serde_json::from_str(&std::fs::read_to_string(fixture).unwrap()).unwrap();
    tokenizer["decoder"] = decoder;
    let added = tokenizer["added_tokens"].as_array_mut().unwrap();
    added.retain(|token| !special.contains(&token["content"].as_str().unwrap()));
    for (n, token) in special.iter().enumerate() {
        added.push(json!({
            "id": 2000 + n, "content": token, "special": true,
            "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        }));
    }
    std::fs::write(folder.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
    std::fs::write(folder.path().join("chat_template.jinja"), template).unwrap();
    ChatModel::from_folder(folder.path()).unwrap()
}

fn model_of(format: ToolFormat, taught: &str, decoder: Value) -> ChatModel {
    let special: Vec<&str> = format.marks(true).chain(["<|im_end|>"]).collect();
    model(&format!("{{{{ messages[0].content }}}}{{# {taught} #}}"), decoder, &special)
}

fn conversation(tools: bool) -> Conversation {
    let parameters = json!({"type": "object", "properties": {"path": {"type": "string"}}});
    let tool = json!({"type": "function", "function": {"name": "read", "parameters": parameters}});
    let tools = if tools { Tool::from_json(tool).into_iter().collect() } else { Vec::new() };
    Conversation { messages: vec![Message::text(Role::User, "Read.")], tools, ..Conversation::default() }
}

fn reply(model: &ChatModel, conversation: &Conversation, text: &str) -> Reply {
    let prompt = model.prompt(conversation).unwrap();
    let mut stream = model.output(&prompt, Vec::new());
    let mut reply = Reply::default();
    for id in model.tokenizer().encode(text).unwrap() {
        reply.extend(stream.push(id).unwrap());
    }
    reply.finish(stream.finish(End::Natural));
    reply
}

#[test]
fn calls_are_found_by_special_tokens() {
    for decoder in decoders() {
        for (format, taught, text) in REPLIES {
            let model = model_of(*format, taught, decoder.clone());
            assert_eq!(model.tool_format(), *format);
            assert!(format.marks(true).all(|mark| !text.contains(mark) || {
                let id = model.tokenizer().token_to_id(mark).unwrap();
                model.tokenizer().is_special(id) && model.tokenizer().encode(text).unwrap().contains(&id)
            }));
            let reply = reply(&model, &conversation(true), &format!("{text}<|im_end|>"));
            let [call] = &reply.tool_calls[..] else { panic!("{format}: {reply:?}") };
            let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
            assert_eq!((call.name.as_str(), arguments), ("read", json!({"path": "a"})), "{format}");
            assert_eq!(reply.content, "Look.", "{format}");
        }
    }
}

#[test]
fn every_format_is_tried() {
    let mut tried: Vec<ToolFormat> = REPLIES.iter().map(|(format, ..)| *format).collect();
    tried.push(ToolFormat::None);
    assert!(ToolFormat::ALL.into_iter().all(|format| tried.contains(&format)));
}

#[test]
fn reasoning_is_found_by_special_tokens() {
    let byte_level = || decoders()[0].clone();
    for (format, taught, text) in [
        (ToolFormat::Mistral, "[TOOL_CALLS] [THINK][/THINK]", "[THINK]Hm.[/THINK]Yes."),
        (ToolFormat::Gemma, "<|tool_call> <channel|>", "<|channel>thought\nHm.\n<channel|>Yes."),
        (ToolFormat::None, "<think></think>", "<think>\nHm.\n</think>\n\nYes."),
        (
            ToolFormat::Harmony,
            "<|channel|><|message|>",
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>",
        ),
    ] {
        let model = model_of(format, taught, byte_level());
        let reply = reply(&model, &conversation(false), &format!("{text}<|im_end|>"));
        assert_eq!((reply.reasoning.as_str(), reply.content.as_str()), ("Hm.", "Yes."), "{format}");
    }
}

#[test]
fn without_tools_the_marks_of_calls_are_left_out_as_before() {
    let [byte_level, _] = decoders();
    let model = model_of(ToolFormat::Gemma, "<|tool_call>", byte_level);
    assert_eq!(reply(&model, &conversation(false), "a<|tool_call>b<|im_end|>").content, "ab");
}

#[test]
fn the_vocabulary_tells_the_format_that_the_template_does_not_teach() {
    let [byte_level, _] = decoders();
    let special = ["<|tool_call_start|>", "<|tool_call_end|>"];
    let shows = model("{% for tool in tools %}{{ tool }}{% endfor %}", byte_level.clone(), &special);
    assert_eq!(shows.tool_format(), ToolFormat::Lfm2);
    let hides = model("{{ messages[0].content }}", byte_level, &special);
    assert_eq!(hides.tool_format(), ToolFormat::None);
}

#[test]
fn another_format_can_be_chosen() {
    let [byte_level, _] = decoders();
    let model = model("{{ messages[0].content }}", byte_level, &["<|tool_call>", "<tool_call|>", "<|\"|>"]);
    let model = model.with_tool_format("gemma".parse().unwrap());
    let reply = reply(&model, &conversation(true), "<|tool_call>call:read{path:<|\"|>a<|\"|>}<tool_call|>");
    assert_eq!(reply.tool_calls.len(), 1);
}
