//! A model that knows nothing, held to a grammar, writes what the parser reads and the schema allows.

use std::path::Path;

use serde_json::{Map, json};
use shorn_grammar::{Matcher, Vocabulary};

use super::*;
use crate::output::tests::written;
use crate::output::{End, OutputParser, Reply};
use crate::template::ChatTemplate;
use crate::tokenizer::Detokenizer;

/// Replies that one test draws for each thing that it looks at.
const WALKS: u64 = 4;

/// Tokens after which a reply is cut off.
const LONGEST: usize = 1500;

/// Tokens after which it takes what closes something wherever it can.
const LONG: usize = 200;

/// A tokenizer of a few hundred tokens, with a format's marks as tokens of their own or without them.
struct Model {
    tokenizer: Tokenizer,
    format: ToolFormat,
    reasoning: Reasoning,
    template: ChatTemplate,
    vocabulary: Vocabulary,
}

impl Model {
    fn new(format: ToolFormat, marks_are_tokens: bool) -> Self {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tokenizer.json");
        let mut json: Value = serde_json::from_slice(&std::fs::read(fixture).unwrap()).unwrap();
        let vocab = json["model"]["vocab"].as_object().unwrap().len();
        let marks: Vec<&str> = if marks_are_tokens { format.marks(true).collect() } else { Vec::new() };
        let mut added: Vec<Value> = json["added_tokens"].as_array().unwrap()[..3].to_vec();
        for (index, mark) in marks.into_iter().enumerate() {
            let mut token = added[0].clone();
            token["id"] = json!(vocab + 3 + index);
            token["content"] = json!(mark);
            added.push(token);
        }
        json["added_tokens"] = Value::from(added);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tokenizer.json"), json.to_string()).unwrap();
        let tokenizer = Tokenizer::from_folder(folder.path()).unwrap();
        let template = ChatTemplate::from_source("[TOOL_CALLS]name[ARGS]").unwrap();
        let end = tokenizer.token_to_id("<|im_end|>").unwrap();
        let size = tokenizer.vocab_size() as u32;
        let vocabulary = Vocabulary::new(tokenizer.tokens(size).unwrap(), &[end]).unwrap();
        Self { tokenizer, format, reasoning: Reasoning::None, template, vocabulary }
    }

    fn grammar(
        &self,
        tools: &[Tool],
        choice: &ToolChoice,
        form: &ReplyForm,
    ) -> Result<Option<String>, GrammarRefusal> {
        self.rules(tools, choice, true).grammar(form)
    }

    fn rules<'a>(&'a self, tools: &'a [Tool], choice: &'a ToolChoice, parallel: bool) -> Rules<'a> {
        let Self { tokenizer, format, reasoning, template, .. } = self;
        Rules {
            format: *format,
            template: template.source(),
            tokenizer,
            reasoning: *reasoning,
            tools,
            choice,
            parallel,
        }
    }

    fn end(&self) -> u32 {
        self.tokenizer.token_to_id("<|im_end|>").unwrap()
    }

    fn matcher(&self, grammar: &str) -> Matcher {
        self.vocabulary.matcher(grammar).unwrap_or_else(|error| panic!("{error}:\n{grammar}"))
    }

    /// What random choices write; `None` if they come to no end.
    fn walk(&self, grammar: &str, random: &mut Random) -> Option<String> {
        let mut matcher = self.matcher(grammar);
        let mut detokenizer = Detokenizer::new(&self.tokenizer).keeping_tokens(self.format.marks(true));
        let mut text = String::new();
        for step in 0..LONGEST {
            if matcher.is_over() {
                return Some(text + detokenizer.finish());
            }
            let allowed = allowed(matcher.allowed().unwrap());
            let closes = |id: &&u32| {
                **id == self.end()
                    || self
                        .tokenizer
                        .id_to_token(**id)
                        .is_some_and(|token| token.contains(['"', '}', ']', ')', '<', '>']))
            };
            let closing: Vec<u32> = allowed.iter().filter(closes).copied().collect();
            let ends = random.below(3) == 0 || step > LONG;
            let from = match closing.is_empty() {
                _ if ends && allowed.contains(&self.end()) => &vec![self.end()],
                false if ends => &closing,
                _ => &allowed,
            };
            let token = from[random.below(from.len())];
            if token == self.end() {
                return Some(text + detokenizer.finish());
            }
            text.push_str(detokenizer.push(token).unwrap());
            matcher.accept(token).unwrap();
        }
        None
    }

    /// Whether this text follows the grammar to an end.
    fn follows(&self, grammar: &str, text: &str) -> Result<(), String> {
        let mut matcher = self.matcher(grammar);
        let mut so_far = String::new();
        for token in self.tokenizer.encode(text).unwrap() {
            if matcher.is_over() || !allowed(matcher.allowed().unwrap()).contains(&token) {
                return Err(format!(
                    "{so_far:?} cannot go on with {:?}",
                    self.tokenizer.decode(&[token], false)
                ));
            }
            matcher.accept(token).unwrap();
            so_far.push_str(&self.tokenizer.decode(&[token], false));
        }
        match matcher.is_over() || allowed(matcher.allowed().unwrap()).contains(&self.end()) {
            true => Ok(()),
            false => Err(format!("{so_far:?} cannot end")),
        }
    }

    fn reply(&self, tools: &[Tool], text: &str) -> Reply {
        let mut parser = OutputParser::new(self.format, self.reasoning, tools);
        let mut reply = Reply::default();
        reply.extend(parser.push(text));
        reply.finish(parser.finish(End::Natural));
        reply
    }
}

