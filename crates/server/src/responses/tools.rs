//! The tools of a request: each is offered to the model as a function, and a call comes back as the kind it was sent as.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};
use shorn_chat::conversation::Tool;

use super::input::typed;
use crate::error::ApiError;

/// The one parameter of a custom tool as the model sees it.
pub const INPUT: &str = "input";

/// What OpenAI runs on its own servers. Agents send these unasked; they are left out of the prompt, and the model does
/// not miss what it has not been told of.
const HOSTED: [&str; 6] = [
    "web_search",
    "web_search_preview",
    "file_search",
    "code_interpreter",
    "image_generation",
    "tool_search",
];

/// The tools of a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tools {
    /// As the model is told about them.
    pub offered: Vec<Tool>,
    /// As they were sent, without those that are left out.
    pub sent: Vec<Value>,
    known: HashMap<String, Known>,
}

/// What a name that the model calls stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Whether it is a custom tool: it takes a raw text rather than arguments.
    pub custom: bool,
    /// Its name within its namespace.
    pub name: String,
    /// Its namespace.
    pub namespace: Option<String>,
}

/// A function or a custom tool, alone or in a namespace.
#[derive(Deserialize)]
struct BodyTool {
    name: String,
    description: Option<String>,
    /// A function's arguments, as JSON Schema.
    parameters: Option<Value>,
    /// Whether calls have to follow it to the letter. The model is not told.
    strict: Option<bool>,
    /// What a custom tool's text must look like.
    format: Option<BodyFormat>,
}

#[derive(Deserialize)]
struct BodyFormat {
    /// The grammar's language.
    syntax: Option<String>,
    /// The grammar.
    definition: Option<String>,
}

#[derive(Deserialize)]
struct BodyNamespace {
    name: String,
    tools: Vec<Value>,
}

impl Tools {
    /// Reads a request's tools.
    ///
    /// # Errors
    /// 400, naming the tool.
    pub fn parse(sent: Vec<Value>) -> Result<Self, ApiError> {
        let mut tools = Self::default();
        for (index, tool) in sent.into_iter().enumerate() {
            let field = format!("tools[{index}]");
            match kind(&tool) {
                // Their names carry dates.
                hosted if HOSTED.iter().any(|name| hosted.starts_with(name)) => continue,
                "namespace" => {
                    let namespace: BodyNamespace = typed(&tool, &field)?;
                    for (index, tool) in namespace.tools.iter().enumerate() {
                        tools.add(tool, Some(&namespace.name), &format!("{field}.tools[{index}]"))?;
                    }
                }
                _ => tools.add(&tool, None, &field)?,
            }
            tools.sent.push(tool);
        }
        Ok(tools)
    }

    /// The name by which the model knows a tool.
    pub fn offered_name(name: &str, namespace: Option<&str>) -> String {
        match namespace {
            Some(namespace) => format!("{namespace}__{name}"),
            None => name.to_owned(),
        }
    }

    /// What the model means by a name. One that it made up is a function of that name.
    pub fn called(&self, name: &str) -> Known {
        let made_up = || Known { custom: false, name: name.to_owned(), namespace: None };
        self.known.get(name).cloned().unwrap_or_else(made_up)
    }

    fn add(&mut self, tool: &Value, namespace: Option<&str>, field: &str) -> Result<(), ApiError> {
        let custom = match kind(tool) {
            "function" => false,
            "custom" => true,
            other => {
                let message = format!(
                    "{field}: tools of type `{other}` are not supported; send it as a function or a custom tool"
                );
                return Err(ApiError::bad_parameter(field, message));
            }
        };
        let body: BodyTool = typed(tool, field)?;
        let name = Self::offered_name(&body.name, namespace);
        let known = Known { custom, name: body.name.clone(), namespace: namespace.map(str::to_owned) };
        if self.known.get(&name).is_some_and(|other| *other != known) {
            let message = format!("{field}: the model would know two tools as `{name}`; rename one of them");
            return Err(ApiError::bad_parameter(field, message));
        }
        self.known.insert(name.clone(), known);
        let strict = body.strict == Some(true);
        let offered = Tool::from_json(body.offered(&name, custom));
        self.offered.extend(offered.map(|tool| Tool { strict, ..tool }));
        Ok(())
    }
}

impl BodyTool {
    /// The tool in the form in which templates know functions.
    fn offered(self, name: &str, custom: bool) -> Value {
        let mut function = json!({"name": name});
        if let Some(description) = &self.description {
            function["description"] = json!(description);
        }
        let parameters = if custom { Some(self.raw_input()) } else { self.parameters };
        if let Some(parameters) = parameters {
            function["parameters"] = parameters;
        }
        json!({"type": "function", "function": function})
    }

