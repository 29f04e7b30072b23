//! What holds in every format.

use serde_json::json;

use super::written::{Written, call, formats, reply};
use super::*;

/// A tool whose arguments have every type.
fn typed() -> Tool {
    let property = |kind: &str| json!({"type": kind});
    let kinds = ["integer", "number", "boolean", "null", "array", "object", "string"];
    let properties: serde_json::Map<String, Value> =
        kinds.into_iter().map(|kind| (kind.to_owned(), property(kind))).collect();
    tool("typed", Value::Object(properties))
}

fn text(text: &str) -> Written {
    Written::Text(text.to_owned())
}

#[test]
fn a_call_comes_back_as_it_was_written() {
    for format in formats() {
        let arguments = json!({"path": "src/main.rs", "content": "fn main() {}\n"});
        let outcome = of(format).parse(&call(format, "write", arguments.clone()));
        assert_eq!(outcome.calls(), [("write", arguments)], "{format}");
        assert_eq!(outcome.content(), "", "{format}");
    }
}

#[test]
fn text_before_between_and_after_calls_is_kept() {
    for format in formats() {
        let read = || Written::Call("read", json!({"path": "a"}));
        let mut parts = vec![text("Let me look."), read(), text("And {again}:"), read(), text("Done (so).")];
        if format == ToolFormat::LlamaJson {
            parts.remove(0);
        }
        let outcome = of(format).parse(&reply(format, &parts));
        assert_eq!(outcome.calls().len(), 2, "{format}");
        let before = if format == ToolFormat::LlamaJson { "" } else { "Let me look." };
        assert_eq!(outcome.content(), format!("{before}And {{again}}:Done (so)."), "{format}");
    }
}

#[test]
fn calls_may_follow_each_other() {
    for format in formats() {
        let calls: Vec<Written> =
            ["a", "b", "c"].map(|path| Written::Call("read", json!({"path": path}))).into();
        for text in [
            reply(format, &calls),
            calls.iter().map(|call| reply(format, std::slice::from_ref(call))).collect::<Vec<_>>().join("\n"),
        ] {
            let outcome = of(format).parse(&text);
            let paths: Vec<Value> = outcome.calls().into_iter().map(|call| call.1["path"].clone()).collect();
            assert_eq!(paths, ["a", "b", "c"], "{format}: {text}");
            assert_eq!(outcome.content(), "", "{format}: {text}");
        }
    }
}

#[test]
fn every_value_that_a_coding_agent_may_send_comes_back_to_the_byte() {
    let values = [
        "",
        " ",
        "\n\nfn main() {\n\tprintln!(\"{}\", 'x');\n}\n\n",
        "日本語 🚀 é\u{301} \u{a0}",
        "<p class=\"a\">5 < 6 &amp; </p>",
        "C:\\new\\table\\unicode",
        "say \"hi\", he said: {\"a\": [1, 2]}",
        "it's 'quoted'",
        "null",
        "5",
        "{\"a\": 1}",
        "[1, 2",
        "ends like a marker </",
        "ends like a marker <|",
        "ends like a marker [TOOL_",
        "ends like a marker <｜",
        "```json\n{}\n```",
        "}}]})",
        "f(x=1, y=\"2\")\nfor a in b: pass",
        "# a = 1\r\nb\r\n",
        "<div>\n</div>\n<function>\n<parameter>",
        "\\\\ \\n \\\" \\u00e9 \\",
    ];
    for format in formats() {
        for value in values {
            let arguments = json!({"path": value, "content": value});
            let text =
                reply(format, &[Written::Call("write", arguments.clone()), Written::Call("now", json!({}))]);
            let outcome = of(format).parse(&text);
            assert_eq!(outcome.calls(), [("write", arguments), ("now", json!({}))], "{format}: {text}");
            assert_eq!(outcome.content(), "", "{format}: {text}");
        }
    }
}

/// The marks of the format itself, in the file that an agent writes.
#[test]
fn a_value_may_quote_the_formats_own_calls() {
    for format in formats() {
        let quoted = call(format, "read", json!({"path": "a"}));
        let arguments = json!({"path": "docs.md", "content": format!("Models write\n{quoted}\nto call.\n")});
        // Nothing tells quotes of that kind from the end of a string that is not escaped.
        if format == ToolFormat::Gemma {
            continue;
        }
        let outcome = of(format).parse(&call(format, "write", arguments.clone()));
        assert_eq!(outcome.calls(), [("write", arguments)], "{format}");
    }
}

#[test]
fn values_have_the_types_of_the_schema() {
    for format in formats() {
        let arguments = json!({
            "integer": 12345678901234567890u64, "number": 1.5, "boolean": true, "null": null,
            "array": [1, "a", [false, null]], "object": {"k": "v", "n": {"x": [-1e5]}}, "string": "5",
        });
        let text = call(format, "typed", arguments.clone());
        let outcome = of(format).with_tool(typed()).parse(&text);
        assert_eq!(outcome.calls(), [("typed", arguments)], "{format}: {text}");
    }
}

