//! Properties that hold for every text, tried for each format on its marks mixed with rubbish and on calls that were
//! damaged.

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::TestRunner;
use serde_json::{Map, json};

use super::marks::{FRAGMENTS, marks};
use super::written::{Written, reply};
use super::*;

/// Texts tried for each format and property; ten times as many where `SHORN_FULL_LOOPS` is set.
const CASES: u32 = 20_000;

fn cases() -> u32 {
    if std::env::var_os("SHORN_FULL_LOOPS").is_some() { CASES * 10 } else { CASES }
}

fn any_fragment(format: ToolFormat) -> impl Strategy<Value = String> {
    prop_oneof![
        5 => select(marks(format)).prop_map(str::to_owned),
        5 => select(FRAGMENTS).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
    ]
}

fn any_text(format: ToolFormat) -> impl Strategy<Value = String> {
    prop::collection::vec(any_fragment(format), 0..40).prop_map(|fragments| fragments.concat())
}

/// A value that may look like markup but holds no mark of a format.
fn plain_value() -> impl Strategy<Value = String> {
    "[a-z \\n\\t<>/=\"\\\\'{}()\\[\\]|日🚀,:0-9]{0,60}"
}

/// JSON of every type, without marks.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<i32>().prop_map(|value| json!(f64::from(value) / 4.0)),
        plain_value().prop_map(|value| json!(value)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| json!(items)),
            prop::collection::btree_map("[a-z_]{1,6}", inner, 0..4).prop_map(|fields| json!(fields)),
        ]
    })
}

/// Calls of the tools, with text between them.
fn any_reply() -> impl Strategy<Value = Vec<Written>> {
    let text = "[a-z.日][a-z .日]{0,20}".prop_map(Written::Text);
    let write = (plain_value(), plain_value())
        .prop_map(|(path, content)| Written::Call("write", json!({"path": path, "content": content})));
    let edit =
        any_json().prop_map(|json| Written::Call("edit", json!({"path": "a", "edits": [{"new": json}]})));
    let part = prop_oneof![2 => write, 2 => edit, 1 => text, 1 => Just(Written::Call("now", json!({})))];
    prop::collection::vec(part, 1..4)
}

/// Replies as they should be, with a few characters taken out and a few fragments put in.
fn damaged_reply(format: ToolFormat) -> impl Strategy<Value = String> {
    let damage = (any::<Index>(), 0usize..12, any_fragment(format), any::<bool>());
    (any_reply(), prop::collection::vec(damage, 0..6)).prop_map(move |(parts, damage)| {
        let mut text = reply(format, &parts);
        for (place, length, fragment, insert) in damage {
            let start = text.floor_char_boundary(place.index(text.len() + 1));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, if insert { &fragment } else { "" });
        }
        text
    })
}

fn any_setup(format: ToolFormat) -> impl Strategy<Value = Setup> {
    let reasoning = select(vec![
        Reasoning::None,
        Reasoning::None,
        Reasoning::MayBegin,
        Reasoning::Begun { newline: true },
        Reasoning::Begun { newline: false },
    ]);
    let end = select(vec![End::Natural, End::CutOff]);
    (reasoning, end).prop_map(move |(reasoning, end)| Setup { reasoning, end, ..of(format) })
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?} {:?}", self.format, self.reasoning, self.end)
    }
}

/// Any text cut at any of its characters.
fn any_pieces(format: ToolFormat) -> impl Strategy<Value = (String, Vec<usize>)> {
    let damaged = match format {
        ToolFormat::None => any_text(format).boxed(),
        _ => damaged_reply(format).boxed(),
    };
    prop_oneof![any_text(format), damaged].prop_flat_map(|text| {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let most = places.len();
        (Just(text), subsequence(places, 0..=most))
    })
}

#[track_caller]
fn check<S: Strategy>(strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) };
    if let Err(error) = TestRunner::new(config).run(&strategy, test) {
        panic!("{error}");
    }
}

/// Any cut gives the same. [`Setup::parse_pieces`] checks the rest: the partition makes up the text, content and
/// reasoning are its parts, calls that ended have JSON objects.
fn any_cut_gives_the_same(format: ToolFormat) {
    check((any_setup(format), any_pieces(format)), |(setup, (text, cuts))| {
        let mut ends = vec![0];
        ends.extend(cuts);
        ends.push(text.len());
        let pieces: Vec<&str> = ends.windows(2).map(|ends| &text[ends[0]..ends[1]]).collect();
        let single: Vec<&str> = text.split_inclusive(|_| true).collect();
        let whole = setup.parse_pieces(&[&text]);
        prop_assert_eq!(setup.parse_pieces(&pieces), whole.clone());
        prop_assert_eq!(setup.parse_pieces(&single), whole);
        Ok(())
    });
}

