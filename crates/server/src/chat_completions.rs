//! `POST /v1/chat/completions`: OpenAI's Chat Completions.

mod request;
mod response;
mod stream;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use shorn_protocol::{Generate, RequestId};
use shorn_runtime::CompletedRequest;
use tokio::sync::mpsc;

use crate::app::{App, render};
use crate::error::ApiError;
use crate::reply::{Reply, ReplyEvent};
use crate::served::ServedModel;
use request::ChatRequest;

/// How long a streamed reply waits for its model to load before its headers go out and comments keep the connection
/// alive: a load that fails early is then an error with a status of its own.
const HEADERS_WAIT: Duration = Duration::from_secs(10);

/// The same for its first event once the model has it: so is what the worker refuses at once.
const FIRST_EVENT: Duration = Duration::from_millis(200);

/// What both forms of the reply need to know.
struct Context {
    model: Arc<ServedModel>,
    id: String,
    created: u64,
    include_usage: bool,
}

/// The route.
pub async fn chat_completions(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, ApiError> {
    let arrived = Instant::now();
    let body = body.map_err(|_| ApiError::too_large(crate::MAX_BODY_BYTES))?;
    let request = ChatRequest::parse(&body)?;
    drop(body);
    let model = app.model_for(request.model.as_deref()).await?;
    let context = Context {
        model: model.clone(),
        id: format!("chatcmpl-{}", uuid::Uuid::new_v4().simple()),
        created: crate::clock::seconds_since_1970(),
        include_usage: request.include_usage,
    };
    let stream = request.stream;
    let reply = begin(&app, &model, request, &headers, &context.id, arrived).await?;
    let mut events = reply.start(app);
    if !stream {
        return response::whole(&context, events).await;
    }
    let mut first = tokio::time::timeout(HEADERS_WAIT, events.recv()).await.ok().flatten();
    if first == Some(ReplyEvent::Begun) {
        first = tokio::time::timeout(FIRST_EVENT, events.recv()).await.ok().flatten();
    }
    if let Some(ReplyEvent::End(end)) = &first
        && let Some(error) = end.finish.error()
    {
        return Err(error);
    }
    Ok(stream::streamed(context, first, events))
}

/// Renders, tokenizes, checks, and hands the request to the worker.
async fn begin(
    app: &App,
    model: &Arc<ServedModel>,
    request: ChatRequest,
    headers: &HeaderMap,
    id: &str,
    arrived: Instant,
) -> Result<Reply, ApiError> {
    let patience = (!request.stream).then_some(app.load_wait);
    if let Some(kv) = &request.kv {
        let refused = model.plan.config.check_kv(kv);
        refused.map_err(|refusal| ApiError::bad_parameter("kv_group_size", refusal.to_string()))?;
    }
    let resolved = request.sampling.resolve(
        &model.plan.saved,
        &model.plan.generation,
        request.logit_bias,
        request.logprobs,
    );
    let checked = resolved.sampling.check(model.plan.config.vocab_size());
    checked.map_err(|problem| ApiError::bad_parameter(problem.parameter, problem.to_string()))?;

    let prompt = render(model.clone(), request.conversation).await?;
    let context_length = model.context_length();
    if prompt.tokens.len() >= context_length as usize {
        return Err(ApiError::context_length_exceeded(prompt.tokens.len(), context_length));
    }
    let output = model.chat.output(&prompt, request.stop);
    let generate = Generate {
        id: RequestId(0),
        prompt: prompt.tokens,
        max_tokens: resolved.max_tokens,
        sampling: resolved.sampling.clone(),
        kv: request.kv,
        ignore_eos: false,
    };
    let client = headers.get(header::USER_AGENT).and_then(|client| client.to_str().ok());
    Ok(Reply {
        model: model.clone(),
        request: generate,
        patience,
        output,
        parallel_tool_calls: request.parallel_tool_calls,
        record: CompletedRequest {
            id: id.to_owned(),
            model: model.name().to_owned(),
            endpoint: "/v1/chat/completions".to_owned(),
            client: client.map(str::to_owned),
            arrived: crate::clock::milliseconds_since_1970(),
            time_to_first_token: None,
            report: None,
            kv: None,
            prefill_tokens_per_second: None,
            decode_tokens_per_second: None,
            sampling: resolved.sampling,
            sampling_origins: resolved.origins,
            finish: String::new(),
            error: None,
        },
        arrived,
    })
}

/// The events of a reply.
type Events = mpsc::Receiver<ReplyEvent>;
