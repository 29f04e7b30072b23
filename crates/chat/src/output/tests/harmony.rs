//! gpt-oss's format, well formed and not.

use serde_json::json;

use super::*;

fn harmony() -> Setup {
    of(ToolFormat::Harmony)
}

#[track_caller]
fn assert_split(text: &str, reasoning: &str, content: &str) {
    let outcome = harmony().parse(text);
    assert_eq!((outcome.reply.reasoning.as_str(), outcome.content()), (reasoning, content), "{text}");
    assert_eq!(outcome.calls(), [], "{text}");
}

#[track_caller]
fn assert_reads_a(text: &str) {
    let outcome = harmony().parse(text);
    assert_eq!(outcome.calls(), [("read", json!({"path": "a"}))], "{text}");
    assert_eq!(outcome.content(), "", "{text}");
}

#[test]
fn channels_are_reasoning_and_content() {
    assert_split(
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>",
        "Hm.",
        "Yes.",
    );
    assert_split("<|channel|>commentary<|message|>I look.<|end|>", "", "I look.");
}

#[test]
fn without_tools_channels_are_channels() {
    let text = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.";
    let outcome = harmony().without_tools().parse(text);
    assert_eq!((outcome.reply.reasoning.as_str(), outcome.content()), ("Hm.", "Yes."));
}

#[test]
fn the_recipient_stands_in_role_or_channel() {
    assert_reads_a(
        "<|channel|>commentary to=functions.read <|constrain|>json<|message|>{\"path\": \"a\"}<|call|>",
    );
    assert_reads_a(
        "<|channel|>commentary to=functions.read<|constrain|>json<|message|>{\"path\": \"a\"}<|call|>",
    );
    assert_reads_a(" to=functions.read<|channel|>commentary json<|message|>{\"path\": \"a\"}<|call|>");
    assert_reads_a("<|start|>assistant to=functions.read<|channel|>commentary<|message|>{\"path\": \"a\"}");
    assert_reads_a("<|channel|>analysis to=functions.read code<|message|>{\"path\": \"a\"}<|call|>");
    assert_reads_a("<|channel|>final <|constrain|>functions.read<|message|>{\"path\": \"a\"}<|end|>");
    assert_reads_a("<|channel|>commentary to=read<|message|> {\"path\": \"a\"}\n<|return|>");
    assert_reads_a(
        "<|channel|>commentary to=functions.read<|channel|>commentary<|message|>{\"path\": \"a\"}<|call|>",
    );
}

#[test]
fn reasoning_then_several_calls() {
    let call = "<|start|>assistant<|channel|>commentary to=functions.now<|message|>{}<|call|>";
    let outcome = harmony().parse(&format!("<|channel|>analysis<|message|>Hm.<|end|>{call}{call}"));
    assert_eq!((outcome.reply.reasoning.as_str(), outcome.calls().len(), outcome.content()), ("Hm.", 2, ""));
}

#[test]
fn arguments_may_be_missing_or_text() {
    for text in ["<|call|>", "", "\n<|call|>", "{}<|call|>"] {
        let outcome = harmony().parse(&format!("<|channel|>commentary to=functions.now<|message|>{text}"));
        assert_eq!((outcome.arguments(), outcome.content()), ("{}", ""), "{text}");
    }
    assert_reads_a("<|channel|>commentary to=functions.read<|message|>\"{\\\"path\\\": \\\"a\\\"}\"<|call|>");
}

#[test]
fn arguments_that_are_no_object_are_text_of_the_channel() {
    assert_split("<|channel|>commentary to=python<|message|>print(5)<|call|>", "", "print(5)");
    assert_split("<|channel|>analysis to=python code<|message|>print(5)<|call|>", "print(5)", "");
    assert_split("<|channel|>commentary to=functions.read<|message|>[1, 2]<|call|>", "", "[1, 2]");
}

#[test]
fn a_message_to_the_assistant_is_no_call() {
    assert_split("<|start|>functions.read to=assistant<|channel|>commentary<|message|>{}<|end|>", "", "{}");
}

#[test]
fn marks_that_a_text_quotes_are_text() {
    let quoted = "A message ends with <|end|> or <|return|>, and <|start|> begins one; <|channel|> too.";
    assert_split(&format!("<|channel|>final<|message|>{quoted}<|return|>"), "", quoted);
    assert_split(&format!("<|channel|>analysis<|message|>{quoted}"), quoted, "");
}

#[test]
fn marks_that_an_argument_quotes_are_text() {
    let content = "<|end|><|start|>assistant<|channel|>final<|message|>\"}<|call|><|start|>";
    let arguments = json!({"content": content});
    let text = format!("<|channel|>commentary to=functions.write<|message|>{arguments}<|call|>");
    assert_eq!(harmony().parse(&text).calls(), [("write", arguments)]);
}

#[test]
fn a_missing_end_of_message_is_supplied_by_the_next() {
    assert_split(
        "<|channel|>analysis<|message|>Hm.<|start|>assistant<|channel|>final<|message|>Yes.",
        "Hm.",
        "Yes.",
    );
    assert_split("<|channel|>analysis<|message|>Hm.<|channel|>final<|message|>Yes.", "Hm.", "Yes.");
    assert_split("<|channel|>analysis<|message|>Hm.<|end|><|channel|>final<|message|>Yes.", "Hm.", "Yes.");
}

#[test]
fn text_without_a_header_is_content() {
    assert_split("Just text <b>.", "", "Just text <b>.");
    assert_split("", "", "");
    assert_split("to be or not", "", "to be or not");
    let json = r#"{"name": "read", "arguments": {"path": "a"}}"#;
    assert_split(json, "", json);
}

#[test]
fn of_a_broken_header_only_the_marks_are_left_out() {
    assert_split("<|channel|>analysis We need to look.<|end|>", " We need to look.", "");
    assert_split("<|channel|>final", "", "");
    assert_split(
        "<|channel|>?? what<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
        "",
        "?? whatYes.",
    );
    assert_split("<|start|>assistant", "", "");
    let long = "x".repeat(300);
    assert_split(&format!("<|channel|>{long}<|message|>y"), "", &format!("{long}<|message|>y"));
}

#[test]
fn text_streams_up_to_what_may_be_a_mark() {
    let mut parser = OutputParser::new(ToolFormat::Harmony, Reasoning::None, &tools());
    let content = |text: &str| vec![Delta::Content(text.to_owned())];
    assert_eq!(parser.push("<|channel|>final<|mess"), []);
    assert_eq!(parser.push("age|>Let me see"), content("Let me see"));
    assert_eq!(parser.push(".<|e"), content("."));
    assert_eq!(parser.push("x"), content("<|ex"));
}

#[test]
fn a_cut_leaves_no_half_marks_behind() {
    let text =
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>";
    for (end, _) in text.char_indices() {
        let outcome = harmony().cut_off().parse_pieces(&[&text[..end]]);
        let shown = outcome.reply.reasoning.clone() + outcome.content();
        assert!(!shown.contains("|>"), "{shown:?} at {end}");
        // A mark may still be text while it is half.
        assert!("Hm.Yes.".starts_with(shown.split(['<', ' ']).next().unwrap()), "{shown:?} at {end}");
    }
}

#[test]
fn a_call_that_was_cut_off_is_text() {
    let text = "<|channel|>commentary to=functions.read<|message|>{\"path\": \"a";
    let outcome = harmony().cut_off().parse(text);
    assert_eq!((outcome.unfinished_call.as_deref(), outcome.calls().len()), (Some(text), 0));
}
