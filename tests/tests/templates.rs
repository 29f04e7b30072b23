//! Chat templates: what they write is what transformers' own renderer writes.
//!
//! The templates in `fixtures/templates` are ours, one for each way in which real ones are written. Real ones are the
//! property of their makers: `SHORN_TEMPLATES=FOLDER cargo test -p shorn-tests --test templates -- --nocapture` compares
//! those in a folder and prints a table.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use shorn_chat::conversation::{Conversation, Message, Role, Tool, ToolCall};
use shorn_chat::template::ChatTemplate;
use shorn_tests::conformance;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

#[test]
fn every_way_to_write_a_template_gives_what_transformers_gives() {
    let compared = compare(&fixtures().join("templates"));
    assert!(compared.len() > 20, "{} templates", compared.len());
    let differ: Vec<&Compared> =
        compared.iter().filter(|template| !template.differences.is_empty()).collect();
    assert!(differ.is_empty(), "{}", table(&differ));
    for template in &compared {
        assert!(
            template.equal > template.refused + template.loops_over_none,
            "{} refuses most conversations",
            template.name
        );
    }
}

#[test]
fn real_templates_give_what_transformers_gives() {
    let Some(folder) = std::env::var_os("SHORN_TEMPLATES") else { return };
    let compared = compare(Path::new(&folder));
    let all = table(&compared.iter().collect::<Vec<_>>());
    println!("{all}");
    assert!(!compared.is_empty() && compared.iter().all(|template| template.differences.is_empty()), "{all}");
}

/// What Python says where it is asked for the items of `none`, which are none here.
const LOOP_OVER_NONE: &str = "TypeError: 'NoneType' object is not iterable";

/// What came of one template.
struct Compared {
    name: String,
    /// Conversations of which both make the same text.
    equal: usize,
    /// Conversations that both refuse.
    refused: usize,
    /// Conversations that only Python refuses, because there a loop over `none` fails.
    loops_over_none: usize,
    /// The others: the conversation, and where the two part.
    differences: Vec<(String, String)>,
}

/// Renders every conversation with every template of a folder, here and in Python.
fn compare(folder: &Path) -> Vec<Compared> {
    let file = fixtures().join("conversations.json");
    let given: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let arguments = [file.to_str().unwrap(), folder.to_str().unwrap()];
    let theirs: Value =
        serde_json::from_str(&conformance::output("transformers", "templates", &arguments)).unwrap();
    let names: Vec<&String> = given["conversations"].as_object().unwrap().keys().collect();
    let templates = theirs.as_object().unwrap().iter();
    templates
        .map(|(name, forms)| {
            let ours = render_all(&folder.join(format!("{name}.jinja")), &given);
            let compared = forms.as_array().unwrap().iter().map(|theirs| {
                let (mut equal, mut refused, mut loops_over_none, mut differences) = (0, 0, 0, Vec::new());
                for ((conversation, ours), theirs) in names.iter().zip(&ours).zip(theirs.as_array().unwrap())
                {
                    match (ours, theirs) {
                        _ if ours == theirs => equal += 1,
                        _ if ours["text"].is_null() && theirs["text"].is_null() => refused += 1,
                        _ if theirs["error"] == LOOP_OVER_NONE => loops_over_none += 1,
                        _ => differences.push(((*conversation).clone(), difference(ours, theirs))),
                    }
                }
                Compared { name: name.clone(), equal, refused, loops_over_none, differences }
            });
            // Which form a template gets is ours to find out; that it is one of them for all conversations is the test.
            compared.min_by_key(|compared| (compared.differences.len(), compared.refused)).unwrap()
        })
        .collect()
}

fn render_all(template: &Path, given: &Value) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(template, folder.path().join("chat_template.jinja")).unwrap();
    std::fs::write(folder.path().join("tokenizer_config.json"), given["special_tokens"].to_string()).unwrap();
    let template = ChatTemplate::from_folder(folder.path()).unwrap();
    let conversations = given["conversations"].as_object().unwrap().values();
    conversations
        .map(|conversation| match template.render(&parse(conversation, &given["tools"]), true) {
            Ok(text) => json!({ "text": text }),
            Err(error) => json!({ "error": error.to_string() }),
        })
        .collect()
}

fn parse(conversation: &Value, tools: &Value) -> Conversation {
    let tools = conversation["tools"].as_str().map(|name| tools[name].as_array().unwrap().clone());
    Conversation {
        messages: conversation["messages"].as_array().unwrap().iter().map(message).collect(),
        tools: tools.unwrap_or_default().into_iter().filter_map(Tool::from_json).collect(),
        template_kwargs: conversation["kwargs"].as_object().cloned().unwrap_or_else(Map::new),
        ..Conversation::default()
    }
}

fn message(value: &Value) -> Message {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    let role = match value["role"].as_str().unwrap() {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        other => panic!("{other} is no role"),
    };
    let calls = value["tool_calls"].as_array().cloned().unwrap_or_default();
    let call = |call: &Value| {
        let field = |value: &Value| value.as_str().unwrap().to_owned();
        let function = &call["function"];
        ToolCall {
            id: field(&call["id"]),
            name: field(&function["name"]),
            arguments: field(&function["arguments"]),
        }
    };
    Message {
        role,
        content: text("content"),
        reasoning: text("reasoning_content"),
        tool_calls: calls.iter().map(call).collect(),
        tool_call_id: text("tool_call_id"),
        name: text("name"),
    }
}

/// Where two renderings part.
fn difference(ours: &Value, theirs: &Value) -> String {
    let (Some(left), Some(right)) = (ours["text"].as_str(), theirs["text"].as_str()) else {
        let short = |value: &Value| value.to_string().chars().take(160).collect::<String>();
        return format!("ours {}, theirs {}", short(ours), short(theirs));
    };
    let same = left.chars().zip(right.chars()).take_while(|(left, right)| left == right).count();
    let around = |text: &str| text.chars().skip(same.saturating_sub(30)).take(90).collect::<String>();
    format!("after {same} characters: ours {:?}, theirs {:?}", around(left), around(right))
}

fn table(templates: &[&Compared]) -> String {
    let mut table = format!(
        "{:<48} {:>5} {:>15} {:>14} {:>6}\n",
        "template", "equal", "refused by both", "loop over none", "differ"
    );
    for Compared { name, equal, refused, loops_over_none, differences } in templates {
        let differ = differences.len();
        table += &format!("{name:<48} {equal:>5} {refused:>15} {loops_over_none:>14} {differ:>6}\n");
        for (conversation, difference) in differences {
            table += &format!("    {conversation}: {difference}\n");
        }
    }
    table
}