#[test]
fn large_numbers_keep_their_digits() {
    for format in formats() {
        let number: Value = serde_json::from_str("12345678901234567890123").unwrap();
        let text = call(format, "typed", json!({"integer": 1})).replace('1', "12345678901234567890123");
        let outcome = of(format).with_tool(typed()).parse(&text);
        assert_eq!(outcome.arguments(), r#"{"integer":12345678901234567890123}"#, "{format}: {number}");
    }
}

#[test]
fn a_call_without_arguments_has_an_empty_object() {
    for format in formats() {
        assert_eq!(of(format).parse(&call(format, "now", json!({}))).arguments(), "{}", "{format}");
    }
}

#[test]
fn names_that_begin_like_another_are_not_confused() {
    for format in formats() {
        let setup = of(format).with_tool(tool("read_all", json!({})));
        let outcome = setup.parse(&call(format, "read_all", json!({})));
        assert_eq!(outcome.calls(), [("read_all", json!({}))], "{format}");
    }
}

#[test]
fn an_unknown_tool_is_a_call_that_the_agent_answers() {
    for format in formats().filter(|format| *format != ToolFormat::LlamaJson) {
        let outcome = of(format).parse(&call(format, "delete", json!({"path": "a"})));
        assert_eq!(outcome.calls(), [("delete", json!({"path": "a"}))], "{format}");
    }
}

#[test]
fn without_tools_nothing_is_a_call() {
    for format in formats().filter(|format| *format != ToolFormat::Harmony) {
        let text = call(format, "read", json!({"path": "a"}));
        let outcome = of(format).without_tools().parse(&text);
        assert_eq!((outcome.content(), outcome.calls().len()), (text.as_str(), 0), "{format}");
    }
}

#[test]
fn strings_stream_as_they_are_generated() {
    for format in formats() {
        let text = call(format, "write", json!({"content": "let x = 1 ;"}));
        let begun = text.split_once("= 1").unwrap().0;
        let mut parser = OutputParser::new(format, Reasoning::None, &tools());
        let deltas = parser.push(begun);
        let json: String = deltas
            .iter()
            .filter_map(|delta| match delta {
                Delta::ToolCallArguments { json, .. } => Some(json.as_str()),
                _ => None,
            })
            .collect();
        assert!(json.starts_with("{\"content\":\"let x"), "{format}: {deltas:?}");
    }
}

#[test]
fn a_call_that_was_cut_off_never_ends() {
    for format in formats() {
        let text = call(format, "write", json!({"path": "a", "content": "x\n<y>\n"}));
        let outcome = of(format).parse(&text);
        let closes = text.rfind(['"', '>', '}', ')']).unwrap();
        let mut complete = None;
        for (end, _) in text.char_indices().chain([(text.len(), ' ')]) {
            let cut = of(format).cut_off().parse_pieces(&[&text[..end]]);
            match cut.calls()[..] {
                [] => assert!(complete.is_none(), "{format}: an ended call was lost at {end}"),
                _ => {
                    assert_eq!(cut.reply, outcome.reply, "{format}: cut at {end}");
                    complete.get_or_insert(end);
                }
            }
        }
        let least = text.rfind("<y>").unwrap() + "<y>".len();
        assert!(
            complete.is_none_or(|end| end > least && end > closes / 2),
            "{format}: ended at {complete:?}"
        );
    }
}

#[test]
fn a_natural_end_completes_a_call() {
    for format in formats() {
        let text = call(format, "write", json!({"path": "a", "content": "some text"}));
        let end = text.find("some text").unwrap() + "some text".len();
        let outcome = of(format).parse(&text[..end]);
        assert_eq!(outcome.calls(), [("write", json!({"path": "a", "content": "some text"}))], "{format}");
    }
}

#[test]
fn no_call_begins_inside_reasoning() {
    for format in formats() {
        let quoted = call(format, "read", json!({"path": "a"}));
        let now = call(format, "now", json!({}));
        let (thought, content) = match format {
            ToolFormat::Harmony => continue,
            _ => (format!("I could write {quoted} or so."), now),
        };
        let tags = format.think_tags();
        let outcome = of(format)
            .reasoning(Reasoning::MayBegin)
            .parse(&format!("{}\n{thought}\n{}{content}", tags.open, tags.close));
        assert_eq!(outcome.reply.reasoning.trim_matches('\n'), thought, "{format}");
        assert_eq!(outcome.calls(), [("now", json!({}))], "{format}");
        assert_eq!(outcome.content(), "", "{format}");
    }
}

#[test]
fn empty_reasoning_is_none() {
    for format in formats().filter(|format| *format != ToolFormat::Harmony) {
        let tags = format.think_tags();
        let outcome =
            of(format).reasoning(Reasoning::MayBegin).parse(&format!("{}{}Yes.", tags.open, tags.close));
        assert_eq!((outcome.reply.reasoning.as_str(), outcome.content()), ("", "Yes."), "{format}");
    }
}

#[test]
fn much_white_space_in_a_value_comes_through() {
    for format in formats() {
        let arguments = json!({"path": " ".repeat(100_000), "content": "\n".repeat(100_000)});
        let text = call(format, "write", arguments.clone());
        let outcome = of(format).parse_pieces(&[&text]);
        assert!(outcome.calls() == [("write", arguments)], "{format}");
        assert_eq!(of(format).parse_pieces(&pieces(&text, |n, _| n % 100 == 0)), outcome, "{format}");
    }
}

#[test]
fn deep_nesting_stays_readable() {
    for format in formats() {
        let (open, close) = ("[".repeat(200), "]".repeat(200));
        let text = call(format, "edit", json!({"path": "a", "edits": ["x"]}));
        let text = match format {
            ToolFormat::Gemma => text.replace("[<|\"|>x<|\"|>]", &format!("{open}1{close}")),
            ToolFormat::Lfm2 => text.replace("['x']", &format!("{open}1{close}")),
            _ => text.replace("[\"x\"]", &format!("{open}1{close}")),
        };
        assert!(text.contains(&open), "{format}");
        assert_eq!(of(format).parse_pieces(&[&text]).calls().len(), 1, "{format}");
    }
}
