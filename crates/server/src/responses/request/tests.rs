use shorn_chat::conversation::{Message, Role};
use shorn_checkpoint::KvCache;

use super::*;

fn parse(body: Value) -> Result<ResponsesRequest, ApiError> {
    ResponsesRequest::parse(body.to_string().as_bytes(), &ResponseStore::default())
}

fn conversation(request: ResponsesRequest) -> Conversation {
    let TurnInput::Conversation(conversation) = request.turn.input else { panic!("no conversation") };
    conversation
}

#[test]
fn a_text_is_a_users_message_and_instructions_come_before_it() {
    let request = parse(json!({"input": "Hi.", "instructions": "Be brief."})).unwrap();
    let expected = [Message::text(Role::System, "Be brief."), Message::text(Role::User, "Hi.")];
    assert_eq!(conversation(request).messages, expected);
}

#[test]
fn null_stands_for_every_field_that_was_left_out() {
    let nulls = json!({
        "model": null, "input": "x", "instructions": null, "previous_response_id": null, "tools": null,
        "tool_choice": null, "parallel_tool_calls": null, "reasoning": null, "max_output_tokens": null,
        "temperature": null, "top_p": null, "text": null, "store": null, "stream": null, "metadata": null,
        "include": null, "top_logprobs": null, "background": null, "conversation": null, "prompt": null,
        "truncation": null, "prompt_cache_key": null, "service_tier": null, "kv_bits": null
    });
    assert_eq!(parse(nulls).unwrap(), parse(json!({"input": "x"})).unwrap());
}

#[test]
fn what_harms_nobody_is_accepted() {
    let request = parse(json!({
        "input": "x", "store": false, "include": ["reasoning.encrypted_content"], "truncation": "auto",
        "client_metadata": {"a": "b"}, "metadata": {"a": "b"}, "prompt_cache_key": "k", "service_tier": "auto",
        "stream_options": {"include_obfuscation": false}, "text": {"format": {"type": "text"}, "verbosity": "low"},
        "background": false, "top_logprobs": 0, "max_tool_calls": 3, "user": "u", "something_new": [1]
    }));
    let settings = request.unwrap().settings;
    assert_eq!((settings.prompt_cache_key.as_deref(), settings.truncation), (Some("k"), "disabled"));
    assert_eq!(settings.metadata["a"], "b");
}

#[test]
fn only_what_is_to_be_stored_is_kept() {
    assert_eq!(parse(json!({"input": "x", "store": false})).unwrap().keep, None);
    let item = json!({"type": "message", "role": "user", "content": "x"});
    assert_eq!(parse(json!({"input": "x"})).unwrap().keep, Some(vec![item]));
}

#[test]
fn the_effort_reaches_the_template_and_none_turns_thinking_off() {
    let kwargs = |body| Value::Object(conversation(parse(body).unwrap()).template_kwargs);
    let none = json!({"input": "x", "reasoning": {"effort": "none", "summary": "auto"}});
    assert_eq!(kwargs(none), json!({"enable_thinking": false, "reasoning_effort": "none"}));
    let high = json!({"input": "x", "reasoning": {"effort": "high"}});
    assert_eq!(kwargs(high), json!({"reasoning_effort": "high"}));
}

#[test]
fn a_request_goes_on_from_a_stored_response_without_its_instructions() {
    let store = ResponseStore::default();
    let said =
        json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "b"}]});
    let input = vec![json!({"role": "user", "content": "a"})];
    store.keep("resp_1".into(), None, input, json!({"output": [said], "instructions": "Old."}));
    let body = json!({"input": "c", "previous_response_id": "resp_1", "instructions": "New."});
    let request = ResponsesRequest::parse(body.to_string().as_bytes(), &store).unwrap();
    let expected = [(Role::System, "New."), (Role::User, "a"), (Role::Assistant, "b"), (Role::User, "c")];
    assert_eq!(conversation(request).messages, expected.map(|(role, text)| Message::text(role, text)));
}

#[test]
fn a_reference_is_the_item_it_refers_to() {
    let store = ResponseStore::default();
    let item = json!({"id": "msg_1", "role": "user", "content": "a"});
    store.keep("resp_1".into(), None, vec![item.clone()], json!({"output": []}));
    for reference in [json!({"type": "item_reference", "id": "msg_1"}), json!({"id": "msg_1"})] {
        let body = json!({"input": [reference]}).to_string();
        let request = ResponsesRequest::parse(body.as_bytes(), &store).unwrap();
        assert_eq!(request.keep, Some(vec![item.clone()]));
    }
    let error =
        parse(json!({"input": [{"type": "item_reference", "id": "msg_2"}]})).unwrap_err().to_event_data();
    assert!(error.contains("input[0].id") && error.contains("msg_2"), "{error}");
}

#[test]
fn a_wrong_field_is_named() {
    for (field, value) in [
        ("input", json!(5)),
        ("input", json!([])),
        ("input", json!([{"role": "user", "content": 5}])),
        ("temperature", json!("hot")),
        ("max_output_tokens", json!(0)),
        ("text", json!({"format": {"type": "json_schema"}})),
        ("top_logprobs", json!(1)),
        ("background", json!(true)),
        ("conversation", json!("conv_1")),
        ("prompt", json!({"id": "pmpt_1"})),
        ("previous_response_id", json!("resp_gone")),
        ("tools", json!([{"type": "local_shell"}])),
        ("tool_choice", json!("always")),
        ("tool_choice", json!({"type": "web_search_preview"})),
        ("tool_choice", json!({"type": "function"})),
        ("kv_bits", json!(5)),
    ] {
        let mut body = json!({"input": "x"});
        body[field] = value.clone();
        let error = parse(body).unwrap_err();
        assert_eq!(error.status(), 400);
        let error = error.to_event_data();
        assert!(error.contains(&format!("\"param\":\"{field}")), "{field} = {value}: {error}");
    }
    assert!(parse(json!({})).unwrap_err().message().contains("input"));
    assert!(parse(json!({"input": "x", "include": ["message.output_text.logprobs"]})).is_err());
}

#[test]
fn what_the_chat_route_takes_beyond_openai_is_taken_here_too() {
    let turn = parse(json!({"input": "x", "kv_bits": "off", "seed": 7, "top_k": -1})).unwrap().turn;
    assert_eq!((turn.kv, turn.sampling.seed, turn.sampling.top_k), (Some(KvCache::Dense), Some(7), Some(0)));
}
