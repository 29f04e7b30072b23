use std::path::Path;

use serde_json::json;

use super::*;
use crate::conversation::{Message, Role, Tool, ToolCall};
use crate::model::{ChatModel, Prompt};
use crate::output::End;

/// A template of our own that writes calls as JSON and forgets the reasoning of earlier turns, as many do.
const JSON_CALLS: &str = r#"
{%- if tools %}<|im_start|>system
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}Call: <tool_call>{"name": ..., "arguments": ...}</tool_call><|im_end|>
{% endif %}
{%- set ns = namespace(last=-1) %}
{%- for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}
{%- for m in messages %}
{%- if m.role == 'assistant' %}<|im_start|>assistant
{% if m.reasoning_content and loop.index0 > ns.last %}<think>
{{ m.reasoning_content | trim }}
</think>

{% endif %}{{ (m.content or '') | trim }}
{%- for call in m.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% elif m.role == 'tool' %}<|im_start|>user
<tool_response>
{{ m.content }}
</tool_response><|im_end|>
{% else %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"#;

/// One that writes calls between tags and sorts their arguments, with the result's name after them.
const TAGGED_CALLS: &str = r#"
{%- for m in messages %}<|im_start|>{{ m.role }}
{{ m.content or '' }}
{%- for call in m.tool_calls or [] %}
<tool_call>
<function={{ call.function.name }}>
{%- for key, value in call.function.arguments | dictsort %}
<parameter={{ key }}>
{{ value if value is string else value | tojson }}
</parameter>
{%- endfor %}
</function>
</tool_call>
{%- endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"#;

const CALL: &str = "I read it.\n\n<tool_call>\n{\"name\": \"read\", \"arguments\": {\"path\":  \"a.rs\", \"limit\": 10.0}}\n</tool_call>";

/// A conversation with a model that writes what it is told to.
struct Session {
    _folder: tempfile::TempDir,
    model: ChatModel,
    conversation: Conversation,
    /// The tokens of the last prompt and of what was generated after it.
    sequence: Vec<u32>,
}

impl Session {
    fn new(template: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tokenizer = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tokenizer.json");
        std::fs::copy(tokenizer, folder.path().join("tokenizer.json")).unwrap();
        std::fs::write(folder.path().join("chat_template.jinja"), template).unwrap();
        let model = ChatModel::from_folder(folder.path()).unwrap();
        let properties = json!({
            "path": {"type": "string"}, "limit": {"type": "number"}, "all": {"type": "boolean", "default": false}
        });
        let function = json!({"name": "read", "parameters": {"type": "object", "properties": properties}});
        let conversation = Conversation {
            messages: vec![Message::text(Role::System, "You code."), Message::text(Role::User, "Read a.rs.")],
            tools: vec![Tool::from_json(json!({"type": "function", "function": function})).unwrap()],
            ..Conversation::default()
        };
        Self { _folder: folder, model, conversation, sequence: Vec::new() }
    }

    fn prompt(&self) -> Prompt {
        self.model.prompt(&self.conversation).unwrap()
    }

    /// The prompt as it is without any memory.
    fn fresh(&self) -> Vec<u32> {
        let text = self.model.template().render(&self.conversation, true).unwrap();
        self.model.tokenizer().encode(&text).unwrap()
    }

    /// The model writes a text, letter by letter, so that no tokenizer would cut it the same way. The conversation goes
    /// on with its message as it was sent.
    fn reply(&mut self, text: &str) -> &mut Message {
        let prompt = self.prompt();
        let tokenizer = self.model.tokenizer().clone();
        let mut generated = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let marks = ["<tool_call>", "</tool_call>", "<think>", "</think>"];
            let mark = marks.iter().find(|mark| rest.starts_with(**mark));
            let length = mark.map_or_else(|| rest.chars().next().unwrap().len_utf8(), |mark| mark.len());
            generated.extend(tokenizer.encode(&rest[..length]).unwrap());
            rest = &rest[length..];
        }
        let mut output = self.model.output(&prompt, Vec::new());
        let mut reply = Reply::default();
        for id in &generated {
            reply.extend(output.push(*id).unwrap());
        }
        reply.finish(output.finish(End::Natural));
        self.sequence = [prompt.tokens.as_slice(), &generated].concat();
        self.model.remember(prompt.place.unwrap(), &prompt.tokens, &generated, reply.clone());
        let calls = reply.tool_calls.into_iter().enumerate().map(|(index, call)| ToolCall {
            id: format!("call_{}_{index}", self.conversation.messages.len()),
            name: call.name,
            arguments: call.arguments,
        });
        let message = Message {
            role: Role::Assistant,
            content: (!reply.content.is_empty()).then_some(reply.content),
            reasoning: (!reply.reasoning.is_empty()).then_some(reply.reasoning),
            tool_calls: calls.collect(),
            ..Message::default()
        };
        self.conversation.messages.push(message);
        self.conversation.messages.last_mut().unwrap()
    }

    /// The results of the last message's calls.
    fn results(&mut self) {
        let calls = self.conversation.messages.last().unwrap().tool_calls.clone();
        for call in calls {
            let result = Message::text(Role::Tool, format!("result of {}", call.id));
            let result = Message { tool_call_id: Some(call.id), name: Some(call.name), ..result };
            self.conversation.messages.push(result);
        }
    }

    fn user(&mut self, text: &str) {
        self.conversation.messages.push(Message::text(Role::User, text));
    }

    /// The next prompt begins with all that was generated, and goes on as the template does.
    #[track_caller]
    fn assert_goes_on(&self) {
        let prompt = self.prompt();
        assert_eq!(prompt.cut, None);
        assert!(prompt.tokens.starts_with(&self.sequence), "{}", self.text(&prompt.tokens));
        let text = self.text(&prompt.tokens);
        let fresh = self.text(&self.fresh());
        let after = &text[self.text(&self.sequence).len()..];
        assert!(!after.is_empty() && fresh.ends_with(after), "{after}");
    }

    /// The next prompt is what the client sent.
    #[track_caller]
    fn assert_begins_anew(&self) {
        assert_eq!(self.text(&self.prompt().tokens), self.text(&self.fresh()));
        assert_eq!(self.prompt().tokens, self.fresh());
    }

    fn text(&self, tokens: &[u32]) -> String {
        self.model.tokenizer().decode(tokens, false)
    }
}

#[test]
fn a_text_stays_cut_into_tokens_as_it_was_generated() {
    let mut session = Session::new(JSON_CALLS);
    session.reply("The file is long.");
    session.user("Shorten it.");
    session.assert_goes_on();
    assert_ne!(session.prompt().tokens, session.fresh());
    assert_eq!(session.text(&session.prompt().tokens), session.text(&session.fresh()));
}

#[test]
fn a_call_stays_as_it_was_generated_whatever_its_arguments_came_back_as() {
    for arguments in [
        r#"{"path":"a.rs","limit":10}"#,
        r#"{"limit":10,"path":"a.rs"}"#,
        r#"{"path":"a.rs","limit":10,"all":false}"#,
        r#"{ "path" : "\u0061.rs", "limit": 1e1 }"#,
    ] {
        let mut session = Session::new(JSON_CALLS);
        session.reply(CALL).tool_calls[0].arguments = arguments.to_owned();
        session.results();
        session.assert_goes_on();
    }
}

#[test]
fn a_session_of_many_calls_goes_on_from_each() {
    let mut session = Session::new(JSON_CALLS);
    for _ in 0..4 {
        let message = session.reply(CALL);
        message.tool_calls[0].arguments = r#"{"limit":10,"path":"a.rs"}"#.to_owned();
        message.content = Some("I read it.".to_owned());
        session.results();
        session.assert_goes_on();
    }
    session.reply("Done.");
    session.user("Once more.");
    session.assert_goes_on();
}

#[test]
fn several_calls_and_one_without_arguments_stay() {
    let mut session = Session::new(JSON_CALLS);
    let none = "<tool_call>\n{\"name\": \"read\", \"arguments\": {}}\n</tool_call>";
    session.reply(&format!("{CALL}\n{none}"));
    assert_eq!(session.conversation.messages.last().unwrap().tool_calls.len(), 2);
    session.results();
    session.assert_goes_on();
}

#[test]
fn arguments_between_tags_stay_also_where_the_template_sorts_them() {
    let mut session = Session::new(TAGGED_CALLS);
    let call = "<tool_call>\n<function=read>\n<parameter=path>\na.rs\n</parameter>\n<parameter=limit>\n10\n</parameter>\n</function>\n</tool_call>";
    for text in [call, "<tool_call>\n<function=read>\n</function>\n</tool_call>"] {
        session.reply(text);
        session.results();
        session.assert_goes_on();
    }
}

#[test]
fn a_call_without_its_last_tag_is_completed_by_the_template() {
    let mut session = Session::new(JSON_CALLS);
    session.reply(CALL.strip_suffix("\n</tool_call>").unwrap());
    session.results();
    session.assert_goes_on();
    let text = session.text(&session.prompt().tokens);
    assert!(text.contains("10.0}}\n</tool_call><|im_end|>"), "{text}");
}

#[test]
fn an_edited_text_wins() {
    let mut session = Session::new(JSON_CALLS);
    session.reply("The file is long.").content = Some("The file is short.".to_owned());
    session.user("Go on.");
    session.assert_begins_anew();
}

#[test]
fn an_edited_argument_wins() {
    let mut session = Session::new(JSON_CALLS);
    session.reply(CALL).tool_calls[0].arguments = r#"{"path":"b.rs","limit":10}"#.to_owned();
    session.results();
    session.assert_begins_anew();
}

#[test]
fn a_removed_call_wins() {
    let mut session = Session::new(JSON_CALLS);
    session.reply(CALL).tool_calls.clear();
    session.user("Go on.");
    session.assert_begins_anew();
}

#[test]
fn nothing_stays_after_something_that_was_edited() {
    for edited in [0, 1] {
        let mut session = Session::new(JSON_CALLS);
        session.reply("The file is long.");
        session.user("Go on.");
        session.reply("It is.");
        session.user("Go on.");
        session.conversation.messages[edited].content = Some("Something else.".to_owned());
        session.assert_begins_anew();
    }
}

#[test]
fn what_stands_before_an_edited_reply_stays() {
    let mut session = Session::new(JSON_CALLS);
    session.reply("The file is long.");
    let first = session.sequence.clone();
    session.user("Go on.");
    session.reply("It is.").content = Some("It is not.".to_owned());
    session.user("Go on.");
    let tokens = session.prompt().tokens;
    assert!(tokens.starts_with(&first) && !tokens.starts_with(&session.sequence));
    assert_eq!(session.text(&tokens), session.text(&session.fresh()));
}

#[test]
fn other_tools_begin_anew() {
    let mut session = Session::new(JSON_CALLS);
    session.reply("The file is long.");
    session.user("Go on.");
    let json = json!({"type": "function", "function": {"name": "write", "parameters": {}}});
    session.conversation.tools.push(Tool::from_json(json).unwrap());
    session.assert_begins_anew();
}

#[test]
fn reasoning_stays_during_a_turn_also_where_the_client_leaves_it_out() {
    let mut session = Session::new(JSON_CALLS);
    session.reply(&format!("<think>\nHm.\n</think>\n\n{CALL}")).reasoning = None;
    session.results();
    session.assert_goes_on();
}

#[test]
fn reasoning_of_an_earlier_turn_is_left_out_where_the_template_does() {
    let mut session = Session::new(JSON_CALLS);
    session.reply("<think>\nHm.\n</think>\n\nThe file is long.");
    session.user("Go on.");
    let prompt = session.prompt();
    assert_eq!(prompt.cut, Some(Cut { message: 2, reason: CutReason::ReasoningLeftOut }));
    session.assert_begins_anew();
    session.reply("It is.");
    session.user("Go on.");
    session.assert_goes_on();
}

#[test]
fn reasoning_of_an_earlier_turn_stays_where_the_template_keeps_it() {
    let mut session = Session::new(&JSON_CALLS.replace(" and loop.index0 > ns.last", ""));
    session.reply("<think>\nHm.\n</think>\n\nThe file is long.");
    session.user("Go on.");
    session.assert_goes_on();
}

#[test]
fn reasoning_that_came_back_changed_wins() {
    let mut session = Session::new(JSON_CALLS);
    session.reply(&format!("<think>\nHm.\n</think>\n\n{CALL}")).reasoning = Some("Hm?".to_owned());
    session.results();
    session.assert_begins_anew();
}

#[test]
fn a_template_that_moves_the_tools_gets_its_way() {
    let moving =
        "{%- for m in messages %}{% if loop.last %}{{ tools | tojson }}{% endif %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}";
    let mut session = Session::new(moving);
    session.reply("The file is long.");
    session.user("Go on.");
    assert_eq!(session.prompt().cut, Some(Cut { message: 2, reason: CutReason::Rewritten }));
    session.assert_begins_anew();
}

#[test]
fn a_template_that_writes_the_ids_of_calls_gets_its_way() {
    let with_ids = JSON_CALLS.replace(r#"{"name": "{{"#, r#"{"id": "{{ call.id }}", "name": "{{"#);
    let mut session = Session::new(&with_ids);
    session.reply(CALL);
    session.results();
    assert_eq!(session.prompt().cut, Some(Cut { message: 2, reason: CutReason::EndNotFound }));
    session.assert_begins_anew();
}

#[test]
fn of_several_replies_to_the_same_prompt_each_is_known() {
    let mut session = Session::new(JSON_CALLS);
    session.reply("The file is long.");
    let (first, message) = (session.sequence.clone(), session.conversation.messages.pop().unwrap());
    session.reply("The file is short.");
    session.conversation.messages[2] = message;
    session.user("Go on.");
    assert!(session.prompt().tokens.starts_with(&first));
}

#[test]
fn a_text_that_looks_like_markup_stays_what_it_is() {
    let mut session = Session::new(JSON_CALLS);
    session.reply(&CALL.replace("a.rs", "<|im_end|>}}\\n</tool_call>"));
    session.results();
    session.conversation.messages.last_mut().unwrap().content = Some("}}\n</tool_call><|im_end|>".to_owned());
    session.assert_goes_on();
}
