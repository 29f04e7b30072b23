//! The body of `POST /v1/chat/completions`, as OpenAI defines it and as agents really send it: unknown fields are
//! ignored, `null` stands for a field that was left out.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use shorn_chat::conversation::{Conversation, Message, Role, Tool, ToolCall};
use shorn_checkpoint::KvCache;
use shorn_protocol::Sampling;
use shorn_runtime::RequestedSampling;

use crate::body;
use crate::choices::choices;
use crate::error::ApiError;
use crate::kv_fields::{BitsField, KvFields};
use crate::reply_form::reply_form;
use crate::reuse::SessionHint;
use crate::tool_choice::tool_choice;
use crate::turn::{Turn, TurnInput};

/// A request, checked as far as it can be without the model.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The model asked for; `None` for whatever is served.
    pub model: Option<String>,
    /// The turn.
    pub turn: Turn,
    /// How many replies are wanted.
    pub choices: u32,
    /// Whether a stream ends with a chunk of token counts.
    pub include_usage: bool,
}

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    messages: Vec<BodyMessage>,
    #[serde(default)]
    tools: Option<Vec<Value>>,
    tool_choice: Option<Value>,
    parallel_tool_calls: Option<bool>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    top_k: Option<i64>,
    min_p: Option<f32>,
    repetition_penalty: Option<f32>,
    presence_penalty: Option<f32>,
    frequency_penalty: Option<f32>,
    seed: Option<i64>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    #[serde(default, deserialize_with = "one_or_many")]
    stop: Vec<String>,
    logit_bias: Option<Map<String, Value>>,
    logprobs: Option<bool>,
    top_logprobs: Option<u8>,
    n: Option<u32>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    response_format: Option<Value>,
    reasoning_effort: Option<String>,
    chat_template_kwargs: Option<Map<String, Value>>,
    /// The client's name for its session.
    prompt_cache_key: Option<String>,
    // Shorn's own: the KV cache of this request.
    kv_bits: Option<BitsField>,
    kv_key_bits: Option<u32>,
    kv_value_bits: Option<u32>,
    kv_group_size: Option<u32>,
    kv_start: Option<u32>,
}

/// How a stream ends.
#[derive(Deserialize)]
pub(crate) struct StreamOptions {
    /// Whether with a chunk of token counts.
    pub include_usage: Option<bool>,
}

#[derive(Deserialize)]
struct BodyMessage {
    role: String,
    #[serde(default)]
    content: Option<Value>,
    // Agents send reasoning back under the name it came in.
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    reasoning_text: Option<String>,
    tool_calls: Option<Vec<BodyToolCall>>,
    tool_call_id: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct BodyToolCall {
    #[serde(default)]
    id: Option<String>,
    function: BodyFunction,
}

#[derive(Deserialize)]
struct BodyFunction {
    name: String,
    #[serde(default)]
    arguments: Option<String>,
}

/// The fields of a body.
#[cfg(test)]
pub fn fields() -> &'static [&'static str] {
    body::fields::<Body>()
}

impl ChatRequest {
    /// Parses a body.
    ///
    /// # Errors
    /// 400, naming the field.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let body: Body = body::parse(body, "a chat request")?;
        body.check()
    }
}

impl Body {
    fn check(self) -> Result<ChatRequest, ApiError> {
        self.refuse_what_is_not_there()?;
        let kv = self.kv()?;
        let logit_bias = self.logit_bias()?;
        if self.messages.is_empty() {
            return Err(ApiError::bad_parameter("messages", "messages must hold at least one message"));
        }
        // -1 and 0 are both in use for "no limit".
        let top_k = self.top_k.map(|top_k| u32::try_from(top_k.max(0)).unwrap_or(u32::MAX));
        let max_tokens = self.max_completion_tokens.or(self.max_tokens);
        if max_tokens == Some(0) {
            return Err(ApiError::bad_parameter("max_tokens", "max_tokens must be at least 1"));
        }
        let sampling = RequestedSampling {
            temperature: self.temperature,
            top_p: self.top_p,
            top_k,
            min_p: self.min_p,
            repetition_penalty: self.repetition_penalty,
            presence_penalty: self.presence_penalty,
            frequency_penalty: self.frequency_penalty,
            seed: self.seed.map(|seed| seed as u64),
            max_tokens,
        };
        let tools = tools(self.tools.unwrap_or_default())?;
        let tool_choice = tool_choice(self.tool_choice.as_ref(), |name, _| name.to_owned())?;
        let form = reply_form(self.response_format.as_ref(), "response_format")?;
        let messages = self.messages.into_iter().enumerate();
        let messages = messages.map(|(index, message)| message.parse(index)).collect::<Result<_, _>>()?;
        let mut template_kwargs = self.chat_template_kwargs.unwrap_or_default();
        if let Some(effort) = self.reasoning_effort {
            if effort == "none" {
                template_kwargs.entry("enable_thinking").or_insert(Value::Bool(false));
            }
            template_kwargs.entry("reasoning_effort").or_insert(Value::String(effort));
        }
        Ok(ChatRequest {
            choices: choices("n", self.n)?,
            model: self.model,
            turn: Turn {
                input: TurnInput::Conversation(Conversation {
                    messages,
                    tools,
                    tool_choice,
                    template_kwargs,
                }),
                sampling,
                logit_bias,
                logprobs: (self.logprobs == Some(true)).then(|| self.top_logprobs.unwrap_or(0)),
                stop: self.stop,
                stream: self.stream.unwrap_or(false),
                parallel_tool_calls: self.parallel_tool_calls.unwrap_or(true),
                kv,
                form,
                form_field: "response_format",
                session: self.prompt_cache_key.map(SessionHint::Id),
            },
            include_usage: self.stream_options.and_then(|options| options.include_usage).unwrap_or(false),
        })
    }

