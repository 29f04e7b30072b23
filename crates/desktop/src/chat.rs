//! The chat view: a client of our own server, by HTTP like every other.

use std::time::Duration;

use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shorn_runtime::CompletedRequest;
use ts_rs::TS;

use crate::Desktop;
use crate::error::{AppError, ErrorCode};
use crate::http_server::ServerState;

/// How the server knows this client.
const CLIENT: &str = "Shorn chat";

/// How long after its reply a request's record is waited for: the worker ends a step first. A stop before the server
/// had begun with the request leaves none.
const RECORD_WAIT: Duration = Duration::from_secs(5);

/// A message of the conversation.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ChatMessage {
    /// Who says it.
    pub role: ChatRole,
    /// The text.
    pub content: String,
}

/// Who says something.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ChatRole {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// A piece of a reply.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChatEvent {
    /// More of what the model thinks.
    Reasoning {
        /// The text.
        text: String,
    },
    /// More of what it says.
    Content {
        /// The text.
        text: String,
    },
    /// It calls a tool.
    ToolCallStart {
        /// Which of its calls.
        index: usize,
        /// The tool.
        name: String,
    },
    /// More of a call's arguments.
    ToolCallArguments {
        /// Which of its calls.
        index: usize,
        /// JSON, perhaps not ended yet.
        json: String,
    },
    /// The last event, also after a stop.
    Finished {
        /// What it cost.
        request: Box<CompletedRequest>,
    },
}

/// What is read of a chunk.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    error: Option<Problem>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
    reasoning_content: Option<String>,
    #[serde(default)]
    tool_calls: Vec<ToolCall>,
}

#[derive(Deserialize)]
struct ToolCall {
    index: usize,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
    #[serde(default)]
    arguments: String,
}

#[derive(Deserialize)]
struct Problem {
    message: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: Problem,
}

impl Desktop {
    /// Asks the loaded model, and returns after the last event. [`Desktop::stop_chat`] ends it early.
    ///
    /// # Errors
    /// When the server is stopped, or refuses or fails.
    pub async fn chat(
        &self,
        messages: &[ChatMessage],
        mut on_event: impl FnMut(ChatEvent) + Send,
    ) -> Result<(), AppError> {
        let mut stop = self.stop_chat.subscribe();
        let unavailable = |message: &str| AppError::new(ErrorCode::Unavailable, message);
        let base_url = match &*self.server.state().borrow() {
            ServerState::Running { base_url, .. } => base_url.clone(),
            _ => return Err(unavailable("the server is stopped; start it first")),
        };
        let model = self.app.model().map_err(|_| unavailable("no model is loaded; load one first"))?;
        let body = json!({"model": model.name(), "messages": messages, "stream": true});
        let key = self.settings().api_key.unwrap_or_default();
        let mut requests = self.app.runtime.snapshot();
        let newest_before = newest(&requests.borrow().requests).map(|request| request.id.clone());

        // A proxy and certificates are for addresses beyond this machine.
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).user_agent(CLIENT).build();
        let client = client.map_err(|error| AppError::new(ErrorCode::Internal, error))?;
        let request = client.post(format!("{base_url}/chat/completions")).bearer_auth(key).json(&body);
        let reply = async {
            let response = request.send().await.map_err(|error| broken(&error))?;
            if !response.status().is_success() {
                let text = response.text().await.map_err(|error| broken(&error))?;
                let message =
                    serde_json::from_str(&text).map_or(text, |refusal: Refusal| refusal.error.message);
                return Err(unavailable(&message));
            }
            let mut events = response.bytes_stream().eventsource();
            while let Some(event) = events.next().await {
                let event = event.map_err(|error| broken(&error))?;
                if event.data == "[DONE]" {
                    break;
                }
                let chunk: Chunk = serde_json::from_str(&event.data).map_err(|error| broken(&error))?;
                if let Some(problem) = chunk.error {
                    return Err(unavailable(&problem.message));
                }
                chunk.choices.into_iter().flat_map(|choice| in_events(choice.delta)).for_each(&mut on_event);
            }
            Ok(())
        };
        // Dropping the reply hangs up, and the server ends the request.
        tokio::select! {
            outcome = reply => outcome?,
            _ = stop.changed() => {}
        }
        let ended = requests.wait_for(|snapshot| {
            newest(&snapshot.requests).is_some_and(|request| Some(&request.id) != newest_before.as_ref())
        });
        if let Ok(Ok(snapshot)) = tokio::time::timeout(RECORD_WAIT, ended).await
            && let Some(request) = newest(&snapshot.requests)
        {
            on_event(ChatEvent::Finished { request: Box::new(request.clone()) });
        }
        Ok(())
    }

    /// Ends the chat reply that runs, if one does.
    pub fn stop_chat(&self) {
        self.stop_chat.send_replace(());
    }
}

/// The last request of this client.
fn newest(requests: &shorn_runtime::RequestLog) -> Option<&CompletedRequest> {
    requests.iter().find(|request| request.client.as_deref() == Some(CLIENT))
}

fn in_events(delta: Delta) -> Vec<ChatEvent> {
    let mut events = Vec::new();
    events.extend(
        delta.reasoning_content.filter(|text| !text.is_empty()).map(|text| ChatEvent::Reasoning { text }),
    );
    events.extend(delta.content.filter(|text| !text.is_empty()).map(|text| ChatEvent::Content { text }));
    for ToolCall { index, function: Function { name, arguments: json } } in delta.tool_calls {
        events.extend(name.map(|name| ChatEvent::ToolCallStart { index, name }));
        if !json.is_empty() {
            events.push(ChatEvent::ToolCallArguments { index, json });
        }
    }
    events
}

fn broken(error: &dyn std::error::Error) -> AppError {
    AppError::new(ErrorCode::Unavailable, format!("the reply broke off: {error}"))
}
