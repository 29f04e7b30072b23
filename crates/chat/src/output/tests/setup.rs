//! Parsing a text in pieces, with what must hold for every text. The fuzz target (`crates/chat/fuzz`) includes this file.

use serde_json::{Value, json};

use crate::conversation::Tool;
use crate::output::{
    Delta, End, Finished, OutputParser, Part, Reasoning, Reply, ReplyToolCall, Span, ToolFormat,
};

/// What came of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    /// Adjacent deltas of one kind joined.
    pub deltas: Vec<Delta>,
    pub reply: Reply,
    pub unfinished_call: Option<String>,
}

impl Outcome {
    pub fn content(&self) -> &str {
        &self.reply.content
    }

    /// Names and arguments of the calls that ended.
    pub fn calls(&self) -> Vec<(&str, Value)> {
        let call = |call: &'_ ReplyToolCall| serde_json::from_str(&call.arguments).unwrap();
        self.reply.tool_calls.iter().map(|c| (c.name.as_str(), call(c))).collect()
    }

    /// The arguments of the only call, as they were written.
    pub fn arguments(&self) -> &str {
        let [call] = &self.reply.tool_calls[..] else { panic!("expected one call: {:?}", self.deltas) };
        &call.arguments
    }

    /// One argument of the only call, which has to be a string.
    pub fn argument(&self, name: &str) -> String {
        let arguments: Value = serde_json::from_str(self.arguments()).unwrap();
        arguments[name].as_str().unwrap_or_else(|| panic!("no string {name} in {arguments}")).to_owned()
    }
}

pub(super) fn tool(name: &str, properties: Value) -> Tool {
    let parameters = json!({"type": "object", "properties": properties});
    Tool::from_json(json!({"type": "function", "function": {"name": name, "parameters": parameters}}))
        .unwrap()
}

/// The tools of a coding agent.
pub(super) fn tools() -> Vec<Tool> {
    let string = || json!({"type": "string"});
    vec![
        tool("read", json!({"path": string(), "offset": {"type": "number"}})),
        tool("bash", json!({"command": string(), "timeout": {"type": "number"}})),
        tool("write", json!({"path": string(), "content": string()})),
        tool("edit", json!({"path": string(), "edits": {"type": "array", "items": {"type": "object"}}})),
        tool("now", json!({})),
    ]
}

/// A parser set-up for a test.
pub(super) struct Setup {
    pub format: ToolFormat,
    pub reasoning: Reasoning,
    pub tools: Vec<Tool>,
    pub end: End,
}

pub(super) fn of(format: ToolFormat) -> Setup {
    Setup { format, reasoning: Reasoning::None, tools: tools(), end: End::Natural }
}

pub(super) fn qwen() -> Setup {
    of(ToolFormat::QwenXml)
}

pub(super) fn hermes() -> Setup {
    of(ToolFormat::HermesJson)
}

impl Setup {
    pub fn without_tools(self) -> Self {
        Self { tools: Vec::new(), ..self }
    }

    pub fn reasoning(self, reasoning: Reasoning) -> Self {
        Self { reasoning, ..self }
    }

    pub fn cut_off(self) -> Self {
        Self { end: End::CutOff, ..self }
    }

