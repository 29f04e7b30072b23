//! One turn of a conversation, whatever the dialect: what a request asks for, and how it comes to run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use shorn_chat::conversation::{Conversation, ToolChoice};
use shorn_chat::model::Prompt;
use shorn_chat::output::{GrammarRefusal, Reasoning, ReplyForm, Subject};
use shorn_checkpoint::KvCache;
use shorn_protocol::{Generate, RequestId};
use shorn_runtime::{CompletedRequest, RequestedSampling, ResolvedSampling};
use tokio::sync::mpsc;

use crate::app::{App, render, tokenize};
use crate::error::ApiError;
use crate::reply::{Reply, ReplyEvent};
use crate::reuse::{Following, Generated, SessionHint};
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
    /// What the text of the reply has to be.
    pub form: ReplyForm,
    /// The dialect's field that says so.
    pub form_field: &'static str,
    /// The session, where the body names it.
    pub session: Option<SessionHint>,
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
    /// The session, where the headers name it.
    pub session: Option<SessionHint>,
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
            session: SessionHint::of(headers),
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
        let mut prepared = self.prepare(&app, model, origin).await?;
        Ok(prepared.reply(0, model, origin).start(app))
    }

    /// The same for so many replies to one prompt, which draw different random numbers.
    ///
    /// # Errors
    /// As [`Turn::begin`].
    pub async fn begin_choices(
        self,
        choices: u32,
        app: &Arc<App>,
        model: &Arc<ServedModel>,
        origin: &Origin,
    ) -> Result<Vec<Events>, ApiError> {
        let mut prepared = self.prepare(app, model, origin).await?;
        Ok((0..choices).map(|index| prepared.reply(index, model, origin).start(app.clone())).collect())
    }

    async fn prepare(
        mut self,
        app: &App,
        model: &Arc<ServedModel>,
        origin: &Origin,
    ) -> Result<Prepared, ApiError> {
        if let Some(kv) = &self.kv {
            let refused = model.plan.config.check_kv(kv);
            refused.map_err(|refusal| ApiError::bad_parameter("kv_group_size", refusal.to_string()))?;
        }
        let (saved, generation) = (&model.plan.saved, &model.plan.generation);
        let resolved = self.sampling.resolve(saved, generation, self.logit_bias, self.logprobs);
        let checked = resolved.sampling.check(model.plan.config.vocab_size());
        checked.map_err(|problem| ApiError::bad_parameter(problem.parameter, problem.to_string()))?;

        let (prompt, conversation) = self.input.prompt(model).await?;
        let context_length = model.context_length();
        if prompt.tokens.len() >= context_length as usize {
            return Err(ApiError::context_length_exceeded(prompt.tokens.len(), context_length));
        }
        // What a request goes on from says more than the session that it is of.
        let session = match self.session {
            Some(previous @ SessionHint::Previous(_)) => Some(previous),
            named => origin.session.clone().or(named),
        };
        let following = conversation.map(|conversation| {
            let replies = (prompt.last_reply, prompt.cut);
            Following::new(&app.sessions, session, &origin.id, model.name(), conversation, replies)
        });
        let form = std::mem::take(&mut self.form);
        let held = hold(model, prompt, form, self.parallel_tool_calls).await?;
        let (prompt, grammar) = held.map_err(|refusal| refused(&refusal, self.form_field))?;
        let patience = (!self.stream).then_some(app.load_wait);
        let (stop, kv, parallel_tool_calls) = (self.stop, self.kv, self.parallel_tool_calls);
        Ok(Prepared { prompt, following, grammar, resolved, stop, kv, patience, parallel_tool_calls })
    }
}

/// A turn with everything known that its replies need.
struct Prepared {
    prompt: Prompt,
    /// Its place in a session, for the first reply.
    following: Option<Following>,
    grammar: Option<String>,
    resolved: ResolvedSampling,
    stop: Vec<String>,
    kv: Option<KvCache>,
    patience: Option<Duration>,
    parallel_tool_calls: bool,
}

impl Prepared {
    /// One reply, by its number.
    fn reply(&mut self, index: u32, model: &Arc<ServedModel>, origin: &Origin) -> Reply {
        let mut sampling = self.resolved.sampling.clone();
        sampling.seed = sampling.seed.wrapping_add(u64::from(index));
        Reply {
            output: model.chat.output(&self.prompt, self.stop.iter().cloned()),
            generated: Generated::new(self.prompt.place.clone(), self.following.take()),
            model: model.clone(),
            request: Generate {
                id: RequestId(0),
                prompt: self.prompt.tokens.clone(),
                max_tokens: self.resolved.max_tokens,
                sampling: sampling.clone(),
                kv: self.kv,
                ignore_eos: false,
                grammar: self.grammar.clone(),
            },
            patience: self.patience,
            parallel_tool_calls: self.parallel_tool_calls,
            record: CompletedRequest {
                id: if index == 0 { origin.id.clone() } else { format!("{}/{index}", origin.id) },
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
                sampling,
                sampling_origins: self.resolved.origins.clone(),
                finish: String::new(),
                error: None,
            },
            arrived: origin.arrived,
        }
    }
}

impl TurnInput {
    /// Token ids, and what is needed to read the answer; the conversation, if it is one.
    async fn prompt(self, model: &Arc<ServedModel>) -> Result<(Prompt, Option<Arc<Conversation>>), ApiError> {
        let tokens = match self {
            Self::Conversation(conversation) => {
                let conversation = Arc::new(conversation);
                let prompt = render(model.clone(), conversation.clone()).await?;
                return Ok((prompt, Some(conversation)));
            }
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
        let prompt = Prompt {
            tokens,
            last_reply: None,
            cut: None,
            place: None,
            reasoning: Reasoning::None,
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
        };
        Ok((prompt, None))
    }
}

/// The grammar that a reply has to follow, if any, away from the threads that serve connections: a large schema takes
/// milliseconds.
async fn hold(
    model: &Arc<ServedModel>,
    prompt: Prompt,
    form: ReplyForm,
    parallel_tool_calls: bool,
) -> Result<Result<(Prompt, Option<String>), GrammarRefusal>, ApiError> {
    let model = model.clone();
    let held = tokio::task::spawn_blocking(move || {
        let grammar = model.chat.grammar(&prompt, &form, parallel_tool_calls)?;
        Ok((prompt, grammar))
    });
    held.await.map_err(|_| ApiError::server_error("making a grammar of the request failed"))
}

/// 400, naming the field and the part of its schema. `form_field` is the one for the form of the reply.
fn refused(refusal: &GrammarRefusal, form_field: &str) -> ApiError {
    let (field, what) = match &refusal.subject {
        Subject::Reply | Subject::Model => (form_field, String::new()),
        Subject::Tool(name) => ("tools", format!("`{name}`: ")),
        Subject::ToolChoice => ("tool_choice", String::new()),
    };
    let part = if refusal.part.is_empty() { String::new() } else { format!("{}: ", refusal.part) };
    ApiError::bad_parameter(field, format!("{field}: {what}{part}{}", refusal.why))
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
