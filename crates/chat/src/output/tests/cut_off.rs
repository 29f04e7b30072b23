//! Calls that were cut off: never complete, and nothing is lost.

use super::*;

#[test]
fn a_call_cut_off_stays_open_and_its_text_is_kept() {
    let text = "I write.\n\n<tool_call>\n<function=write>\n<parameter=path>\na.rs\n</parameter>\n<parameter=content>\nfn ma";
    let outcome = qwen().cut_off().parse(text);
    let [Delta::Content(content), Delta::ToolCallStart { .. }, Delta::ToolCallArguments { json, .. }] =
        &outcome.deltas[..]
    else {
        panic!("{:?}", outcome.deltas)
    };
    assert_eq!(content, "I write.");
    assert_eq!(json, r#"{"path":"a.rs","content":"fn ma"#);
    assert_eq!(outcome.reply.content, text);
    assert_eq!(outcome.reply.tool_calls, []);
}

#[test]
fn no_beginning_of_a_call_is_ever_a_complete_call() {
    let text = format!("Text.\n\n{}", xml_call("write", &[("path", "a"), ("content", "x\n<y>\n")]));
    let complete = text.rfind("</tool_call>").unwrap() + "</tool_call>".len();
    for (end, _) in text.char_indices().filter(|(at, _)| *at < complete) {
        let outcome = qwen().cut_off().parse_pieces(&[&text[..end]]);
        assert_eq!(outcome.reply.tool_calls, [], "cut at {end}");
        assert_eq!(outcome.reply.content, text[..end]);
    }
}

#[test]
fn no_beginning_of_a_json_call_is_ever_a_complete_call() {
    let text = "Text.\n\n<tool_call>\n{\"name\": \"read\", \"arguments\": {\"path\": \"a\", \"offset\": 1}}";
    for (end, _) in text.char_indices() {
        let outcome = hermes().cut_off().parse_pieces(&[&text[..end]]);
        assert_eq!(outcome.reply.tool_calls, [], "cut at {end}");
        assert_eq!(outcome.reply.content, text[..end]);
    }
}

#[test]
fn a_call_that_ended_before_the_cut_is_complete() {
    let outcome = qwen()
        .cut_off()
        .parse(&format!("{}\n<tool_call>\n<function=rea", xml_call("read", &[("path", "a")])));
    assert_eq!(outcome.calls().len(), 1);
    assert_eq!(outcome.content(), "\n<tool_call>\n<function=rea");
}

#[test]
fn a_cut_in_a_second_call_leaves_the_first_complete() {
    let second = "\n<tool_call>\n<function=read>\n<parameter=path>\nb";
    let outcome = qwen().cut_off().parse(&format!("{}{second}", xml_call("read", &[("path", "a")])));
    assert_eq!(outcome.calls().len(), 1);
    assert_eq!(outcome.unfinished_call.as_deref(), Some(second));
}

#[test]
fn a_cut_inside_the_end_of_a_block_leaves_no_text() {
    let outcome = qwen().cut_off().parse("<tool_call>\n<function=now>\n</function>\n</tool_");
    assert_eq!((outcome.calls().len(), outcome.content()), (1, ""));
}

#[test]
fn text_that_was_held_back_comes_out() {
    assert_eq!(qwen().cut_off().parse("a\n\n").content(), "a\n\n");
    assert_eq!(qwen().cut_off().parse("a <tool_c").content(), "a <tool_c");
}

#[test]
fn reasoning_that_was_held_back_comes_out() {
    let reasoning = Reasoning::Begun { newline: true };
    assert_eq!(qwen().reasoning(reasoning).cut_off().parse("a\n</thi").reply.reasoning, "a\n</thi");
    assert_eq!(qwen().reasoning(Reasoning::MayBegin).cut_off().parse("\n<thi").content(), "\n<thi");
}
