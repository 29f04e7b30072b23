use serde_json::json;
use shorn_chat::conversation::{Message, ToolCall};

use super::*;

/// A request with one message of the user's, and more fields.
fn body(more: Value) -> Value {
    let mut body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

fn parse(body: &Value) -> Result<MessagesRequest, ApiError> {
    MessagesRequest::parse(body.to_string().as_bytes())
}

fn conversation(more: Value) -> Conversation {
    match parse(&body(more)).unwrap().turn.input {
        TurnInput::Conversation(conversation) => conversation,
        other => panic!("a conversation, not {other:?}"),
    }
}

/// The conversation that messages become, with a user's message after them.
fn messages(messages: Value) -> Vec<Message> {
    let mut messages = messages;
    messages.as_array_mut().unwrap().push(json!({"role": "user", "content": "end"}));
    let mut messages = conversation(json!({"messages": messages})).messages;
    messages.pop();
    messages
}

/// What is said of a request with one field changed; the field that it names.
fn refusal(more: Value) -> (String, String) {
    let error = parse(&body(more)).unwrap_err();
    assert_eq!(error.status(), 400);
    let data: Value = serde_json::from_str(&error.to_event_data()).unwrap();
    (data["error"]["param"].as_str().unwrap_or_default().to_owned(), error.message().to_owned())
}

fn tool(name: &str) -> Value {
    json!({"name": name, "description": "It reads.", "input_schema": {"type": "object", "properties": {}}})
}

#[test]
fn a_text_is_the_same_as_one_block_of_text() {
    let blocks = json!([{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]);
    let as_blocks = conversation(json!({
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": blocks}]
    }));
    assert_eq!(as_blocks, conversation(json!({"system": "Be brief."})));
    let expected = [Message::text(Role::System, "Be brief."), Message::text(Role::User, "hi")];
    assert_eq!(as_blocks.messages, expected);
}

#[test]
fn the_billing_block_is_dropped_wherever_it_stands() {
    let billing = json!({"type": "text", "text": "x-anthropic-billing-header: cc_version=1;"});
    let rest = json!({"type": "text", "text": "Be brief."});
    let with = conversation(json!({"system": [billing, rest]}));
    assert_eq!(with, conversation(json!({"system": [rest]})));
    let alone = conversation(json!({"system": [billing]}));
    assert_eq!(alone, conversation(json!({})));
    assert_eq!(messages(json!([{"role": "system", "content": [billing]}])), []);
}

#[test]
fn instructions_keep_their_place_among_the_messages() {
    let found = conversation(json!({"system": "a", "messages": [
        {"role": "user", "content": "b"},
        {"role": "system", "content": "c", "output_config": {"effort": "low"}},
        {"role": "assistant", "content": "d"},
        {"role": "user", "content": "e"},
        {"role": "system", "content": [{"type": "text", "text": "f"}, {"type": "text", "text": "g"}]}
    ]}));
    let found: Vec<_> =
        found.messages.iter().map(|message| (message.role, message.content.as_deref().unwrap())).collect();
    let expected = [
        (Role::System, "a"),
        (Role::User, "b"),
        (Role::System, "c"),
        (Role::Assistant, "d"),
        (Role::User, "e"),
        (Role::System, "f\n\ng"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_turn_of_the_model_keeps_reasoning_text_and_calls() {
    let found = messages(json!([{"role": "assistant", "content": [
        {"type": "thinking", "thinking": "\nHm. ", "signature": "c2hvcm4="},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": " I read.\n"},
        {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"b": 1.0, "a": "ü\n"}},
        {"type": "tool_use", "id": "toolu_2", "name": "list", "input": {}}
    ]}]));
    let call = |id: &str, name: &str, arguments: &str| ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
    };
    let expected = Message {
        reasoning: Some("\nHm. ".into()),
        tool_calls: vec![
            call("toolu_1", "read", "{\"b\":1.0,\"a\":\"ü\\n\"}"),
            call("toolu_2", "list", "{}"),
        ],
        ..Message::text(Role::Assistant, " I read.\n")
    };
    assert_eq!(found, [expected]);
}

#[test]
fn a_turn_that_only_calls_has_no_content() {
    let call = json!({"type": "tool_use", "id": "1", "name": "read", "input": {}});
    assert_eq!(messages(json!([{"role": "assistant", "content": [call]}]))[0].content, None);
    assert_eq!(messages(json!([{"role": "assistant", "content": []}]))[0].content.as_deref(), Some(""));
}

#[test]
fn results_become_messages_of_their_own_and_text_around_them_keeps_its_place() {
    let found = messages(json!([
        {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "read", "input": {}}]},
        {"role": "user", "content": [
            {"type": "text", "text": "before"},
            {"type": "tool_result", "tool_use_id": "1", "content": "one"},
            {"type": "tool_result", "tool_use_id": "2", "is_error": true,
             "content": [{"type": "text", "text": "two"}, {"type": "text", "text": "three"}]},
            {"type": "tool_result", "tool_use_id": "3"},
            {"type": "text", "text": "after"}, {"type": "text", "text": "that"}
        ]}
    ]));
    let result = |id: &str, name: Option<&str>, text: &str| Message {
        tool_call_id: Some(id.into()),
        name: name.map(str::to_owned),
        ..Message::text(Role::Tool, text)
    };
    let expected = [
        Message::text(Role::User, "before"),
        result("1", Some("read"), "one"),
        result("2", None, "Error: two\n\nthree"),
        result("3", None, ""),
        Message::text(Role::User, "after\n\nthat"),
    ];
    assert_eq!(found[1..], expected);
}

#[test]
fn tools_take_openais_form_in_order() {
    let found =
        conversation(json!({"tools": [tool("read"), {"name": "x", "input_schema": {}, "type": "custom"}]}));
    let expected = json!({"type": "function", "function": {
        "name": "read", "description": "It reads.", "parameters": {"type": "object", "properties": {}}}});
    assert_eq!(found.tools[0].json, expected);
    assert_eq!(found.tools[1].name, "x");
    assert!(found.listed_tools().count() == 2);
}

#[test]
fn a_deferred_tool_is_shown_where_a_search_found_it_and_the_front_of_the_prompt_stays() {
    let mut fetch = tool("fetch");
    fetch["defer_loading"] = json!(true);
    let found = conversation(json!({
        "tools": [tool("a"), fetch, tool("search")],
        "messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": [
            {"type": "tool_reference", "tool_name": "fetch"}, {"type": "tool_reference", "tool_name": "gone"}]}]}]
    }));
    let listed: Vec<&str> = found.listed_tools().map(|tool| tool.name.as_str()).collect();
    assert_eq!(listed, ["a", "search"]);
    assert_eq!(found.offered_tools().len(), 3, "it can be called");
    let shown = found.messages[0].content.as_deref().unwrap();
    assert!(
        shown.contains(r#""function":{"name":"fetch","description":"It reads.","parameters":"#),
        "{shown}"
    );
    assert!(shown.contains("gone is not available"), "{shown}");
}