fn calls_and_content(parts: Vec<Written>) -> (Vec<(&'static str, Value)>, String) {
    let (mut calls, mut content) = (Vec::new(), String::new());
    for part in parts {
        match part {
            Written::Call(name, arguments) => calls.push((name, arguments)),
            Written::Text(text) => content.push_str(&text),
        }
    }
    (calls, content)
}

fn calls_come_back_as_they_were_written(format: ToolFormat) {
    check(any_reply(), |mut parts| {
        if format == ToolFormat::LlamaJson {
            parts.retain(|part| matches!(part, Written::Call(..)));
        }
        let text = reply(format, &parts);
        let outcome = of(format).parse_pieces(&[&text]);
        let (calls, content) = calls_and_content(parts);
        prop_assert_eq!(outcome.calls(), calls, "{}", text);
        prop_assert_eq!(outcome.content(), content, "{}", text);
        Ok(())
    });
}

/// However far a reply has come when it is cut off: what has ended was written so.
fn no_call_ends_before_its_end(format: ToolFormat) {
    check((any_reply(), any::<Index>()), |(parts, place)| {
        let text = reply(format, &parts);
        let end = text.floor_char_boundary(place.index(text.len() + 1));
        let outcome = of(format).cut_off().parse_pieces(&[&text[..end]]);
        let (calls, _) = calls_and_content(parts);
        prop_assert!(calls.starts_with(&outcome.calls()), "{:?} of {}", outcome.calls(), &text[..end]);
        Ok(())
    });
}

macro_rules! for_each_format {
    ($($name:ident: $format:ident),* $(,)?) => {$(
        mod $name {
            use super::ToolFormat;

            #[test]
            fn any_cut_gives_the_same() {
                super::any_cut_gives_the_same(ToolFormat::$format);
            }

            #[test]
            fn calls_come_back_as_they_were_written() {
                super::calls_come_back_as_they_were_written(ToolFormat::$format);
            }

            #[test]
            fn no_call_ends_before_its_end() {
                super::no_call_ends_before_its_end(ToolFormat::$format);
            }
        }
    )*};
}

for_each_format! {
    qwen_xml: QwenXml,
    hermes_json: HermesJson,
    glm: Glm,
    harmony: Harmony,
    mistral: Mistral,
    llama_json: LlamaJson,
    deepseek: DeepSeek,
    deepseek_dsml: DeepSeekDsml,
    minimax: MiniMax,
    gemma: Gemma,
    lfm2: Lfm2,
}

/// Whatever a string holds, the marks of its own format too: if its quotes are escaped, it comes back.
#[test]
fn strings_that_are_escaped_come_back_to_the_byte() {
    for format in [
        ToolFormat::HermesJson,
        ToolFormat::Harmony,
        ToolFormat::Mistral,
        ToolFormat::LlamaJson,
        ToolFormat::DeepSeek,
        ToolFormat::Lfm2,
    ] {
        check((any_text(format), any_text(format)), |(path, content)| {
            let arguments = json!({"path": path, "content": [content]});
            let text = reply(format, &[Written::Call("write", arguments.clone())]);
            // Where two of these blocks meet, a string that was never closed ends.
            if format != ToolFormat::HermesJson || text.matches("</tool_call>").count() == 1 {
                let outcome = of(format).parse_pieces(&[&text]);
                prop_assert_eq!(outcome.calls(), [("write", arguments)]);
            }
            Ok(())
        });
    }
}

#[test]
fn without_a_format_any_cut_gives_the_same() {
    any_cut_gives_the_same(ToolFormat::None);
}

/// A piece of text that has no tag in it.
fn plain_text() -> impl Strategy<Value = String> {
    "[a-z .\\n日🚀\"{}]{0,30}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn text_without_tags_is_content(text in "[^<]{0,200}") {
        let outcome = qwen().parse_pieces(&[&text]);
        prop_assert_eq!(outcome.content(), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn text_and_newlines_around_calls_are_kept(
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
