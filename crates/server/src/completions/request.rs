//! The body of `POST /v1/completions`: unknown fields are ignored, `null` stands for a field that was left out.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use shorn_chat::output::ReplyForm;
use shorn_protocol::Sampling;
use shorn_runtime::RequestedSampling;

use crate::body;
use crate::chat_completions::{StreamOptions, one_or_many};
use crate::choices::choices;
use crate::error::ApiError;
use crate::kv_fields::{BitsField, KvFields};
use crate::turn::{Turn, TurnInput};

/// Tokens to generate where the request does not say, as OpenAI has it.
const MAX_TOKENS: u32 = 16;

/// A request, checked as far as it can be without the model.
#[derive(Debug, Clone, PartialEq)]
pub struct CompletionRequest {
    /// The model asked for; `None` for whatever is served.
    pub model: Option<String>,
    /// The turn.
    pub turn: Turn,
    /// How many replies are wanted.
    pub choices: u32,
    /// Whether the reply begins with the prompt.
    pub echo: bool,
    /// Whether a stream ends with a chunk of token counts.
    pub include_usage: bool,
}

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    prompt: Option<Value>,
    suffix: Option<String>,
    max_tokens: Option<u32>,
    echo: Option<bool>,
    /// Of how many alternatives.
    logprobs: Option<u8>,
    #[serde(default, deserialize_with = "one_or_many")]
    stop: Vec<String>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    n: Option<u32>,
    best_of: Option<u32>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    presence_penalty: Option<f32>,
    frequency_penalty: Option<f32>,
    seed: Option<i64>,
    logit_bias: Option<BTreeMap<u32, f32>>,
    // Not OpenAI's: what the chat route takes too.
    top_k: Option<i64>,
    min_p: Option<f32>,
    repetition_penalty: Option<f32>,
    kv_bits: Option<BitsField>,
    kv_key_bits: Option<u32>,
    kv_value_bits: Option<u32>,
    kv_group_size: Option<u32>,
    kv_start: Option<u32>,
}

/// The fields of a body.
#[cfg(test)]
pub fn fields() -> &'static [&'static str] {
    body::fields::<Body>()
}

impl CompletionRequest {
    /// Parses a body.
    ///
    /// # Errors
    /// 400, naming the field.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let body: Body = body::parse(body, "a completion request")?;
        body.check()
    }
}

impl Body {
    fn check(self) -> Result<CompletionRequest, ApiError> {
        self.refuse_what_is_not_there()?;
        let kv = KvFields {
            bits: self.kv_bits.clone(),
            key_bits: self.kv_key_bits,
            value_bits: self.kv_value_bits,
            group_size: self.kv_group_size,
            start: self.kv_start,
        };
        let turn = Turn {
            kv: kv.setting()?,
            sampling: self.sampling(),
            input: prompt(self.prompt)?,
            logit_bias: self.logit_bias.unwrap_or_default().into_iter().collect(),
            logprobs: self.logprobs,
            stop: self.stop,
            stream: self.stream.unwrap_or(false),
            parallel_tool_calls: true,
            form: ReplyForm::Free,
            form_field: "",
            session: None,
        };
        let include_usage = self.stream_options.and_then(|options| options.include_usage).unwrap_or(false);
        let choices = choices("n", self.n)?;
        Ok(CompletionRequest {
            model: self.model,
            turn,
            choices,
            echo: self.echo.unwrap_or(false),
            include_usage,
        })
    }

    /// What would have to be ignored is refused instead.
    fn refuse_what_is_not_there(&self) -> Result<(), ApiError> {
        let refuse = |field: &str, why: &str| Err(ApiError::bad_parameter(field, format!("{field}: {why}")));
        if self.suffix.is_some() {
            return refuse("suffix", "filling in between two texts is not supported; leave it out");
        }
        if self.max_tokens == Some(0) {
            return refuse("max_tokens", "must be at least 1");
        }
        if self.best_of.is_some_and(|best_of| best_of != self.n.unwrap_or(1)) {
            return refuse(
                "best_of",
                "no choice is made among replies; send the number of those wanted as n",
            );
        }
        if self.logprobs.is_some_and(|top| top > Sampling::MAX_TOP_LOGPROBS) {
            return refuse("logprobs", &format!("must be at most {}", Sampling::MAX_TOP_LOGPROBS));
        }
        if self.logprobs.is_some() && self.echo == Some(true) {
            return refuse("logprobs", "those of the prompt are not computed; send echo = false");
        }
        Ok(())
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
            max_tokens: Some(self.max_tokens.unwrap_or(MAX_TOKENS)),
        }
    }
}