#[test]
fn thinking_and_effort_reach_the_template() {
    let kwargs = |more: Value| Value::Object(conversation(more).template_kwargs);
    let thinking =
        |kind: &str| json!({"thinking": {"type": kind, "budget_tokens": 1024, "display": "omitted"}});
    assert_eq!(kwargs(thinking("enabled")), json!({"enable_thinking": true}));
    assert_eq!(kwargs(thinking("adaptive")), json!({"enable_thinking": true}));
    assert_eq!(kwargs(thinking("disabled")), json!({"enable_thinking": false}));
    assert_eq!(kwargs(json!({})), json!({}));
    assert_eq!(kwargs(json!({"output_config": {"effort": "low"}})), json!({"reasoning_effort": "low"}));
}

#[test]
fn sampling_stop_sequences_and_streaming_are_taken_over() {
    let turn = parse(&body(json!({
        "temperature": 0.5, "top_p": 0.9, "top_k": 40, "stop_sequences": ["END"], "stream": true,
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": true},
        "metadata": {"user_id": "x"}, "service_tier": "auto", "context_management": {"edits": []},
        "safeguards": [1], "betas": ["x"]
    })));
    let turn = turn.unwrap().turn;
    let sampling = &turn.sampling;
    assert_eq!((sampling.temperature, sampling.top_p, sampling.top_k), (Some(0.5), Some(0.9), Some(40)));
    assert_eq!(sampling.max_tokens, Some(9));
    assert_eq!((turn.stop, turn.stream, turn.parallel_tool_calls), (vec!["END".to_owned()], true, false));
}

