//! DeepSeek-V3.2's format, well formed and not.

use serde_json::json;

use super::*;

fn calls(arguments: &str) -> Outcome {
    let tools = [(
        "typed",
        json!({"n": {"type": "integer"}, "s": {"type": "string"}, "either": {"type": ["string", "number"]}}),
    )];
    let [(name, properties)] = tools;
    let invoke = format!("<｜DSML｜invoke name=\"typed\">\n{arguments}\n</｜DSML｜invoke>");
    of(ToolFormat::DeepSeekDsml)
        .with_tool(tool(name, properties))
        .parse(&format!("<｜DSML｜function_calls>\n{invoke}\n</｜DSML｜function_calls>"))
}

fn parameter(name: &str, string: &str, value: &str) -> String {
    format!("<｜DSML｜parameter name=\"{name}\"{string}>{value}</｜DSML｜parameter>")
}

const STRING: &str = " string=\"true\"";
const OTHER: &str = " string=\"false\"";

#[test]
fn the_tag_decides_where_the_schema_leaves_it_open() {
    assert_eq!(calls(&parameter("either", STRING, "5")).arguments(), r#"{"either":"5"}"#);
    assert_eq!(calls(&parameter("either", OTHER, "5")).arguments(), r#"{"either":5}"#);
    assert_eq!(calls(&parameter("either", "", "5")).arguments(), r#"{"either":"5"}"#);
}

#[test]
fn the_tag_decides_for_what_the_schema_does_not_know() {
    assert_eq!(calls(&parameter("more", STRING, "[1]")).arguments(), r#"{"more":"[1]"}"#);
    assert_eq!(calls(&parameter("more", OTHER, "[1]")).arguments(), r#"{"more":[1]}"#);
    assert_eq!(calls(&parameter("more", OTHER, "true")).arguments(), r#"{"more":true}"#);
    assert_eq!(calls(&parameter("more", OTHER, "null")).arguments(), r#"{"more":null}"#);
    assert_eq!(calls(&parameter("more", OTHER, "a b")).arguments(), r#"{"more":"a b"}"#);
}

#[test]
fn the_schema_decides_where_it_says_something_else() {
    assert_eq!(calls(&parameter("n", STRING, "5")).arguments(), r#"{"n":5}"#);
    assert_eq!(calls(&parameter("s", OTHER, "5")).arguments(), r#"{"s":"5"}"#);
}

#[test]
fn several_calls_in_a_block_are_several_calls() {
    let now = "<｜DSML｜invoke name=\"now\">\n</｜DSML｜invoke>\n";
    let text = format!("Both.\n\n<｜DSML｜function_calls>\n{now}{now}</｜DSML｜function_calls>");
    let outcome = of(ToolFormat::DeepSeekDsml).parse(&text);
    assert_eq!((outcome.calls().len(), outcome.content()), (2, "Both."));
}

#[test]
fn missing_tags_are_supplied() {
    let begin = "<｜DSML｜function_calls><｜DSML｜invoke name=\"read\"><｜DSML｜parameter name=\"path\" string=\"true\">a";
    for end in [
        "</｜DSML｜invoke></｜DSML｜function_calls>",
        "</｜DSML｜function_calls>",
        "</｜DSML｜parameter></｜DSML｜function_calls>",
        "</｜DSML｜parameter",
        "",
    ] {
        let outcome = of(ToolFormat::DeepSeekDsml).parse(&format!("{begin}{end}"));
        assert_eq!(outcome.calls(), [("read", json!({"path": "a"}))], "{end}");
    }
}