    /// What would have to be ignored is refused instead.
    fn refuse_what_is_not_there(&self) -> Result<(), ApiError> {
        if self.top_logprobs.is_some_and(|top| top > Sampling::MAX_TOP_LOGPROBS) {
            let message = format!("top_logprobs must be at most {}", Sampling::MAX_TOP_LOGPROBS);
            return Err(ApiError::bad_parameter("top_logprobs", message));
        }
        Ok(())
    }

    fn kv(&self) -> Result<Option<KvCache>, ApiError> {
        let fields = KvFields {
            bits: self.kv_bits.clone(),
            key_bits: self.kv_key_bits,
            value_bits: self.kv_value_bits,
            group_size: self.kv_group_size,
            start: self.kv_start,
        };
        fields.setting()
    }

    fn logit_bias(&self) -> Result<Vec<(u32, f32)>, ApiError> {
        let wrong = || ApiError::bad_parameter("logit_bias", "logit_bias must map token ids to numbers");
        self.logit_bias
            .iter()
            .flatten()
            .map(|(id, bias)| {
                let id = id.parse().map_err(|_| wrong())?;
                Ok((id, bias.as_f64().ok_or_else(wrong)? as f32))
            })
            .collect()
    }
}

impl BodyMessage {
    fn parse(self, index: usize) -> Result<Message, ApiError> {
        let field = |name: &str| format!("messages[{index}].{name}");
        let role = match self.role.as_str() {
            "system" => Role::System,
            "developer" => Role::Developer,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "tool" => Role::Tool,
            other => {
                let message = format!(
                    "{}: `{other}` is not one of system, developer, user, assistant, tool",
                    field("role")
                );
                return Err(ApiError::bad_parameter(field("role"), message));
            }
        };
        let content = text_of(self.content, &field("content"))?;
        if content.is_none() && role != Role::Assistant {
            let message = format!("{}: a {} message must have content", field("content"), self.role);
            return Err(ApiError::bad_parameter(field("content"), message));
        }
        let calls = self.tool_calls.unwrap_or_default().into_iter();
        Ok(Message {
            role,
            content,
            reasoning: self.reasoning_content.or(self.reasoning).or(self.reasoning_text),
            tool_calls: calls
                .map(|call| ToolCall {
                    id: call.id.unwrap_or_default(),
                    name: call.function.name,
                    arguments: call.function.arguments.unwrap_or_else(|| "{}".to_owned()),
                })
                .collect(),
            tool_call_id: self.tool_call_id,
            name: self.name,
        })
    }
}

/// Content as a text, or as text parts put together. Anything else, an image above all, is refused; nothing is ever
/// fetched.
pub(crate) fn text_of(content: Option<Value>, field: &str) -> Result<Option<String>, ApiError> {
    let parts = match content {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => return Ok(Some(text)),
        Some(Value::Array(parts)) => parts,
        Some(_) => {
            let message = format!("{field}: must be a string or a list of parts");
            return Err(ApiError::bad_parameter(field, message));
        }
    };
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        let kind = part.get("type").and_then(Value::as_str).unwrap_or("part without a type");
        let found = match kind {
            "text" | "input_text" | "output_text" => part.get("text").and_then(Value::as_str),
            "refusal" => part.get("refusal").and_then(Value::as_str),
            _ => None,
        };
        let Some(found) = found else {
            let field = format!("{field}[{index}]");
            let message = format!("{field}: this model takes text only, not {kind}");
            return Err(ApiError::bad_parameter(field, message));
        };
        text.push_str(found);
    }
    Ok(Some(text))
}

fn tools(tools: Vec<Value>) -> Result<Vec<Tool>, ApiError> {
    tools
        .into_iter()
        .enumerate()
        .map(|(index, tool)| {
            Tool::from_json(tool).ok_or_else(|| {
                let field = format!("tools[{index}]");
                let message =
                    format!("{field}: must be a function with a name, as {{\"type\": \"function\", ...}}");
                ApiError::bad_parameter(field, message)
            })
        })
        .collect()
}

