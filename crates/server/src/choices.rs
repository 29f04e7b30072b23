//! Several replies to one prompt, as OpenAI's two older dialects offer them.

use futures_util::stream::{self, Stream, StreamExt};
use shorn_protocol::RequestReport;
use tokio_stream::wrappers::ReceiverStream;

use crate::error::ApiError;
use crate::reply::ReplyEvent;
use crate::turn::Events;

/// Replies that one request may ask for.
pub const MAX_CHOICES: u32 = 16;

/// Checks how many replies a request asks for.
///
/// # Errors
/// 400 when they are none or too many.
pub fn choices(field: &str, asked: Option<u32>) -> Result<u32, ApiError> {
    match asked.unwrap_or(1) {
        n @ 1..=MAX_CHOICES => Ok(n),
        n => {
            let message = format!("{field}: must be from 1 to {MAX_CHOICES}, not {n}");
            Err(ApiError::bad_parameter(field, message))
        }
    }
}

/// The events of all replies as they come, each with its reply's number. `first` is one of reply 0 that has been taken
/// out already.
pub fn merged(first: Option<ReplyEvent>, choices: Vec<Events>) -> impl Stream<Item = (usize, ReplyEvent)> {
    let numbered = choices
        .into_iter()
        .enumerate()
        .map(|(index, events)| ReceiverStream::new(events).map(move |event| (index, event)).boxed());
    stream::iter(first.map(|event| (0, event))).chain(stream::select_all(numbered))
}

/// What all replies cost together: their prompt is one.
pub fn together<'r>(reports: impl IntoIterator<Item = &'r RequestReport>) -> Option<RequestReport> {
    reports.into_iter().cloned().reduce(|mut sum, report| {
        sum.generated_tokens += report.generated_tokens;
        // The others find what the first computed.
        sum.cached_tokens = sum.cached_tokens.min(report.cached_tokens);
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_asks_for_one_to_sixteen_replies() {
        assert_eq!(choices("n", None), Ok(1));
        assert_eq!(choices("n", Some(16)), Ok(16));
        for wrong in [0, 17] {
            assert!(choices("n", Some(wrong)).unwrap_err().message().starts_with("n: "));
        }
    }
}
