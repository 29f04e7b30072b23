//! Where every byte of a text went. (Every text in these tests is checked for gaps and for content and reasoning to the
//! byte, see `setup::check_accounts`.)

use proptest::prelude::*;

use super::written::{Written, reply};
use super::*;

fn partition(format: ToolFormat, text: &str) -> Vec<(Span, &str)> {
    let reasoning = Reasoning::MayBegin;
    let mut parser = OutputParser::new(format, reasoning, &tools()).keeping_partition();
    parser.push(text);
    let (_, parts) = parser.finish_with_partition(End::Natural);
    parts.into_iter().map(|part| (part.span, &text[part.range])).collect()
}

#[test]
fn every_byte_is_content_reasoning_argument_or_markup() {
    use Span::{Argument, Content, Markup, Reasoning};
    let text = "<think>\nHm.\n</think>\n\nI look.<tool_call>read<arg_key>path</arg_key><arg_value>a</arg_value>\
                </tool_call>";
    assert_eq!(
        partition(ToolFormat::Glm, text),
        [
            (Markup, "<think>\n"),
            (Reasoning, "Hm."),
            (Markup, "\n</think>\n\n"),
            (Content, "I look."),
            (Markup, "<tool_call>read<arg_key>path</arg_key><arg_value>"),
            (Argument, "a"),
            (Markup, "</arg_value></tool_call>"),
        ]
    );
    let text = "I look.[TOOL_CALLS]read[ARGS]{\"path\": \"a\"}";
    assert_eq!(
        partition(ToolFormat::Mistral, text),
        [(Content, "I look."), (Markup, "[TOOL_CALLS]read[ARGS]"), (Argument, "{\"path\": \"a\"}")]
    );
}

#[test]
fn without_being_asked_nothing_is_noted() {
    let mut parser = OutputParser::new(ToolFormat::QwenXml, Reasoning::None, &tools());
    parser.push("text");
    assert_eq!(parser.finish_with_partition(End::Natural).1, []);
}

proptest! {
    /// The values are exactly the bytes that the partition calls arguments.
    #[test]
    fn values_between_tags_are_the_parts_that_are_arguments(
        values in prop::collection::vec(("[a-z {}\\[\\]<日,:0-9]{1,20}", "[a-z {}\\[\\]<日,:0-9]{1,20}"), 1..4),
    ) {
        for format in [ToolFormat::QwenXml, ToolFormat::Glm, ToolFormat::DeepSeekDsml, ToolFormat::MiniMax] {
            let call = |(path, content): &(String, String)| {
                Written::Call("write", serde_json::json!({"path": path, "content": content}))
            };
            let text = reply(format, &values.iter().map(call).collect::<Vec<_>>());
            let parts = partition(format, &text);
            let arguments: Vec<&str> =
                parts.into_iter().filter(|part| part.0 == Span::Argument).map(|part| part.1).collect();
            let written: Vec<&str> = values.iter().flat_map(|(path, content)| [path.as_str(), content]).collect();
            prop_assert_eq!(arguments, written);
        }
    }
}