/// A text, token ids, or a list of one of either.
fn prompt(prompt: Option<Value>) -> Result<TurnInput, ApiError> {
    let refuse = |why: &str| Err(ApiError::bad_parameter("prompt", format!("prompt: {why}")));
    match prompt {
        Some(Value::String(text)) => Ok(TurnInput::Text(text)),
        Some(Value::Array(list)) => match list.as_slice() {
            [Value::String(text)] => Ok(TurnInput::Text(text.clone())),
            [Value::Array(tokens)] => token_ids(tokens),
            [Value::String(_) | Value::Array(_), ..] => {
                refuse("one prompt per request is supported; send one request for each")
            }
            tokens => token_ids(tokens),
        },
        _ => refuse("must be a text, token ids, or a list of one of either"),
    }
}

fn token_ids(tokens: &[Value]) -> Result<TurnInput, ApiError> {
    let id = |token: &Value| token.as_u64().and_then(|id| u32::try_from(id).ok());
    let ids: Option<Vec<u32>> = tokens.iter().map(id).collect();
    let wrong =
        || ApiError::bad_parameter("prompt", "prompt: a list must hold token ids: whole numbers from 0");
    ids.map(TurnInput::Tokens).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: Value) -> Result<CompletionRequest, ApiError> {
        CompletionRequest::parse(body.to_string().as_bytes())
    }

    #[test]
    fn a_prompt_is_a_text_or_token_ids_alone_or_in_a_list() {
        let text = TurnInput::Text("def".into());
        let tokens = TurnInput::Tokens(vec![1, 2]);
        for (prompt, expected) in [
            (json!("def"), &text),
            (json!(["def"]), &text),
            (json!([1, 2]), &tokens),
            (json!([[1, 2]]), &tokens),
        ] {
            assert_eq!(parse(json!({"prompt": prompt})).unwrap().turn.input, *expected);
        }
    }

    #[test]
    fn sixteen_tokens_are_generated_unless_the_request_says_otherwise() {
        let max_tokens = |body| parse(body).unwrap().turn.sampling.max_tokens;
        assert_eq!(max_tokens(json!({"prompt": "x", "max_tokens": null})), Some(16));
        assert_eq!(max_tokens(json!({"prompt": "x", "max_tokens": 5})), Some(5));
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (field, value) in [
            ("prompt", Value::Null),
            ("prompt", json!(5)),
            ("prompt", json!(["a", "b"])),
            ("prompt", json!([[1], [2]])),
            ("prompt", json!([1, "a"])),
            ("prompt", json!([1, -2])),
            ("prompt", json!([1.5])),
            ("suffix", json!("end")),
            ("max_tokens", json!(0)),
            ("n", json!(17)),
            ("best_of", json!(3)),
            ("logprobs", json!(21)),
            ("stop", json!(5)),
            ("logit_bias", json!({"x": 1})),
            ("kv_bits", json!(5)),
        ] {
            let mut body = json!({"prompt": "x"});
            body[field] = value.clone();
            let error = parse(body).unwrap_err().to_event_data();
            assert!(error.contains(&format!("\"param\":\"{field}")), "{field} = {value}: {error}");
        }
        let both = parse(json!({"prompt": "x", "echo": true, "logprobs": 1})).unwrap_err();
        assert!(both.message().contains("echo"));
    }

    #[test]
    fn biases_are_by_token_id() {
        let request = parse(json!({"prompt": "x", "logit_bias": {"7": -100, "3": 1.5}})).unwrap();
        assert_eq!(request.turn.logit_bias, [(3, 1.5), (7, -100.0)]);
    }
}