    pub fn with_tool(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// Parses a text in every way of cutting it that is worth trying.
    pub fn parse(&self, text: &str) -> Outcome {
        let expected = self.parse_pieces(&[text]);
        for size in [1, 2, 3, 5, 8, 13] {
            let pieces = pieces(text, |at, _| at % size == 0);
            assert_eq!(self.parse_pieces(&pieces), expected, "in pieces of {size}: {text:?}");
        }
        for offset in 0..=2 {
            let pieces = pieces(text, |_, before| {
                let special = |c: char| "<>/{}[]()|｜=\"'\\\n,:".contains(c);
                before.chars().rev().nth(offset).is_some_and(special)
            });
            assert_eq!(self.parse_pieces(&pieces), expected, "cut {offset} after marks: {text:?}");
        }
        expected
    }

    pub fn parse_pieces(&self, pieces: &[&str]) -> Outcome {
        let mut parser = OutputParser::new(self.format, self.reasoning, &self.tools).keeping_partition();
        let mut deltas: Vec<Delta> = pieces.iter().flat_map(|piece| parser.push(piece)).collect();
        let (finished, partition) = parser.finish_with_partition(self.end);
        deltas.extend(finished.deltas);
        let mut reply = Reply::default();
        reply.extend(deltas.clone());
        reply.finish(Finished { deltas: Vec::new(), unfinished_call: finished.unfinished_call.clone() });
        let outcome = Outcome { deltas: joined(deltas), reply, unfinished_call: finished.unfinished_call };
        check_accounts(&partition, &pieces.concat(), &outcome);
        outcome
    }
}

/// The text cut before every place for which `cut` holds, given its index in characters and the text before it.
pub(super) fn pieces(text: &str, mut cut: impl FnMut(usize, &str) -> bool) -> Vec<&str> {
    let mut cuts: Vec<usize> = text
        .char_indices()
        .enumerate()
        .filter(|(n, (at, _))| cut(*n, &text[..*at]))
        .map(|(_, (at, _))| at)
        .collect();
    cuts.insert(0, 0);
    cuts.push(text.len());
    cuts.windows(2).map(|ends| &text[ends[0]..ends[1]]).collect()
}

fn joined(deltas: Vec<Delta>) -> Vec<Delta> {
    let mut out: Vec<Delta> = Vec::new();
    for delta in deltas {
        match (out.last_mut(), delta) {
            (Some(Delta::Content(last)), Delta::Content(text)) => last.push_str(&text),
            (Some(Delta::Reasoning(last)), Delta::Reasoning(text)) => last.push_str(&text),
            (Some(Delta::ToolCallArguments { json: last, .. }), Delta::ToolCallArguments { json, .. }) => {
                last.push_str(&json);
            }
            (_, delta) => out.push(delta),
        }
    }
    out
}

/// Every byte is content, reasoning, argument or markup; content and reasoning are exactly those bytes; calls that
/// ended have a JSON object without repeated keys; starts, arguments and ends come in order.
fn check_accounts(partition: &[Part], text: &str, outcome: &Outcome) {
    let mut next = 0;
    for part in partition {
        assert_eq!(part.range.start, next, "bytes lost or counted twice in {text:?}");
        next = part.range.end;
    }
    assert_eq!(next, text.len(), "bytes lost at the end of {text:?}");
    let of = |span: Span| -> String {
        partition.iter().filter(|part| part.span == span).map(|part| &text[part.range.clone()]).collect()
    };
    let given =
        |kind: fn(&Delta) -> Option<&str>| -> String { outcome.deltas.iter().filter_map(kind).collect() };
    let content = given(|delta| if let Delta::Content(text) = delta { Some(text) } else { None });
    let reasoning = given(|delta| if let Delta::Reasoning(text) = delta { Some(text) } else { None });
    if let Some(call) = &outcome.unfinished_call {
        assert!(text.ends_with(call.as_str()), "{call:?} does not end {text:?}");
    } else {
        assert_eq!(content, of(Span::Content), "in {text:?}");
    }
    assert_eq!(reasoning, of(Span::Reasoning), "in {text:?}");
    let mut open = None;
    let mut next = 0;
    for delta in &outcome.deltas {
        match delta {
            Delta::ToolCallStart { index, .. } => {
                assert_eq!((open, *index), (None, next), "in {text:?}");
                (open, next) = (Some(*index), next + 1);
            }
            Delta::ToolCallArguments { index, .. } => assert_eq!(open, Some(*index)),
            Delta::ToolCallEnd { index } => assert_eq!(open.take(), Some(*index)),
            Delta::Content(_) | Delta::Reasoning(_) => assert_eq!(open, None, "text inside a call"),
        }
    }
    assert_eq!(open.is_some(), outcome.unfinished_call.is_some());
    for call in &outcome.reply.tool_calls {
        let Ok(Value::Object(object)) = serde_json::from_str(&call.arguments) else {
            panic!("{:?} from {text:?}", call.arguments)
        };
        let keys: Vec<(String, serde::de::IgnoredAny)> = pairs(&call.arguments);
        assert_eq!(keys.len(), object.len(), "repeated key in {}", call.arguments);
    }
}

/// The fields of a JSON object, repeated ones too.
fn pairs(json: &str) -> Vec<(String, serde::de::IgnoredAny)> {
    struct Pairs;
    impl<'de> serde::de::Visitor<'de> for Pairs {
        type Value = Vec<(String, serde::de::IgnoredAny)>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            std::iter::from_fn(|| map.next_entry().transpose()).collect()
        }
    }
    serde::Deserializer::deserialize_map(&mut serde_json::Deserializer::from_str(json), Pairs).unwrap()
}
