//! Properties that hold for every text.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::Map;

use super::*;

/// Tags, parts of tags, and what else matters to some parser.
const FRAGMENTS: &[&str] = &[
    "<tool_call>",
    "</tool_call>",
    "<function=read>",
    "<function=write>",
    "<function=nope>",
    "<function=",
    "</function>",
    "<parameter=path>",
    "<parameter=content>",
    "<parameter=offset>",
    "<parameter=edits>",
    "<parameter=",
    "</parameter>",
    "</parameter1>",
    "</parameter",
    "<think>",
    "</think>",
    "<",
    ">",
    "</",
    "\n",
    "\n\n",
    " ",
    "\t",
    "a",
    "text ",
    "é",
    "日",
    "🚀",
    "```",
    "```\n",
    "`",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "\\",
    "\\n",
    "\\u00e9",
    "\\ud83d",
    ",",
    ":",
    "1",
    "5.0",
    "null",
    "True",
    "{\"name\": \"read\", \"arguments\": {",
    "\"path\": \"a\"",
    "{\"name\":\"write\"",
    "\"arguments\":",
    "}}",
    "\"name\"",
    "<tool_call>\n<function=write>\n<parameter=content>\n",
    "\n</parameter>\n</function>\n</tool_call>",
    "tool_call>",
    "function=read>",
];

fn any_text() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![9 => select(FRAGMENTS).prop_map(str::to_owned), 1 => "\\PC{0,6}"];
    prop::collection::vec(fragment, 0..40).prop_map(|fragments| fragments.concat())
}

fn any_setup() -> impl Strategy<Value = Setup> {
    let format =
        select(vec![ToolFormat::QwenXml, ToolFormat::QwenXml, ToolFormat::HermesJson, ToolFormat::None]);
    let reasoning = select(vec![
        Reasoning::None,
        Reasoning::MayBegin,
        Reasoning::Begun { newline: true },
        Reasoning::Begun { newline: false },
    ]);
    let end = select(vec![End::Natural, End::CutOff]);
    (format, reasoning, end).prop_map(|(format, reasoning, end)| Setup {
        format,
        reasoning,
        end,
        tools: tools(),
    })
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?} {:?}", self.format, self.reasoning, self.end)
    }
}

/// Calls as they should be, with a few characters taken out and a few fragments put in.
fn damaged_calls() -> impl Strategy<Value = String> {
    let xml = xml_call("write", &[("path", "a.rs"), ("content", "fn f() {\n\tif a<b { \"é\" }\n}\n")]);
    let quoting = xml_call("write", &[("content", &xml_call("read", &[("path", "x")]))]);
    let edits = xml_call("edit", &[("path", "a"), ("edits", r#"[{"oldText": "a\n", "newText": "\"b\""}]"#)]);
    let json = r#"<tool_call>
{"name": "write", "arguments": {"path": "a", "content": "say \"hi\"\n", "n": [1, {}]}}
</tool_call>"#;
    let whole = vec![
        xml,
        quoting,
        edits,
        json.replace("\\n<", "\n<").replace(">\\n", ">\n"),
        "Text.\n\n".into(),
        "```\n".into(),
    ];
    let text = prop::collection::vec(select(whole), 1..5).prop_map(|parts| parts.join("\n"));
    let damage = prop::collection::vec(
        (any::<prop::sample::Index>(), 0usize..12, select(FRAGMENTS), any::<bool>()),
        0..6,
    );
    (text, damage).prop_map(|(mut text, damage)| {
        for (place, length, fragment, insert) in damage {
            let start = text.floor_char_boundary(place.index(text.len() + 1));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, if insert { fragment } else { "" });
        }
        text
    })
}

/// Any text cut at any of its characters.
fn any_pieces() -> impl Strategy<Value = (String, Vec<usize>)> {
    prop_oneof![any_text(), damaged_calls()].prop_flat_map(|text| {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let most = places.len();
        (Just(text), subsequence(places, 0..=most))
    })
}

/// A piece of text that has no tag in it.
fn plain_text() -> impl Strategy<Value = String> {
    "[a-z .\\n日🚀\"{}]{0,30}"
}

/// A value that may look like markup but holds no tag of the format.
fn plain_value() -> impl Strategy<Value = String> {
    "[a-z \\n\\t<>/=\"\\\\'{}\\[\\]日🚀,:0-9]{0,60}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_cut_gives_the_same_and_every_byte_is_accounted_for(setup in any_setup(), (text, cuts) in any_pieces()) {
        let mut ends = vec![0];
        ends.extend(cuts);
        ends.push(text.len());
        let pieces: Vec<&str> = ends.windows(2).map(|ends| &text[ends[0]..ends[1]]).collect();
        let single: Vec<&str> = text.split_inclusive(|_| true).collect();
        let whole = setup.parse_pieces(&[&text]);
        prop_assert_eq!(setup.parse_pieces(&pieces), whole.clone());
        prop_assert_eq!(setup.parse_pieces(&single), whole);
    }

    #[test]
    fn text_without_tags_is_content(text in "[^<]{0,200}") {
        let outcome = qwen().parse_pieces(&[&text]);
        prop_assert_eq!(outcome.content(), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn calls_come_back_as_they_were_written(
        before in plain_text(),
        calls in prop::collection::vec((plain_value(), plain_value(), plain_text()), 1..4),
    ) {
        let mut text = before.clone();
        let mut content = before.trim_end_matches('\n').to_owned();
        content.push_str(&"\n".repeat((before.len() - content.len()).saturating_sub(2)));
        let last = calls.len() - 1;
        for (n, (path, body, after)) in calls.iter().enumerate() {
            text.push_str(&xml_call("write", &[("path", path), ("content", body)]));
            text.push_str(after);
            let kept = after.trim_end_matches('\n');
            let newlines = after.len() - kept.len();
            let markup = if n == last { 0 } else { 2 };
            content.push_str(kept);
            content.push_str(&"\n".repeat(newlines.saturating_sub(markup)));
        }
        let outcome = qwen().parse_pieces(&[&text]);
        let expected: Vec<Value> = calls.iter().map(|(path, body, _)| json!({"path": path, "content": body})).collect();
        let parsed: Vec<Value> = outcome.calls().into_iter().map(|call| call.1).collect();
        prop_assert_eq!(parsed, expected);
        prop_assert_eq!(outcome.content(), content);
    }

    #[test]
    fn json_calls_come_back_as_they_were_written(path in "\\PC{0,30}", body in "\\PC{0,60}", n in any::<i64>()) {
        let mut arguments = Map::new();
        arguments.insert("path".into(), json!(path));
        arguments.insert("content".into(), json!([body, {"n": n}]));
        let arguments = Value::Object(arguments);
        let text = format!("<tool_call>\n{}\n</tool_call>", json!({"name": "write", "arguments": arguments}));
        let outcome = hermes().parse_pieces(&[&text]);
        prop_assert_eq!(outcome.calls(), [("write", arguments)]);
    }
}