#[test]
fn null_is_as_if_it_was_left_out() {
    let nulls = json!({
        "system": null, "temperature": null, "top_p": null, "top_k": null, "stop_sequences": null, "stream": null,
        "tools": null, "tool_choice": null, "thinking": null, "output_config": null, "output_format": null,
        "mcp_servers": null, "metadata": null
    });
    assert_eq!(parse(&body(nulls)).unwrap(), parse(&body(json!({}))).unwrap());
}

#[test]
fn a_count_needs_no_limit_and_may_end_with_the_models_turn() {
    let request = json!({"model": "m", "messages": [{"role": "assistant", "content": "Yes, and"}]});
    let count = CountRequest::parse(request.to_string().as_bytes()).unwrap();
    assert_eq!(count.conversation.messages, [Message::text(Role::Assistant, "Yes, and")]);
    let (field, message) = refusal(json!({"messages": request["messages"]}));
    assert!(field == "messages" && message.contains("must be the user's"), "{message}");
}

#[test]
fn what_cannot_be_done_is_refused_by_its_field() {
    let user = |block: Value| json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, block]}]});
    let result = |block: Value| user(json!({"type": "tool_result", "tool_use_id": "1", "content": [block]}));
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}});
    let document = json!({"type": "document", "source": {"type": "text", "data": "a"}});
    for (more, field) in [
        (json!({"max_tokens": null}), "max_tokens"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"max_tokens": "many"}), "max_tokens"),
        (json!({"temperature": "hot"}), "temperature"),
        (json!({"messages": []}), "messages"),
        (json!({"messages": [{"role": "tool", "content": "x"}]}), "messages[0].role"),
        (json!({"messages": [{"role": "user", "content": 5}]}), "messages[0].content"),
        (json!({"system": [image]}), "system[0]"),
        (user(image.clone()), "messages[0].content[1]"),
        (user(document), "messages[0].content[1]"),
        (user(json!({"type": "server_tool_use"})), "messages[0].content[1]"),
        (user(json!({"type": "text"})), "messages[0].content[1]"),
        (result(image), "messages[0].content[1].content[0]"),
        (json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}), "tools[0].type"),
        (json!({"tools": [{"name": "x"}]}), "tools[0].input_schema"),
        (json!({"tool_choice": {"type": "tool"}}), "tool_choice"),
        (json!({"tool_choice": {"type": "some"}}), "tool_choice"),
        (json!({"thinking": {"type": "much"}}), "thinking.type"),
        (json!({"output_config": {"format": {"type": "json_schema"}}}), "output_config.format"),
        (json!({"output_format": {"type": "json_schema"}}), "output_config.format"),
        (json!({"mcp_servers": [{"url": "http://127.0.0.1:9"}]}), "mcp_servers"),
    ] {
        let (named, message) = refusal(more.clone());
        assert_eq!(named, field, "{more}: {message}");
        assert!(message.contains(field), "{message}");
    }
}

#[test]
fn an_image_is_named_as_such() {
    let content = json!([{"type": "image", "source": {}}]);
    let (_, message) = refusal(json!({"messages": [{"role": "user", "content": content}]}));
    assert_eq!(message, "messages[0].content[0]: this model takes text only, not a block of type `image`");
}

#[test]
fn what_is_no_json_is_a_bad_request() {
    for body in [&b"{"[..], b"", b"null", b"[]", b"\xff\xfe"] {
        assert_eq!(MessagesRequest::parse(body).unwrap_err().status(), 400);
    }
}
