use serde_json::{Value, json};

use super::*;

fn tools() -> Tools {
    let function = |name: &str| json!({"type": "function", "name": name});
    let namespace = json!({"type": "namespace", "name": "agents", "tools": [function("close")]});
    Tools::parse(vec![function("read"), json!({"type": "custom", "name": "apply_patch"}), namespace]).unwrap()
}

fn start(name: &str) -> Delta {
    Delta::ToolCallStart { index: 0, name: name.to_owned() }
}

fn arguments(json: &str) -> Delta {
    Delta::ToolCallArguments { index: 0, json: json.to_owned() }
}

const END: Delta = Delta::ToolCallEnd { index: 0 };

/// The names of the events without what all of them begin with, and the items.
fn told(deltas: Vec<Delta>, status: Status) -> (Vec<String>, Vec<Value>) {
    let mut output = Output::new(tools());
    let mut events: Vec<ItemEvent> = deltas.into_iter().flat_map(|delta| output.push(delta)).collect();
    events.extend(output.end(status));
    let names = events.iter().map(|event| event.name.trim_start_matches("response.").to_owned()).collect();
    (names, output.items().iter().map(|item| serde_json::to_value(item).unwrap()).collect())
}

#[test]
fn reasoning_and_text_are_items_with_a_part_each() {
    let deltas = ["Hm", "."].map(|text| Delta::Reasoning(text.into())).into_iter();
    let (names, items) = told(deltas.chain([Delta::Content("Yes.".into())]).collect(), Status::Completed);
    let expected = [
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
    ];
    assert_eq!(names, expected);
    assert_eq!(items[0]["content"], json!([{"type": "reasoning_text", "text": "Hm."}]));
    assert_eq!((&items[1]["type"], &items[1]["content"][0]["text"]), (&json!("message"), &json!("Yes.")));
}

#[test]
fn a_function_is_called_by_its_name_and_namespace() {
    let deltas = vec![start("agents__close"), arguments("{\"id\":"), arguments("1}"), END];
    let (names, items) = told(deltas, Status::Completed);
    let deltas = ["function_call_arguments.delta"; 2];
    assert_eq!(names[1..3], deltas);
    assert_eq!(names[3..], ["function_call_arguments.done", "output_item.done"]);
    assert_eq!((&items[0]["name"], &items[0]["namespace"]), (&json!("close"), &json!("agents")));
    assert_eq!(items[0]["arguments"], "{\"id\":1}");
}

#[test]
fn a_custom_tool_is_called_with_its_text_as_it_comes() {
    let deltas = vec![start("apply_patch"), arguments("{\"input\":\"a\\n"), arguments("b\\\"\"}"), END];
    let mut output = Output::new(tools());
    let events: Vec<ItemEvent> = deltas.into_iter().flat_map(|delta| output.push(delta)).collect();
    let deltas: Vec<&str> = events
        .iter()
        .filter_map(|event| match &event.body {
            ItemEventBody::CallDelta { delta, .. } => Some(delta.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(deltas, ["a\n", "b\""]);
    let item = serde_json::to_value(&output.items()[0]).unwrap();
    assert_eq!((&item["type"], &item["input"]), (&json!("custom_tool_call"), &json!("a\nb\"")));
}

#[test]
fn a_call_that_is_cut_off_is_never_done() {
    for name in ["read", "apply_patch"] {
        let deltas = vec![Delta::Content("I".into()), start(name), arguments("{\"input\":\"a")];
        let (names, items) = told(deltas, Status::Incomplete);
        assert_eq!(names.iter().filter(|name| *name == "output_item.done").count(), 1, "the text before it");
        assert!(!names.iter().any(|name| name.ends_with("arguments.done") || name.ends_with("input.done")));
        assert_eq!((&items[0]["status"], &items[1]["status"]), (&json!("completed"), &json!("incomplete")));
    }
}

#[test]
fn a_text_that_is_cut_off_is_done_and_says_so() {
    let (names, items) = told(vec![Delta::Content("I wa".into())], Status::Incomplete);
    assert_eq!(names.last().unwrap(), "output_item.done");
    assert_eq!(items[0]["status"], "incomplete");
}

#[test]
fn items_are_counted_in_order() {
    let mut output = Output::new(tools());
    let deltas = vec![Delta::Reasoning("a".into()), start("read"), arguments("{}"), END, start("read"), END];
    let events: Vec<ItemEvent> = deltas.into_iter().flat_map(|delta| output.push(delta)).collect();
    let indices: Vec<usize> = events.iter().map(|event| event.output_index).collect();
    assert!(indices.is_sorted() && indices.last() == Some(&2), "{indices:?}");
}
