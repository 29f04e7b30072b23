//! LFM2's format, well formed and not.

use serde_json::json;

use super::*;

fn lfm2() -> Setup {
    of(ToolFormat::Lfm2)
}

fn block(calls: &str) -> String {
    format!("<|tool_call_start|>{calls}<|tool_call_end|>")
}

/// The arguments of a call of `bash` with these.
fn arguments(text: &str) -> String {
    let outcome = lfm2().parse(&block(&format!("[bash({text})]")));
    assert_eq!(outcome.content(), "", "{text}");
    outcome.arguments().to_owned()
}

#[test]
fn python_values_become_json() {
    assert_eq!(arguments("command=\"ls\", timeout=1.5"), r#"{"command":"ls","timeout":1.5}"#);
    assert_eq!(
        arguments("a=True, b=None, c=[1, 'x'], d={'k': False}"),
        r#"{"a":true,"b":null,"c":[1,"x"],"d":{"k":false}}"#
    );
    assert_eq!(arguments("a=true, b=null"), r#"{"a":true,"b":null}"#);
    assert_eq!(arguments("a=(1, 2), b=()"), r#"{"a":[1,2],"b":[]}"#);
    assert_eq!(arguments(" command = 'ls' "), r#"{"command":"ls"}"#);
}

#[test]
fn python_strings_become_json() {
    assert_eq!(arguments(r#"command='it\'s "so"\n'"#), r#"{"command":"it's \"so\"\n"}"#);
    assert_eq!(
        arguments("command=\"\"\"a\n\"b\" 'c'\"\"\", timeout=5"),
        r#"{"command":"a\n\"b\" 'c'","timeout":5}"#
    );
    assert_eq!(arguments("command=\"\"\"say \"hi\"\"\"\""), r#"{"command":"say \"hi\""}"#);
    assert_eq!(arguments("command='', timeout=5"), r#"{"command":"","timeout":5}"#);
}

#[test]
fn unescaped_quotes_and_newlines_in_strings_are_text() {
    assert_eq!(arguments("command='echo 'a b' c\n'"), r#"{"command":"echo 'a b' c\n"}"#);
    assert_eq!(
        arguments("command=\"print(f(\"x\"))\nprint(\"y\")\""),
        r#"{"command":"print(f(\"x\"))\nprint(\"y\")"}"#
    );
}

#[test]
fn lists_hold_several_calls() {
    for calls in ["[now(), read(path='a')]", "now(); read(path='a')", "[now(),\n read(path='a')]\n"] {
        let outcome = lfm2().parse(&block(calls));
        assert_eq!(outcome.calls(), [("now", json!({})), ("read", json!({"path": "a"}))], "{calls}");
        assert_eq!(outcome.content(), "", "{calls}");
    }
}

#[test]
fn a_list_of_objects_is_read() {
    let outcome = lfm2().parse(&block(r#"[{"name": "read", "arguments": {"path": "a"}}]"#));
    assert_eq!((outcome.calls(), outcome.content()), (vec![("read", json!({"path": "a"}))], ""));
}

#[test]
fn names_may_have_dots() {
    let setup = lfm2().with_tool(tool("Calendar.add", json!({})));
    assert_eq!(setup.parse(&block("[Calendar.add(day='Mon')]")).calls()[0].0, "Calendar.add");
}

#[test]
fn missing_marks_are_supplied() {
    for text in ["[read(path='a')]", "[read(path='a')", "[read(path='a'", "[read(path='a", "read(path='a')"] {
        let outcome = lfm2().parse(&format!("<|tool_call_start|>{text}"));
        assert_eq!(outcome.calls(), [("read", json!({"path": "a"}))], "{text}");
        assert_eq!(outcome.content(), "", "{text}");
    }
}

#[test]
fn text_after_the_list_is_kept() {
    let outcome = lfm2().parse(&format!("I look. {} Done (really).", block("[now()]")));
    assert_eq!((outcome.calls().len(), outcome.content()), (1, "I look.  Done (really)."));
}

#[test]
fn what_is_no_call_stays_text() {
    for calls in ["[read('a')]", "[read(**x)]", "[]", "read", "[read]", "[read(path)]", "[1, 2]"] {
        let text = block(calls);
        let outcome = lfm2().parse(&text);
        assert_eq!((outcome.content(), outcome.calls().len()), (text.as_str(), 0));
    }
    let text = "[read(path='a')] without the marks";
    assert_eq!(lfm2().parse(text).content(), text);
}