    /// The parameters of a custom tool. Its grammar, which nothing enforces, is the only word on what it takes.
    fn raw_input(&self) -> Value {
        let mut description = "The tool's input, as raw text.".to_owned();
        let grammar =
            self.format.as_ref().and_then(|format| format.definition.as_ref().zip(format.syntax.as_ref()));
        if let Some((definition, syntax)) = grammar {
            description.push_str(&format!(" It must match this {syntax} grammar:\n{definition}"));
        }
        json!({
            "type": "object",
            "properties": {INPUT: {"type": "string", "description": description}},
            "required": [INPUT],
        })
    }
}

/// An object's `type`, or what to call it without one.
fn kind(object: &Value) -> &str {
    object.get("type").and_then(Value::as_str).unwrap_or("none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(tools: Value) -> String {
        let Value::Array(tools) = tools else { panic!("a list") };
        Tools::parse(tools).unwrap_err().message().to_owned()
    }

    #[test]
    fn a_function_is_offered_in_the_form_that_templates_know() {
        let parameters = json!({"type": "object", "properties": {"path": {"type": "string"}}});
        let sent = json!({"type": "function", "name": "read", "description": "Reads.", "strict": false,
            "parameters": parameters});
        let tools = Tools::parse(vec![sent.clone()]).unwrap();
        let function = json!({"name": "read", "description": "Reads.", "parameters": parameters});
        assert_eq!(tools.offered[0].json, json!({"type": "function", "function": function}));
        assert_eq!(tools.sent, [sent]);
    }

    #[test]
    fn a_custom_tool_is_offered_with_its_grammar_and_called_with_raw_text() {
        let format = json!({"type": "grammar", "syntax": "lark", "definition": "start: \"x\""});
        let sent =
            json!({"type": "custom", "name": "apply_patch", "description": "Patches.", "format": format});
        let tools = Tools::parse(vec![sent]).unwrap();
        let parameters = &tools.offered[0].parameters;
        let description = parameters["properties"]["input"]["description"].as_str().unwrap();
        assert!(description.ends_with("this lark grammar:\nstart: \"x\""), "{description}");
        assert!(tools.called("apply_patch").custom);
    }

    #[test]
    fn what_is_in_a_namespace_is_offered_with_its_name_before_it() {
        let spawn = json!({"type": "function", "name": "spawn", "parameters": {"type": "object"}});
        let raw = json!({"type": "custom", "name": "raw"});
        let sent = json!({"type": "namespace", "name": "agents", "description": "A.", "tools": [spawn, raw]});
        let tools = Tools::parse(vec![sent]).unwrap();
        let names: Vec<&str> = tools.offered.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names, ["agents__spawn", "agents__raw"]);
        let known =
            |custom, name: &str| Known { custom, name: name.into(), namespace: Some("agents".into()) };
        assert_eq!(tools.called("agents__spawn"), known(false, "spawn"));
        assert_eq!(tools.called("agents__raw"), known(true, "raw"));
    }

    #[test]
    fn what_openai_runs_itself_is_left_out() {
        let sent = ["web_search", "web_search_preview_2025_03_11", "file_search", "image_generation"];
        let tools = Tools::parse(sent.map(|kind| json!({"type": kind})).to_vec()).unwrap();
        assert_eq!(tools, Tools::default());
    }

    #[test]
    fn what_a_client_would_run_in_a_form_of_its_own_is_refused_by_name() {
        for kind in ["local_shell", "shell", "apply_patch", "mcp", "computer_use_preview", "new_thing"] {
            let refusal = refusal(json!([{"type": "web_search"}, {"type": kind}]));
            assert!(refusal.contains("tools[1]") && refusal.contains(kind), "{refusal}");
        }
        assert!(refusal(json!([{"name": "read"}])).contains("`none`"));
        assert!(refusal(json!([{"type": "function"}])).contains("tools[0]: missing field `name`"));
    }

    #[test]
    fn two_tools_that_the_model_could_not_tell_apart_are_refused() {
        let function = |name: &str| json!({"type": "function", "name": name});
        let namespace = json!({"type": "namespace", "name": "a", "tools": [function("b")]});
        let refusal = refusal(json!([function("a__b"), namespace]));
        assert!(refusal.contains("tools[1].tools[0]") && refusal.contains("`a__b`"), "{refusal}");
    }
}