fn allowed(mask: &[u32]) -> Vec<u32> {
    (0..mask.len() as u32 * 32).filter(|id| mask[*id as usize / 32] >> (id % 32) & 1 == 1).collect()
}

/// Numbers without a pattern, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // Knuth's multiplier and increment (MMIX); the high bits are the good ones.
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % limit
    }

    /// A schema that every part of is satisfiable.
    fn schema(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 7 } else { 11 }) {
            0 => json!({"type": "string", "maxLength": 12}),
            1 => json!({"type": "integer", "minimum": self.below(5), "maximum": 5 + self.below(1000)}),
            2 => json!({"type": "number", "minimum": -5, "maximum": 1000}),
            3 => json!({"type": "boolean"}),
            4 => json!({"type": ["string", "null"], "maxLength": 12}),
            5 => json!({"enum": ["red", "green it is", 5, null]}),
            6 => json!({"type": "string", "minLength": self.below(3), "maxLength": 3 + self.below(9)}),
            7 => json!({"type": "array", "items": self.schema(depth - 1), "maxItems": 4}),
            8 => json!({"anyOf": [self.schema(depth - 1), {"type": "null"}]}),
            _ => self.object(depth - 1),
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        let names = ["path", "text", "count", "is_new", "items", "Größe"];
        let names = &names[..1 + self.below(names.len())];
        let properties: Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), self.schema(depth))).collect();
        let required: Vec<&&str> = names.iter().filter(|_| self.below(3) > 0).collect();
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    }
}

fn tool(name: &str, parameters: &Value, strict: bool) -> Tool {
    let function = json!({"name": name, "parameters": parameters, "strict": strict});
    Tool::from_json(json!({"type": "function", "function": function})).unwrap()
}

/// Tools whose arguments have every type.
fn tools() -> Vec<Tool> {
    let edit = json!({"type": "object", "properties": {
        "path": {"type": "string", "maxLength": 20},
        "line": {"type": "integer", "minimum": 1},
        "share": {"type": "number", "minimum": 0, "maximum": 1},
        "force": {"type": "boolean"},
        "mode": {"type": "string", "enum": ["insert", "replace all"]},
        "note": {"type": ["string", "null"], "maxLength": 20},
        "tags": {"type": "array", "items": {"type": "string"}},
        "where": {"$ref": "#/$defs/place"},
    }, "required": ["path", "mode", "where"], "additionalProperties": false,
    "$defs": {"place": {"type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}},
        "required": ["x"], "additionalProperties": false}}});
    let nothing = json!({"type": "object", "properties": {}, "additionalProperties": false});
    let read = json!({"type": "object", "properties": {"path": {"type": "string", "maxLength": 9}, "limit": {"type": "integer"}},
        "required": ["path"]});
    vec![tool("edit", &edit, false), tool("now", &nothing, false), tool("read", &read, false)]
}

fn models() -> impl Iterator<Item = Model> {
    written::formats().flat_map(|format| [true, false].map(|tokens| Model::new(format, tokens)))
}

fn named(model: &Model) -> String {
    format!("{} (tokens: {})", model.format, model.tokenizer.vocab_size())
}

/// Every call is of a tool and has arguments that its schema allows.
fn check_calls(model: &Model, tools: &[Tool], text: &str) -> Reply {
    let reply = model.reply(tools, text);
    for call in &reply.tool_calls {
        let tool = tools.iter().find(|tool| tool.name == call.name);
        let tool = tool.unwrap_or_else(|| panic!("{}: {} is no tool: {text}", named(model), call.name));
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
        let validator = jsonschema::validator_for(&tool.parameters).unwrap();
        if let Err(error) = validator.validate(&arguments) {
            panic!("{}: {error}\nin {arguments}\nof {text}", named(model));
        }
    }
    reply
}

