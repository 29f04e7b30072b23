//! `/api/models/download`: downloads from the Hub.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{StreamExt, future};
use serde::Deserialize;
use shorn_hub::download::{Download, DownloadState};
use shorn_hub::remote::RepositoryName;
use tokio_stream::wrappers::WatchStream;

use crate::app::App;
use crate::body;
use crate::error::ApiError;

/// A comment goes out whenever nothing else has for so long.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DownloadBody {
    /// `org/name`.
    model: RepositoryName,
}

/// What can be done with a download.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Stop for now.
    Pause,
    /// Go on, also after a failure.
    Resume,
    /// Stop, and throw away what has arrived.
    Cancel,
    /// Take one that ended off the list.
    Dismiss,
}

/// Every download, in the order of the queue.
pub async fn list(State(app): State<Arc<App>>) -> Json<Vec<Download>> {
    Json(app.downloads().borrow().to_vec())
}

/// Begins or resumes a download and tells how it goes, one event for each change, until it is ready, failed, paused or
/// cancelled. Hanging up does not end it.
pub async fn download(State(app): State<Arc<App>>, body: Bytes) -> Result<impl IntoResponse, ApiError> {
    let DownloadBody { model } = body::parse(&body, "a download request")?;
    app.downloads.add(model.clone());
    let mut ended = false;
    let changes = WatchStream::new(app.downloads())
        .map(move |all| all.iter().find(|download| download.name == model).cloned())
        // The queue may not have heard of it yet.
        .skip_while(|download| future::ready(download.is_none()))
        .take_while(move |download| {
            let goes_on = download.is_some() && !ended;
            ended = download.as_ref().is_none_or(|download| has_ended(&download.state));
            future::ready(goes_on)
        });
    let events = changes
        .filter_map(|download| future::ready(download.map(|download| Ok::<_, Infallible>(event(&download)))));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Has a download paused, resumed, cancelled or dismissed.
pub async fn act(
    State(app): State<Arc<App>>,
    Path(action): Path<Action>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let DownloadBody { model } = body::parse(&body, "a request about a download")?;
    if !app.downloads().borrow().iter().any(|download| download.name == model) {
        return Err(ApiError::no_download(model.as_str()));
    }
    match action {
        Action::Pause => app.downloads.pause(&model),
        Action::Resume => app.downloads.resume(&model),
        Action::Cancel => app.downloads.cancel(&model).await,
        Action::Dismiss => app.downloads.dismiss(&model),
    }
    Ok(StatusCode::ACCEPTED)
}

/// Whether nothing more happens by itself.
fn has_ended(state: &DownloadState) -> bool {
    match state {
        DownloadState::Ready { .. } | DownloadState::Failed { .. } | DownloadState::Paused => true,
        DownloadState::Queued | DownloadState::Preparing | DownloadState::Downloading => false,
    }
}

fn event(download: &Download) -> Event {
    Event::default().data(serde_json::to_string(download).unwrap_or_default())
}
