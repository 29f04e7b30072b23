//! The body of `POST /v1/responses`, as OpenAI defines it and as agents really send it: unknown fields are ignored,
//! `null` stands for a field that was left out.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shorn_chat::conversation::Conversation;
use shorn_runtime::RequestedSampling;

use super::input::{Transcript, kind};
use super::store::ResponseStore;
use super::tools::Tools;
use crate::body;
use crate::error::ApiError;
use crate::kv_fields::{BitsField, KvFields};
use crate::reply_form::reply_form;
use crate::reuse::SessionHint;
use crate::tool_choice::tool_choice;
use crate::turn::{Turn, TurnInput};

/// A request, checked as far as it can be without the model.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponsesRequest {
    /// The model asked for; `None` for whatever is served.
    pub model: Option<String>,
    /// The turn.
    pub turn: Turn,
    /// What the response says again.
    pub settings: Settings,
    /// What the model's calls stand for.
    pub tools: Tools,
    /// The items of this request's own input, where the response is to be kept.
    pub keep: Option<Vec<Value>>,
}

/// The settings of a request as its response repeats them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// Always `false`: a response is sent as it is made.
    pub background: bool,
    /// The first system message.
    pub instructions: Option<String>,
    /// Tokens to generate at most.
    pub max_output_tokens: Option<u32>,
    /// Notes of the client.
    pub metadata: Map<String, Value>,
    /// Whether the reply may hold more than one call.
    pub parallel_tool_calls: bool,
    /// The response that this one goes on from.
    pub previous_response_id: Option<String>,
    /// The client's name for its session. The prompt cache finds what a prompt shares with others by itself.
    pub prompt_cache_key: Option<String>,
    /// How much the model is to think.
    pub reasoning: ReasoningSettings,
    /// The client's name for its user.
    pub safety_identifier: Option<String>,
    /// Whether the response is kept.
    pub store: bool,
    /// As sent; `null` leaves it to the model's own.
    pub temperature: Option<f32>,
    /// The form of the text, as sent.
    pub text: Value,
    /// Which tools may or must be called, as sent.
    pub tool_choice: Value,
    /// The tools, without those that only OpenAI can run.
    pub tools: Vec<Value>,
    /// Always 0: only the chat route gives log-probabilities.
    pub top_logprobs: u32,
    /// As sent; `null` leaves it to the model's own.
    pub top_p: Option<f32>,
    /// Always `disabled`: nothing is left out of a prompt unasked, not even when `auto` is sent.
    pub truncation: &'static str,
    /// The client's name for its user.
    pub user: Option<String>,
}

/// `reasoning` in a response.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReasoningSettings {
    /// As sent.
    pub effort: Option<String>,
    /// Always `null`: the reasoning itself is sent, in the model's words.
    pub summary: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    /// A text, or items.
    input: Option<Value>,
    instructions: Option<String>,
    previous_response_id: Option<String>,
    tools: Option<Vec<Value>>,
    tool_choice: Option<Value>,
    parallel_tool_calls: Option<bool>,
    reasoning: Option<ReasoningField>,
    max_output_tokens: Option<u32>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    text: Option<TextField>,
    store: Option<bool>,
    stream: Option<bool>,
    metadata: Option<Map<String, Value>>,
    prompt_cache_key: Option<String>,
    safety_identifier: Option<String>,
    user: Option<String>,
    // Refused where they ask for something.
    include: Option<Vec<String>>,
    top_logprobs: Option<u32>,
    background: Option<bool>,
    conversation: Option<Value>,
    prompt: Option<Value>,
    // Not OpenAI's: what the chat route takes too.
    top_k: Option<i64>,
    min_p: Option<f32>,
    repetition_penalty: Option<f32>,
    presence_penalty: Option<f32>,
    frequency_penalty: Option<f32>,
    seed: Option<i64>,
    chat_template_kwargs: Option<Map<String, Value>>,
    kv_bits: Option<BitsField>,
    kv_key_bits: Option<u32>,
    kv_value_bits: Option<u32>,
    kv_group_size: Option<u32>,
    kv_start: Option<u32>,
}

#[derive(Deserialize)]
struct ReasoningField {
    effort: Option<String>,
}

#[derive(Deserialize)]
struct TextField {
    format: Option<Value>,
}

/// The fields of a body.
#[cfg(test)]
pub fn fields() -> &'static [&'static str] {
    body::fields::<Body>()
}

impl ResponsesRequest {
    /// Parses a body. What it goes on from or refers to is looked up in the store.
    ///
    /// # Errors
    /// 400, naming the field.
    pub fn parse(body: &[u8], store: &ResponseStore) -> Result<Self, ApiError> {
        let body: Body = body::parse(body, "a request for a response")?;
        body.check(store)
    }
}