#[test]
fn a_call_that_is_required_is_one_that_the_parser_reads_in_every_format() {
    let tools = tools();
    for model in models() {
        let grammar = model.grammar(&tools, &ToolChoice::Required, &ReplyForm::Free).unwrap().unwrap();
        let mut ended = 0;
        for seed in 0..WALKS {
            let Some(text) = model.walk(&grammar, &mut Random(seed)) else { continue };
            ended += 1;
            let reply = check_calls(&model, &tools, &text);
            assert!(!reply.tool_calls.is_empty(), "{}: {text}", named(&model));
            assert_eq!(reply.content, "", "{}: {text}", named(&model));
        }
        // Random letters do not spell the end of free text; where marks are tokens they find it.
        let endless = model.format == ToolFormat::Harmony && model.tokenizer.mark("<|end|>").is_none();
        assert!(ended > WALKS / 2 || endless, "{}: {ended} ended", named(&model));
    }
}

#[test]
fn a_named_tool_is_called_once() {
    let tools = tools();
    for model in models() {
        let choice = ToolChoice::Named("edit".to_owned());
        let grammar = model.grammar(&tools, &choice, &ReplyForm::Free).unwrap().unwrap();
        for seed in 0..WALKS {
            let Some(text) = model.walk(&grammar, &mut Random(seed)) else { continue };
            let reply = check_calls(&model, &tools, &text);
            let names: Vec<&str> = reply.tool_calls.iter().map(|call| call.name.as_str()).collect();
            assert_eq!(names, ["edit"], "{}: {text}", named(&model));
        }
    }
}

#[test]
fn what_models_write_by_themselves_follows_the_grammar() {
    let arguments = json!({"path": "src/main.rs", "line": 5, "share": 0.5, "force": true, "mode": "replace all",
        "note": "a\nb \"c\" {}", "tags": ["x", "y z"], "where": {"x": 1, "y": -2}});
    let tools = tools();
    for model in models() {
        let grammar = model.grammar(&tools, &ToolChoice::Required, &ReplyForm::Free).unwrap().unwrap();
        let mut text = written::call(model.format, "edit", arguments.clone());
        if model.format == ToolFormat::Lfm2 {
            // Python's quotes are free; grammars have JSON's.
            text = text.replace('\'', "\"").replace("a\\nb \"c\" {}", "a\\nb {}");
        }
        model.follows(&grammar, &text).unwrap_or_else(|why| panic!("{}: {why}", named(&model)));
    }
}

#[test]
fn without_parallel_calls_there_is_one() {
    let tools = tools();
    let model = Model::new(ToolFormat::HermesJson, true);
    let two = [("now", json!({})), ("now", json!({}))]
        .map(|(name, arguments)| written::call(ToolFormat::HermesJson, name, arguments))
        .join("\n");
    let grammar = |parallel| model.rules(&tools, &ToolChoice::Required, parallel).grammar(&ReplyForm::Free);
    model.follows(&grammar(true).unwrap().unwrap(), &two).unwrap();
    model.follows(&grammar(false).unwrap().unwrap(), &two).unwrap_err();
}

#[test]
fn reasoning_before_a_call_is_free() {
    let tools = tools();
    for format in written::formats().filter(|format| *format != ToolFormat::Harmony) {
        for tokens in [true, false] {
            let tags = format.think_tags();
            let call = written::call(format, "now", json!({}));
            for (reasoning, open) in
                [(Reasoning::MayBegin, tags.open), (Reasoning::Begun { newline: true }, "")]
            {
                let model = Model { reasoning, ..Model::new(format, tokens) };
                let grammar =
                    model.grammar(&tools, &ToolChoice::Required, &ReplyForm::Free).unwrap().unwrap();
                let text = format!("{open}\nI do \"so\" {{}}.\n{}{call}", tags.close);
                model.follows(&grammar, &text).unwrap_or_else(|why| panic!("{}: {why}", named(&model)));
                assert_eq!(model.reply(&tools, &text).tool_calls.len(), 1, "{}", named(&model));
            }
            let model = Model { reasoning: Reasoning::MayBegin, ..Model::new(format, tokens) };
            let grammar = model.grammar(&tools, &ToolChoice::Required, &ReplyForm::Free).unwrap().unwrap();
            model.follows(&grammar, &call).unwrap_or_else(|why| panic!("{}: {why}", named(&model)));
        }
    }
}

#[test]
fn the_channels_of_gpt_oss_come_before_a_call() {
    let tools = tools();
    let model = Model::new(ToolFormat::Harmony, true);
    let grammar = model.grammar(&tools, &ToolChoice::Required, &ReplyForm::Free).unwrap().unwrap();
    let call = written::call(ToolFormat::Harmony, "now", json!({}));
    let text = format!("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant{call}");
    model.follows(&grammar, &text).unwrap();
}

