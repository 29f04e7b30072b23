//! The tools of a request.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use shorn_chat::conversation::{Tool, ToolChoice};

use crate::error::ApiError;

/// A tool as it is sent.
#[derive(Deserialize)]
pub(super) struct BodyTool {
    /// `custom` or nothing: a tool of the client's. Others are Anthropic's.
    #[serde(rename = "type")]
    kind: Option<String>,
    name: String,
    description: Option<String>,
    /// The JSON Schema of its arguments.
    input_schema: Option<Map<String, Value>>,
    /// Whether the model is told of it only once a search has found it.
    defer_loading: Option<bool>,
    /// Whether calls have to follow the schema to the letter.
    strict: Option<bool>,
}

/// Whether tools are called.
#[derive(Deserialize)]
pub(super) struct BodyToolChoice {
    /// `auto`, `any`, `tool` or `none`.
    #[serde(rename = "type")]
    kind: String,
    /// The one that has to be called, of the kind `tool`.
    name: Option<String>,
    /// Whether the reply may hold no more than one call.
    pub disable_parallel_tool_use: Option<bool>,
}

impl BodyTool {
    /// The tool in the conversation; `index` is its place in the list.
    ///
    /// # Errors
    /// 400 for a tool that Anthropic would run or whose schema only Anthropic's models know.
    pub(super) fn parse(self, index: usize) -> Result<Tool, ApiError> {
        let refused = |field: &str, problem: &str| {
            let field = format!("tools[{index}].{field}");
            Err(ApiError::bad_parameter(&field, format!("{field}: {problem}")))
        };
        if let Some(kind) = self.kind.filter(|kind| kind != "custom") {
            let problem = format!(
                "`{kind}` is a tool of Anthropic's servers and models; leave it out or send a tool of your own, with \
                 an input_schema"
            );
            return refused("type", &problem);
        }
        let Some(schema) = self.input_schema else {
            return refused("input_schema", "a tool must have a JSON Schema of its arguments");
        };
        let mut function = Map::new();
        function.insert("name".to_owned(), self.name.into());
        function.extend(self.description.map(|description| ("description".to_owned(), description.into())));
        function.insert("parameters".to_owned(), schema.into());
        let tool = Tool::from_json(json!({"type": "function", "function": function}));
        let Some(tool) = tool else { return refused("name", "a tool must have a name") };
        Ok(Tool { deferred: self.defer_loading == Some(true), strict: self.strict == Some(true), ..tool })
    }
}

impl BodyToolChoice {
    /// The choice.
    ///
    /// # Errors
    /// 400 for one that says nothing.
    pub(super) fn parse(self) -> Result<ToolChoice, ApiError> {
        match (self.kind.as_str(), self.name) {
            ("auto", _) => Ok(ToolChoice::Auto),
            ("none", _) => Ok(ToolChoice::None),
            ("any", _) => Ok(ToolChoice::Required),
            ("tool", Some(name)) => Ok(ToolChoice::Named(name)),
            ("tool", None) => {
                Err(ApiError::bad_parameter("tool_choice", "tool_choice: `tool` needs the name of one"))
            }
            (other, _) => {
                let message = format!("tool_choice: `{other}` is not one of auto, any, tool, none");
                Err(ApiError::bad_parameter("tool_choice", message))
            }
        }
    }
}

/// What the model is told of a tool where a search has found it: the same JSON as in the list of tools. That list
/// stands at the front of the prompt, and a change there would lose all that is cached behind it.
pub(super) fn shown(name: &str, tools: &[Tool]) -> String {
    match tools.iter().find(|tool| tool.name == name) {
        Some(tool) => {
            format!("The tool {name} can be called now, like those listed at the beginning:\n{}", tool.json)
        }
        None => format!("The tool {name} is not available any more."),
    }
}
