//! One reply on its way from the worker to a dialect: tokens become deltas here, and however it ends, it is noted.
//!
//! A reply runs as a task of its own. When its client goes away, the task ends the request in the worker, waits for the
//! worker's report and notes it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shorn_chat::model::OutputStream;
use shorn_chat::output::{Delta, End};
use shorn_protocol::{Failure, FailureKind, FinishReason, Generate, RequestReport, TokenLogprobs};
use shorn_runtime::{CompletedRequest, Generation, GenerationEvent};
use tokio::sync::mpsc;

use crate::app::App;
use crate::error::ApiError;
use crate::reuse::{Ending, Generated};
use crate::served::ServedModel;

/// Events that may wait for the dialect to encode them.
const EVENTS_IN_FLIGHT: usize = 256;

/// What a dialect turns into its own form.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplyEvent {
    /// The model is loaded and has the request; the first event.
    Begun,
    /// More of the reply.
    Delta(Delta),
    /// The log-probabilities of one token, before what it adds to the reply.
    Logprobs {
        /// The token id.
        token: u32,
        /// Its own and the best ones'.
        logprobs: TokenLogprobs,
    },
    /// The reply ended; the last event.
    End(Box<ReplyEnd>),
}

/// How a reply ended.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplyEnd {
    /// Why.
    pub finish: Finish,
    /// What is noted of it.
    pub record: CompletedRequest,
    /// The stop string that ended it.
    pub stopped_by: Option<String>,
    /// The text of a tool call that was cut off.
    pub unfinished_call: Option<String>,
}

/// Why a reply ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Finish {
    /// The model ended it, or a stop string did.
    Stop,
    /// The model called tools and waits for their results.
    ToolCalls,
    /// The token limit or the end of the context.
    Length,
    /// It failed.
    Failed(Failure),
    /// The model could not be loaded for it, or not in time.
    Unavailable(ApiError),
    /// Nobody listens any more.
    Cancelled,
}

impl Finish {
    /// OpenAI's `finish_reason`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::ToolCalls => "tool_calls",
            Self::Length => "length",
            Self::Failed(_) | Self::Unavailable(_) => "error",
            Self::Cancelled => "cancelled",
        }
    }

    /// What failed, if it did, as an error. The words "server error" make agents try again.
    pub fn error(&self) -> Option<ApiError> {
        match self {
            Self::Failed(Failure { kind, message }) => Some(match kind {
                FailureKind::Refused => ApiError::bad_request(message),
                FailureKind::TooLong => ApiError::prompt_too_long(message),
                FailureKind::Broken => ApiError::server_error(format!("server error: {message}")),
            }),
            Self::Unavailable(error) => Some(error.clone()),
            Self::Stop | Self::ToolCalls | Self::Length | Self::Cancelled => None,
        }
    }
}

/// A request whose reply is about to begin.
pub struct Reply {
    /// The model that it is for.
    pub model: Arc<ServedModel>,
    /// The worker's side.
    pub request: Generate,
    /// How long to wait for the model to load; as long as it takes when `None`.
    pub patience: Option<Duration>,
    /// The text side.
    pub output: OutputStream,
    /// What there is of it so far.
    pub generated: Generated,
    /// Whether the reply goes on after its first tool call.
    pub parallel_tool_calls: bool,
    /// What is noted when it has ended; report and finish are filled in.
    pub record: CompletedRequest,
    /// When the request arrived.
    pub arrived: Instant,
}

impl Reply {
    /// Runs the reply to its end; the events come out of the channel. Dropping the channel ends the request.
    pub fn start(self, app: Arc<App>) -> mpsc::Receiver<ReplyEvent> {
        let (sender, events) = mpsc::channel(EVENTS_IN_FLIGHT);
        tokio::spawn(self.run(app, sender));
        events
    }