#[test]
fn a_strict_tool_is_called_rightly_or_not_at_all() {
    let schema = json!({"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"],
        "additionalProperties": false});
    let tools = [tool("take", &schema, true)];
    for model in models() {
        let grammar = model.grammar(&tools, &ToolChoice::Auto, &ReplyForm::Free).unwrap().unwrap();
        let follows = |arguments: Value, before: &str| {
            let text = format!("{before}{}", written::call(model.format, "take", arguments));
            model.follows(&grammar, &text)
        };
        let before = match model.format {
            ToolFormat::LlamaJson | ToolFormat::Harmony => "",
            _ => "Let me see.\n\n",
        };
        follows(json!({"count": 5}), before).unwrap_or_else(|why| panic!("{}: {why}", named(&model)));
        follows(json!({"count": "five"}), before).expect_err(&named(&model));
        if model.format != ToolFormat::Harmony {
            model
                .follows(&grammar, "No call at all: {}.")
                .unwrap_or_else(|why| panic!("{}: {why}", named(&model)));
        }
    }
}

#[test]
fn only_allowed_tools_are_called() {
    let tools = tools();
    let model = Model::new(ToolFormat::QwenXml, true);
    let choice = ToolChoice::Allowed { names: vec!["now".to_owned()], required: false };
    let grammar = model.grammar(&tools, &choice, &ReplyForm::Free).unwrap().unwrap();
    let call = |name, arguments| written::call(ToolFormat::QwenXml, name, arguments);
    model.follows(&grammar, &call("now", json!({}))).unwrap();
    model.follows(&grammar, "Nothing to call.").unwrap();
    model.follows(&grammar, &call("read", json!({"path": "a"}))).unwrap_err();
}

#[test]
fn a_reply_in_json_follows_its_schema() {
    let model = Model::new(ToolFormat::QwenXml, true);
    let (mut ended, count) = (0, 120);
    for seed in 0..count {
        let mut random = Random(seed);
        let schema = random.object(3);
        let form = ReplyForm::Json(schema.clone());
        let grammar = model.grammar(&[], &ToolChoice::Auto, &form);
        let grammar = grammar.unwrap_or_else(|refusal| panic!("{refusal} of {schema}")).unwrap();
        let Some(text) = model.walk(&grammar, &mut random) else { continue };
        ended += 1;
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        if let Err(error) = jsonschema::validator_for(&schema).unwrap().validate(&value) {
            panic!("{error}\nin {text}\nof {schema}");
        }
    }
    assert!(ended > count / 2, "{ended}");
}

#[test]
fn the_arguments_of_strict_tools_follow_any_schema_in_every_format() {
    for model in models() {
        for seed in 0..WALKS * 2 {
            let mut random = Random(seed);
            let tools = [tool("act", &random.object(2), true)];
            let grammar = match model.grammar(&tools, &ToolChoice::Required, &ReplyForm::Free) {
                Ok(grammar) => grammar.unwrap(),
                // What a form of calls cannot guarantee is refused, and only that.
                Err(refusal) => {
                    let why = &refusal.why;
                    let known = why.contains("cannot be guaranteed") || why.contains("cannot be a name");
                    assert!(known, "{}: {refusal:?}", named(&model));
                    continue;
                }
            };
            if let Some(text) = model.walk(&grammar, &mut random) {
                let reply = check_calls(&model, &tools, &text);
                assert!(!reply.tool_calls.is_empty(), "{}: {text}", named(&model));
            }
        }
    }
}

#[test]
fn a_reply_is_free_unless_something_holds_it() {
    let model = Model::new(ToolFormat::QwenXml, true);
    assert_eq!(model.grammar(&tools(), &ToolChoice::Auto, &ReplyForm::Free), Ok(None));
    assert_eq!(model.grammar(&tools(), &ToolChoice::None, &ReplyForm::Free), Ok(None));
}

#[test]
fn what_cannot_be_guaranteed_names_its_part() {
    let model = Model::new(ToolFormat::QwenXml, true);
    let refusal = |tools: &[Tool], choice: ToolChoice, form: ReplyForm| {
        model.grammar(tools, &choice, &form).unwrap_err()
    };
    let form = json!({"type": "object", "properties": {"tags": {"type": "array", "uniqueItems": true}}});
    let of_reply = refusal(&[], ToolChoice::Auto, ReplyForm::Json(form));
    assert_eq!((of_reply.subject, of_reply.part.as_str()), (Subject::Reply, "properties.tags"));

    let pattern = json!({"type": "object", "properties": {"id": {"type": "string", "pattern": "^a+$"}}});
    let of_tool = refusal(&[tool("take", &pattern, true)], ToolChoice::Required, ReplyForm::Free);
    assert_eq!(of_tool.subject, Subject::Tool("take".to_owned()));
    assert_eq!(of_tool.part, "properties.id.pattern");

    for choice in [ToolChoice::Named("gone".to_owned()), ToolChoice::Required] {
        assert_eq!(refusal(&[], choice, ReplyForm::Free).subject, Subject::ToolChoice);
    }
}
