//! What every route needs.

use std::sync::Arc;

use shorn_chat::conversation::Conversation;
use shorn_chat::model::{ChatError, Prompt};
use shorn_runtime::Runtime;

use crate::error::ApiError;
use crate::served::ServedModel;

/// The state shared by all routes.
#[derive(Debug)]
pub struct App {
    /// What runs.
    pub runtime: Runtime,
    /// The model that is served.
    pub model: Arc<ServedModel>,
}

impl App {
    /// Tokens of context that the model is loaded with.
    pub fn context_length(&self) -> u32 {
        self.runtime.snapshot().borrow().model.settings.context_length
    }

    /// Renders and tokenizes a conversation, away from the threads that serve connections: a long prompt takes
    /// milliseconds, a hostile template up to its limit.
    ///
    /// # Errors
    /// 400 with what the template says.
    pub async fn render(&self, conversation: Conversation) -> Result<Prompt, ApiError> {
        let model = self.model.clone();
        let rendered = tokio::task::spawn_blocking(move || model.chat.prompt(&conversation)).await;
        match rendered {
            Ok(Ok(prompt)) => Ok(prompt),
            Ok(Err(error @ ChatError::Template(_))) => {
                Err(ApiError::bad_parameter("messages", error.to_string()))
            }
            Ok(Err(error)) => Err(ApiError::server_error(error.to_string())),
            Err(_) => Err(ApiError::server_error("rendering the conversation failed")),
        }
    }
}
