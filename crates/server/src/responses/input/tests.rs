use super::*;

fn messages(items: Value) -> Vec<Message> {
    let mut transcript = Transcript::default();
    for item in items.as_array().unwrap() {
        transcript.item(item, "input[0]").unwrap();
    }
    transcript.finish()
}

fn refusal(item: Value) -> String {
    Transcript::default().item(&item, "input[3]").unwrap_err().to_event_data()
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() }
}

#[test]
fn messages_of_all_roles_keep_their_order_with_text_or_parts() {
    let messages = messages(json!([
        {"type": "message", "id": "m", "role": "developer", "content": [{"type": "input_text", "text": "a"}]},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": [
            {"type": "output_text", "text": "c", "annotations": []}, {"type": "refusal", "refusal": "d"}]},
        {"role": "assistant", "content": "e"},
        {"role": "system", "content": "f"}
    ]));
    let said: Vec<(Role, &str)> =
        messages.iter().map(|message| (message.role, message.content.as_deref().unwrap())).collect();
    let roles = [Role::Developer, Role::User, Role::Assistant, Role::Assistant, Role::System];
    assert_eq!(said, std::iter::zip(roles, ["a", "b", "cd", "e", "f"]).collect::<Vec<_>>());
}

#[test]
fn the_items_of_one_reply_are_one_message_byte_for_byte() {
    let messages = messages(json!([
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": null,
            "content": [{"type": "reasoning_text", "text": " Hm. "}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": " Yes.\n"}]},
        {"type": "function_call", "call_id": "c1", "name": "read", "arguments": "{\"a\": 1.0 }"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": "*** \"x\"\n"},
        {"type": "function_call", "call_id": "c3", "name": "close", "namespace": "agents", "arguments": "{}"},
        {"type": "message", "role": "assistant", "content": "Done."}
    ]));
    assert_eq!(
        messages,
        [Message {
            role: Role::Assistant,
            reasoning: Some(" Hm. ".into()),
            content: Some(" Yes.\nDone.".into()),
            tool_calls: vec![
                call("c1", "read", "{\"a\": 1.0 }"),
                call("c2", "apply_patch", r#"{"input":"*** \"x\"\n"}"#),
                call("c3", "agents__close", "{}"),
            ],
            ..Message::default()
        }]
    );
}

#[test]
fn a_result_carries_the_call_and_the_tool_it_is_of_and_ends_the_message() {
    let messages = messages(json!([
        {"type": "function_call", "call_id": "c1", "name": "close", "namespace": "agents", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "ok"}]},
        {"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": ""},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": ""}
    ]));
    let roles: Vec<Role> = messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::Assistant, Role::Tool, Role::Assistant, Role::Tool]);
    let result = &messages[1];
    assert_eq!((result.content.as_deref(), result.tool_call_id.as_deref()), (Some("ok"), Some("c1")));
    assert_eq!(result.name.as_deref(), Some("agents__close"));
}

#[test]
fn a_call_that_was_cut_off_was_never_made() {
    let messages = messages(json!([
        {"role": "assistant", "content": "a"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"a", "status": "incomplete"}
    ]));
    assert_eq!(messages, [Message::text(Role::Assistant, "a")]);
}

#[test]
fn reasoning_begins_a_new_message_after_text_or_calls() {
    let reasoning = json!({"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Hm."}]});
    let messages = messages(json!([reasoning, {"role": "assistant", "content": "a"}, reasoning]));
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[1].reasoning.as_deref(), Some("Hm."));
}

#[test]
fn a_summary_stands_in_for_reasoning_that_is_not_there_and_encrypted_reasoning_is_left_out() {
    let summary = json!([{"type": "summary_text", "text": "A."}, {"type": "summary_text", "text": "B."}]);
    let messages = messages(json!([
        {"type": "reasoning", "id": "r", "summary": summary, "encrypted_content": "gAAA"},
        {"role": "user", "content": "x"},
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "gAAA"}
    ]));
    assert_eq!(messages[0].reasoning.as_deref(), Some("A.\n\nB."));
    assert_eq!(messages.len(), 2);
}

#[test]
fn what_cannot_be_taken_is_refused_by_name() {
    let image = json!([{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "data:"}]);
    for (item, param, word) in [
        (json!({"role": "user", "content": image}), "input[3].content[1]", "input_image"),
        (
            json!({"type": "function_call_output", "call_id": "c", "output": image}),
            "input[3].output[1]",
            "input_image",
        ),
        (json!({"role": "user"}), "input[3].content", "must have content"),
        (json!({"role": "robot", "content": "x"}), "input[3].role", "robot"),
        (json!({"type": "local_shell_call_output", "output": ""}), "input[3]", "local_shell_call_output"),
        (
            json!({"type": "function_call", "call_id": "c", "name": "f"}),
            "input[3].arguments",
            "function_call",
        ),
        (
            json!({"type": "custom_tool_call", "call_id": "c", "name": "f"}),
            "input[3].input",
            "custom_tool_call",
        ),
        (json!({"type": "function_call", "name": "f", "arguments": "{}"}), "input[3]", "call_id"),
        (json!({"type": "reasoning", "content": [{"text": 5}]}), "input[3].content[0].text", "string"),
        (json!({}), "input[3]", "`none`"),
    ] {
        let refusal = refusal(item.clone());
        assert!(refusal.contains(&format!("\"param\":\"{param}\"")), "{item}: {refusal}");
        assert!(refusal.contains(word), "{item}: {refusal}");
    }
}
