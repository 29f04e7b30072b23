//! The bodies of `POST /v1/messages` and `POST /v1/messages/count_tokens`, as Anthropic defines them and as agents
//! really send them: unknown fields are ignored, `null` stands for a field that was left out.

#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::{Map, Value};
use shorn_chat::conversation::{Conversation, Role, Tool, ToolChoice};
use shorn_chat::output::ReplyForm;
use shorn_runtime::RequestedSampling;

use super::content::{BodyMessage, Reader, system};
use super::tools::{BodyTool, BodyToolChoice};
use crate::body;
use crate::error::ApiError;
use crate::reply_form::reply_form;
use crate::reuse::SessionHint;
use crate::turn::{Turn, TurnInput};

/// A request for a reply, checked as far as it can be without the model.
#[derive(Debug, Clone, PartialEq)]
pub struct MessagesRequest {
    /// The model asked for.
    pub model: String,
    /// The turn.
    pub turn: Turn,
}

/// A request for a count of tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct CountRequest {
    /// The model asked for.
    pub model: String,
    /// What is counted.
    pub conversation: Conversation,
}

#[derive(Deserialize)]
struct Body {
    /// The model asked for.
    model: String,
    /// The conversation, oldest first.
    messages: Vec<BodyMessage>,
    /// Instructions before the conversation: a text or a list of blocks.
    system: Option<Value>,
    /// Tokens to generate at most. A reply must have it, a count has not.
    max_tokens: Option<u32>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    top_k: Option<u32>,
    /// Texts that end the reply.
    stop_sequences: Option<Vec<String>>,
    /// Whether the reply is sent as it is generated.
    stream: Option<bool>,
    tools: Option<Vec<BodyTool>>,
    tool_choice: Option<BodyToolChoice>,
    thinking: Option<Thinking>,
    output_config: Option<OutputConfig>,
    /// The older name of `output_config.format`.
    output_format: Option<Value>,
    /// Notes of the client: `user_id` names the session.
    metadata: Option<Map<String, Value>>,
    /// Servers whose tools Anthropic would call.
    mcp_servers: Option<Vec<Value>>,
}

/// Whether the model thinks before it answers. How much it thinks (`budget_tokens`) is the model's own affair, and its
/// thoughts are always sent (`display`), because they come back with the next request.
#[derive(Deserialize)]
struct Thinking {
    #[serde(rename = "type")]
    kind: ThinkingKind,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum ThinkingKind {
    Enabled,
    /// As much as the model likes.
    Adaptive,
    Disabled,
}

#[derive(Deserialize)]
struct OutputConfig {
    /// For templates that know `reasoning_effort`.
    effort: Option<String>,
    /// The form of the reply.
    format: Option<Value>,
}

/// Where the form of the reply is said.
const FORM_FIELD: &str = "output_config.format";

/// The fields of a body.
#[cfg(test)]
pub fn fields() -> &'static [&'static str] {
    body::fields::<Body>()
}

impl MessagesRequest {
    /// Parses a body.
    ///
    /// # Errors
    /// 400, naming the field.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let mut body: Body = body::parse(body, "a messages request")?;
        body.refuse_what_is_not_there()?;
        let max_tokens = match body.max_tokens {
            Some(0) => Err("max_tokens must be at least 1"),
            Some(max_tokens) => Ok(max_tokens),
            None => Err("max_tokens is missing: send how many tokens the reply may have"),
        };
        let max_tokens = max_tokens.map_err(|problem| ApiError::bad_parameter("max_tokens", problem))?;
        let sampling = RequestedSampling {
            temperature: body.temperature,
            top_p: body.top_p,
            top_k: body.top_k,
            max_tokens: Some(max_tokens),
            ..RequestedSampling::default()
        };
        let choice = body.tool_choice.as_ref();
        let parallel_tool_calls = choice.and_then(|choice| choice.disable_parallel_tool_use) != Some(true);
        let (stop, stream) = (body.stop_sequences.take().unwrap_or_default(), body.stream == Some(true));
        let form = body.form()?;
        let session = body.session();
        let (model, conversation) = body.conversation()?;
        let last = conversation.messages.iter().rfind(|message| message.role != Role::System);
        if last.is_some_and(|message| message.role == Role::Assistant) {
            let message = "messages: a reply that the request begins cannot be continued yet; the last message must \
                           be the user's";
            return Err(ApiError::bad_parameter("messages", message));
        }
        let turn = Turn {
            input: TurnInput::Conversation(conversation),
            sampling,
            logit_bias: Vec::new(),
            logprobs: None,
            stop,
            stream,
            parallel_tool_calls,
            kv: None,
            form,
            form_field: FORM_FIELD,
            session,
        };
        Ok(Self { model, turn })
    }
}

impl CountRequest {
    /// Parses a body.
    ///
    /// # Errors
    /// 400, naming the field.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let body: Body = body::parse(body, "a request to count tokens")?;
        let (model, conversation) = body.conversation()?;
        Ok(Self { model, conversation })
    }
}

impl Body {
    /// The model's name and what there is to render.
    fn conversation(self) -> Result<(String, Conversation), ApiError> {
        if self.messages.is_empty() {
            return Err(ApiError::bad_parameter("messages", "messages must hold at least one message"));
        }
        let template_kwargs = self.template_kwargs();
        let tool_choice = self.tool_choice.map_or(Ok(ToolChoice::Auto), |choice| choice.parse())?;
        let tools = self.tools.unwrap_or_default().into_iter().enumerate();
        let tools: Vec<Tool> = tools.map(|(index, tool)| tool.parse(index)).collect::<Result<_, _>>()?;
        let mut messages = Vec::from_iter(system(self.system.unwrap_or_default(), "system")?);
        let mut reader = Reader::new(&tools);
        for (index, message) in self.messages.into_iter().enumerate() {
            messages.extend(reader.read(message, &format!("messages[{index}]"))?);
        }
        Ok((self.model, Conversation { messages, tools, tool_choice, template_kwargs }))
    }

    /// What the text of the reply has to be.
    fn form(&self) -> Result<ReplyForm, ApiError> {
        let format = self.output_config.as_ref().and_then(|config| config.format.as_ref());
        reply_form(format.or(self.output_format.as_ref()), FORM_FIELD)
    }

    /// The session in `metadata.user_id`, which is JSON with the session's id in it.
    fn session(&self) -> Option<SessionHint> {
        let user: Value = serde_json::from_str(self.metadata.as_ref()?.get("user_id")?.as_str()?).ok()?;
        Some(SessionHint::Id(user.get("session_id")?.as_str()?.to_owned()))
    }

    /// Without `thinking` a model does what it does by itself.
    fn template_kwargs(&self) -> Map<String, Value> {
        let mut variables = Map::new();
        if let Some(thinking) = &self.thinking {
            let enabled = thinking.kind != ThinkingKind::Disabled;
            variables.insert("enable_thinking".to_owned(), enabled.into());
        }
        if let Some(effort) = self.output_config.as_ref().and_then(|config| config.effort.clone()) {
            variables.insert("reasoning_effort".to_owned(), effort.into());
        }
        variables
    }

    /// What would have to be ignored is refused instead.
    fn refuse_what_is_not_there(&self) -> Result<(), ApiError> {
        let refused = |field: &str, message: &str| Err(ApiError::bad_parameter(field, message));
        if self.mcp_servers.as_ref().is_some_and(|servers| !servers.is_empty()) {
            return refused("mcp_servers", "mcp_servers: this server calls no tools; the client does");
        }
        Ok(())
    }
}
