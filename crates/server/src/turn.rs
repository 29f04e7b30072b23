//! One turn of a conversation, whatever the dialect: what a request asks for, and how it comes to run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use shorn_chat::conversation::Conversation;
use shorn_chat::model::Prompt;
use shorn_chat::output::Reasoning;
use shorn_checkpoint::KvCache;
use shorn_protocol::{Generate, RequestId};
use shorn_runtime::{CompletedRequest, RequestedSampling};
use tokio::sync::mpsc;

use crate::app::{App, render, tokenize};
use crate::error::ApiError;
use crate::reply::{Reply, ReplyEvent};
use crate::served::ServedModel;

/// How long a streamed reply waits for its model to load before its headers go out and the dialect keeps the connection
/// alive: a load that fails early is then an error with a status of its own.
const HEADERS_WAIT: Duration = Duration::from_secs(10);

/// The same for its first event once the model has it: so is what the worker refuses at once.
const FIRST_EVENT: Duration = Duration::from_millis(200);

/// The events of a reply.
pub type Events = mpsc::Receiver<ReplyEvent>;

/// What a request of any dialect asks for, checked as far as it can be without the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// What the reply follows.
    pub input: TurnInput,
    /// Sampling values that the request gives.
    pub sampling: RequestedSampling,
    /// Biases by token id.
    pub logit_bias: Vec<(u32, f32)>,
    /// Whether log-probabilities are wanted, and of how many alternatives.
    pub logprobs: Option<u8>,
    /// Texts that end the reply.
    pub stop: Vec<String>,
    /// Whether the reply is sent as it is generated.
    pub stream: bool,
    /// Whether the reply may hold more than one tool call.
    pub parallel_tool_calls: bool,
    /// A KV cache other than the model was loaded with.
    pub kv: Option<KvCache>,
}

/// What a reply follows.
#[derive(Debug, Clone, PartialEq)]
pub enum TurnInput {
    /// Messages, tools and template variables, for the chat template.
    Conversation(Conversation),
    /// A text that no template touches. What follows it is text: no reasoning and no calls are looked for.
    Text(String),
    /// The same as token ids.
    Tokens(Vec<u32>),
}

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The path that was called.
    pub endpoint: &'static str,
    /// The id of its reply.
    pub id: String,
    /// The client's User-Agent.
    pub client: Option<String>,
    /// When it arrived.
    pub arrived: Instant,
}

impl Origin {
    /// A request that has just arrived; its reply's id begins with `prefix`.
    pub fn new(endpoint: &'static str, prefix: &str, headers: &HeaderMap) -> Self {
        let client = headers.get(header::USER_AGENT).and_then(|client| client.to_str().ok());
        Self {
            endpoint,
            id: format!("{prefix}{}", uuid::Uuid::new_v4().simple()),
            client: client.map(str::to_owned),
            arrived: Instant::now(),
        }
    }
}

impl Turn {
    /// Renders, tokenizes, checks, and begins the reply.
    ///
    /// # Errors
    /// 400, naming the field that the model cannot take, or that the prompt is too long.
    pub async fn begin(
        self,
        app: Arc<App>,
        model: &Arc<ServedModel>,
        origin: &Origin,
    ) -> Result<Events, ApiError> {
        if let Some(kv) = &self.kv {
            let refused = model.plan.config.check_kv(kv);
            refused.map_err(|refusal| ApiError::bad_parameter("kv_group_size", refusal.to_string()))?;
        }
        let (saved, generation) = (&model.plan.saved, &model.plan.generation);
        let resolved = self.sampling.resolve(saved, generation, self.logit_bias, self.logprobs);
        let checked = resolved.sampling.check(model.plan.config.vocab_size());
        checked.map_err(|problem| ApiError::bad_parameter(problem.parameter, problem.to_string()))?;

        let prompt = self.input.prompt(model).await?;
        let context_length = model.context_length();
        if prompt.tokens.len() >= context_length as usize {
            return Err(ApiError::context_length_exceeded(prompt.tokens.len(), context_length));
        }
        let reply = Reply {
            output: model.chat.output(&prompt, self.stop),
            model: model.clone(),
            request: Generate {
                id: RequestId(0),
                prompt: prompt.tokens,
                max_tokens: resolved.max_tokens,
                sampling: resolved.sampling.clone(),
                kv: self.kv,
                ignore_eos: false,
            },
            patience: (!self.stream).then_some(app.load_wait),
            parallel_tool_calls: self.parallel_tool_calls,
            record: CompletedRequest {
                id: origin.id.clone(),
                model: model.name().to_owned(),
                endpoint: origin.endpoint.to_owned(),
                client: origin.client.clone(),
                arrived: crate::clock::milliseconds_since_1970(),
                time_to_first_token: None,
                report: None,
                kv: None,
                cache: None,
                prefill_tokens_per_second: None,
                decode_tokens_per_second: None,
                sampling: resolved.sampling,
                sampling_origins: resolved.origins,
                finish: String::new(),
                error: None,
            },
            arrived: origin.arrived,
        };
        Ok(reply.start(app))
    }
}

impl TurnInput {
    /// Token ids, and what is needed to read the answer.
    async fn prompt(self, model: &Arc<ServedModel>) -> Result<Prompt, ApiError> {
        let tokens = match self {
            Self::Conversation(conversation) => return render(model.clone(), conversation).await,
            Self::Text(text) => tokenize(model.clone(), text).await?,
            Self::Tokens(tokens) => tokens,
        };
        let vocab_size = model.plan.config.vocab_size();
        if let Some(id) = tokens.iter().find(|id| **id >= vocab_size) {
            let message = format!("prompt: token id {id} is outside this model's vocabulary of {vocab_size}");
            return Err(ApiError::bad_parameter("prompt", message));
        }
        if tokens.is_empty() {
            return Err(ApiError::bad_parameter("prompt", "prompt must hold at least one token"));
        }
        // No text was rendered.
        Ok(Prompt {
            tokens,
            last_reply: None,
            cut: None,
            place: None,
            reasoning: Reasoning::None,
            tools: Vec::new(),
        })
    }
}

/// The first event of a reply that is streamed, if it comes soon.
///
/// # Errors
/// When that is a failure: no header has gone out, so it is an error with a status of its own.
pub async fn first_event(events: &mut Events) -> Result<Option<ReplyEvent>, ApiError> {
    let mut first = tokio::time::timeout(HEADERS_WAIT, events.recv()).await.ok().flatten();
    if first == Some(ReplyEvent::Begun) {
        first = tokio::time::timeout(FIRST_EVENT, events.recv()).await.ok().flatten();
    }
    match &first {
        Some(ReplyEvent::End(end)) => end.finish.error().map_or(Ok(first), Err),
        _ => Ok(first),
    }
}