    async fn run(mut self, app: Arc<App>, sender: mpsc::Sender<ReplyEvent>) {
        let mut calls = 0;
        let generation = tokio::select! {
            generation = app.generate(&self.model, self.request.clone(), self.patience) => generation,
            () = sender.closed() => return self.end(app, &sender, Finish::Cancelled, None, 0).await,
        };
        let mut generation = match generation {
            Ok(generation) => generation,
            Err(error) => return self.end(app, &sender, Finish::Unavailable(error), None, 0).await,
        };
        self.generated.begin(self.model.model.state().borrow().worker);
        let _ = sender.send(ReplyEvent::Begun).await;
        let mut complete = false;
        let (finish, report) = loop {
            let event = tokio::select! {
                event = generation.next() => event,
                () = sender.closed() => break cancelled(&mut generation).await,
            };
            match event {
                Some(GenerationEvent::Prefill { .. }) => {}
                Some(GenerationEvent::Token { token, logprobs }) => {
                    let since = self.arrived;
                    self.record.time_to_first_token.get_or_insert_with(|| since.elapsed().as_secs_f64());
                    if complete {
                        continue;
                    }
                    // A channel that is closed shows in the next round.
                    if let Some(logprobs) = logprobs {
                        let _ = sender.send(ReplyEvent::Logprobs { token, logprobs }).await;
                    }
                    for delta in self.read(token) {
                        calls += usize::from(matches!(delta, Delta::ToolCallEnd { .. }));
                        let _ = sender.send(ReplyEvent::Delta(delta)).await;
                    }
                    complete = self.output.stopped_by().is_some() || (calls > 0 && !self.parallel_tool_calls);
                    if complete {
                        self.generated.end_here();
                        generation.end(true);
                    }
                }
                Some(GenerationEvent::Finished { report, error }) => {
                    let finish = match (error, report.finish) {
                        (Some(failure), _) => Finish::Failed(failure),
                        (None, FinishReason::Length) => Finish::Length,
                        (None, _) => Finish::Stop,
                    };
                    break (finish, Some(report));
                }
                Some(GenerationEvent::Refused(message)) => {
                    break (Finish::Failed(Failure::refused(message)), None);
                }
                Some(GenerationEvent::WorkerDied(why)) => {
                    break (Finish::Failed(Failure::broken(why)), None);
                }
                None => {
                    break (Finish::Failed(Failure::broken("the client took the reply too slowly")), None);
                }
            }
        };
        self.end(app, &sender, finish, report, calls).await;
    }

    /// Passes on what the parser held back, and notes how the reply ended. `calls` is the number of tool calls so far.
    async fn end(
        mut self,
        app: Arc<App>,
        sender: &mpsc::Sender<ReplyEvent>,
        mut finish: Finish,
        report: Option<RequestReport>,
        mut calls: usize,
    ) {
        let stopped_by = self.output.stopped_by().map(str::to_owned);
        let finished = self.output.finish(if finish == Finish::Stop { End::Natural } else { End::CutOff });
        self.generated.say(&finished.deltas);
        for delta in finished.deltas {
            calls += usize::from(matches!(delta, Delta::ToolCallEnd { .. }));
            let _ = sender.send(ReplyEvent::Delta(delta)).await;
        }
        if finish == Finish::Stop && calls > 0 {
            finish = Finish::ToolCalls;
        }
        let sent_whole = matches!(finish, Finish::Stop | Finish::ToolCalls | Finish::Length)
            && stopped_by.is_none()
            && finished.unfinished_call.is_none();
        let ending = Ending { prompt: self.request.prompt, report: report.clone(), sent_whole };
        let (generated, model, sessions) = (self.generated, self.model, app.clone());
        let conclude = move || generated.conclude(&sessions.sessions, &model, &ending);
        let mut record = self.record;
        record.cache = tokio::task::spawn_blocking(conclude).await.ok().flatten();
        record.conclude(report, finish.name());
        record.error = match &finish {
            Finish::Failed(failure) => Some(failure.message.clone()),
            Finish::Unavailable(error) => Some(error.message().to_owned()),
            _ => None,
        };
        app.runtime.completed(record.clone());
        let end = ReplyEnd { finish, record, stopped_by, unfinished_call: finished.unfinished_call };
        let _ = sender.send(ReplyEvent::End(Box::new(end))).await;
    }

    /// What a token makes known. An id that the tokenizer does not have (checkpoints round their vocabulary up) has no
    /// text.
    fn read(&mut self, token: u32) -> Vec<Delta> {
        let deltas = self.output.push(token).unwrap_or_else(|error| {
            tracing::warn!("{error}");
            Vec::new()
        });
        self.generated.push(token, &deltas);
        deltas
    }
}

/// Ends the request in the worker and waits for its report.
async fn cancelled(generation: &mut Generation) -> (Finish, Option<RequestReport>) {
    generation.end(false);
    while let Some(event) = generation.next().await {
        if let GenerationEvent::Finished { report, .. } = event {
            return (Finish::Cancelled, Some(report));
        }
    }
    (Finish::Cancelled, None)
}