impl Body {
    fn check(mut self, store: &ResponseStore) -> Result<ResponsesRequest, ApiError> {
        self.refuse_what_is_not_there()?;
        let kv = self.kv()?;
        let tools = Tools::parse(self.tools.take().unwrap_or_default())?;
        let choice = tool_choice(self.tool_choice.as_ref(), Tools::offered_name)?;
        let form = reply_form(self.format(), "text.format")?;
        let input = items(self.input.take(), store)?;
        let settings = self.settings(&tools);

        let mut transcript = Transcript::default();
        if let Some(instructions) = &settings.instructions {
            transcript.instructions(instructions);
        }
        if let Some(previous) = &settings.previous_response_id {
            for item in store.history(previous)? {
                transcript.item(&item, "previous_response_id")?;
            }
        }
        for (index, item) in input.iter().enumerate() {
            transcript.item(item, &format!("input[{index}]"))?;
        }
        let conversation = Conversation {
            messages: transcript.finish(),
            tools: tools.offered.clone(),
            tool_choice: choice,
            template_kwargs: self.template_kwargs(),
        };
        let previous = settings.previous_response_id.clone().map(SessionHint::Previous);
        let turn = Turn {
            input: TurnInput::Conversation(conversation),
            sampling: self.sampling(),
            logit_bias: Vec::new(),
            logprobs: None,
            stop: Vec::new(),
            stream: self.stream.unwrap_or(false),
            parallel_tool_calls: settings.parallel_tool_calls,
            kv,
            form,
            form_field: "text.format",
            session: previous.or_else(|| settings.prompt_cache_key.clone().map(SessionHint::Id)),
        };
        let keep = settings.store.then_some(input);
        Ok(ResponsesRequest { model: self.model, turn, settings, tools, keep })
    }

    /// What would have to be ignored is refused instead.
    fn refuse_what_is_not_there(&self) -> Result<(), ApiError> {
        let refuse = |field: &str, why: &str| Err(ApiError::bad_parameter(field, format!("{field}: {why}")));
        if self.max_output_tokens == Some(0) {
            return refuse("max_output_tokens", "must be at least 1");
        }
        let include = self.include.iter().flatten();
        if self.top_logprobs.is_some_and(|top| top > 0)
            || include.clone().any(|what| what.contains("logprobs"))
        {
            return refuse("top_logprobs", "log-probabilities are given by /v1/chat/completions only");
        }
        if self.background == Some(true) {
            return refuse("background", "a response is sent as it is made; leave it out");
        }
        if self.conversation.is_some() {
            return refuse("conversation", "there are no stored conversations; use previous_response_id");
        }
        if self.prompt.is_some() {
            return refuse("prompt", "there are no stored prompts; send instructions and input");
        }
        Ok(())
    }

    fn kv(&self) -> Result<Option<shorn_checkpoint::KvCache>, ApiError> {
        let fields = KvFields {
            bits: self.kv_bits.clone(),
            key_bits: self.kv_key_bits,
            value_bits: self.kv_value_bits,
            group_size: self.kv_group_size,
            start: self.kv_start,
        };
        fields.setting()
    }

    fn sampling(&self) -> RequestedSampling {
        RequestedSampling {
            temperature: self.temperature,
            top_p: self.top_p,
            // -1 and 0 are both in use for "no limit".
            top_k: self.top_k.map(|top_k| u32::try_from(top_k.max(0)).unwrap_or(u32::MAX)),
            min_p: self.min_p,
            repetition_penalty: self.repetition_penalty,
            presence_penalty: self.presence_penalty,
            frequency_penalty: self.frequency_penalty,
            seed: self.seed.map(|seed| seed as u64),
            max_tokens: self.max_output_tokens,
        }
    }

    fn template_kwargs(&self) -> Map<String, Value> {
        let mut kwargs = self.chat_template_kwargs.clone().unwrap_or_default();
        if let Some(effort) = self.reasoning.as_ref().and_then(|reasoning| reasoning.effort.as_ref()) {
            if effort == "none" {
                kwargs.entry("enable_thinking").or_insert(Value::Bool(false));
            }
            kwargs.entry("reasoning_effort").or_insert_with(|| json!(effort));
        }
        kwargs
    }

    /// What the text has to be.
    fn format(&self) -> Option<&Value> {
        self.text.as_ref()?.format.as_ref().filter(|format| !format.is_null())
    }

    fn settings(&mut self, tools: &Tools) -> Settings {
        Settings {
            background: false,
            instructions: self.instructions.take(),
            max_output_tokens: self.max_output_tokens,
            metadata: self.metadata.take().unwrap_or_default(),
            parallel_tool_calls: self.parallel_tool_calls.unwrap_or(true),
            previous_response_id: self.previous_response_id.take(),
            prompt_cache_key: self.prompt_cache_key.take(),
            reasoning: ReasoningSettings {
                effort: self.reasoning.as_ref().and_then(|reasoning| reasoning.effort.clone()),
                summary: None,
            },
            safety_identifier: self.safety_identifier.take(),
            store: self.store.unwrap_or(true),
            temperature: self.temperature,
            text: json!({"format": self.format().cloned().unwrap_or_else(|| json!({"type": "text"}))}),
            tool_choice: self.tool_choice.take().unwrap_or_else(|| json!("auto")),
            tools: tools.sent.clone(),
            top_logprobs: 0,
            top_p: self.top_p,
            truncation: "disabled",
            user: self.user.take(),
        }
    }
}

/// The input as items. A text is a user's message; a reference is what it refers to.
fn items(input: Option<Value>, store: &ResponseStore) -> Result<Vec<Value>, ApiError> {
    let items = match input {
        Some(Value::String(text)) => vec![json!({"type": "message", "role": "user", "content": text})],
        Some(Value::Array(items)) if !items.is_empty() => items,
        _ => {
            let message = "input: must be a text, or a list of at least one item";
            return Err(ApiError::bad_parameter("input", message));
        }
    };
    let resolve = |(index, item): (usize, Value)| {
        if kind(&item) != "item_reference" {
            return Ok(item);
        }
        let id = item["id"].as_str().unwrap_or_default();
        store.item(id).ok_or_else(|| ApiError::not_stored(format!("input[{index}].id"), id))
    };
    items.into_iter().enumerate().map(resolve).collect()
}

#[cfg(test)]
mod tests;