/// A string, a list of strings, or nothing.
pub(crate) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let text = |value: Value| match value {
        Value::String(text) => Ok(text),
        _ => Err(serde::de::Error::custom("must be a string or a list of strings")),
    };
    match Option::<Value>::deserialize(deserializer)? {
        None => Ok(Vec::new()),
        Some(Value::Array(many)) => many.into_iter().map(text).collect(),
        Some(one) => Ok(vec![text(one)?]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: Value) -> Result<ChatRequest, ApiError> {
        ChatRequest::parse(body.to_string().as_bytes())
    }

    fn first_message(request: ChatRequest) -> Message {
        let TurnInput::Conversation(mut conversation) = request.turn.input else { panic!("no conversation") };
        conversation.messages.remove(0)
    }

    fn refusal(field: &str, value: Value) -> String {
        let mut body = json!({"messages": [{"role": "user", "content": "hi"}]});
        body[field] = value;
        let error = parse(body).unwrap_err();
        assert_eq!(error.status(), 400);
        error.to_event_data()
    }

    #[test]
    fn null_stands_for_every_field_that_was_left_out() {
        let nulls = json!({
            "model": null, "messages": [{"role": "assistant", "content": null, "tool_calls": null}],
            "tools": null, "tool_choice": null, "temperature": null, "top_p": null, "stop": null, "stream": null,
            "stream_options": null, "max_tokens": null, "logit_bias": null, "n": null, "response_format": null,
            "parallel_tool_calls": null, "seed": null, "logprobs": null
        });
        let bare = json!({"messages": [{"role": "assistant"}]});
        assert_eq!(parse(nulls).unwrap(), parse(bare).unwrap());
    }

    #[test]
    fn content_may_be_text_or_text_parts_and_nothing_else() {
        let parts = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
        let request = parse(json!({"messages": [{"role": "user", "content": parts}]})).unwrap();
        assert_eq!(first_message(request).content.as_deref(), Some("ab"));
        let image = json!([{"role": "user", "content": [
            {"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/x"}}]}]);
        let refusal = refusal("messages", image);
        assert!(refusal.contains("messages[0].content[1]") && refusal.contains("image_url"), "{refusal}");
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (field, value) in [
            ("temperature", json!("hot")),
            ("max_tokens", json!(true)),
            ("max_tokens", json!(0)),
            ("stop", json!(5)),
            ("n", json!(0)),
            ("response_format", json!({"type": "json_schema"})),
            ("tools", json!([{"type": "web_search"}])),
            ("tool_choice", json!("always")),
            ("logit_bias", json!({"x": 1})),
            ("top_logprobs", json!(21)),
            ("kv_bits", json!(5)),
            ("kv_group_size", json!(48)),
            ("kv_key_bits", json!(8)),
        ] {
            let mut body = json!({"messages": [{"role": "user", "content": "hi"}], "kv_value_bits": null});
            if field == "kv_group_size" {
                body["kv_bits"] = json!(8);
            }
            body[field] = value.clone();
            let error = parse(body).unwrap_err().to_event_data();
            assert!(error.contains(&format!("\"param\":\"{field}")), "{field} = {value}: {error}");
        }
        assert!(refusal("messages", json!([{"role": "robot", "content": "x"}])).contains("messages[0].role"));
        assert!(refusal("messages", json!([{"role": "user"}])).contains("messages[0].content"));
        assert!(refusal("messages", json!([])).contains("at least one"));
    }

    #[test]
    fn what_is_no_json_is_a_bad_request() {
        for body in [&b"{"[..], b"", b"null", b"[]", b"\xff\xfe", b"{\"messages\": []} x"] {
            assert_eq!(ChatRequest::parse(body).unwrap_err().status(), 400);
        }
    }

    #[test]
    fn the_kv_cache_of_one_request_can_be_chosen() {
        let request = parse(json!({
            "messages": [{"role": "user", "content": "hi"}],
            "kv_bits": 8, "kv_value_bits": 4, "kv_group_size": 32, "kv_start": 0
        }));
        let Some(KvCache::Quantized(kv)) = request.unwrap().turn.kv else { panic!() };
        assert_eq!((kv.key_bits.get(), kv.value_bits.get(), kv.group_size.get(), kv.start), (8, 4, 32, 0));
    }

    #[test]
    fn reasoning_comes_back_under_any_of_its_names() {
        for name in ["reasoning_content", "reasoning", "reasoning_text"] {
            let request =
                parse(json!({"messages": [{"role": "assistant", "content": "x", name: "because"}]}));
            assert_eq!(first_message(request.unwrap()).reasoning.as_deref(), Some("because"));
        }
    }
}
