//! `/api/models/download`: downloads from the Hub.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use shorn_hub::download::{Download, DownloadState};
use shorn_hub::remote::RepositoryName;
use tokio::sync::watch;

use crate::app::App;
use crate::body::{self, WholeBody};
use crate::error::ApiError;
use crate::path::Path;

/// A comment goes out whenever nothing else has for so long.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DownloadBody {
    /// `org/name`.
    model: RepositoryName,
}

/// The fields of a body.
#[cfg(test)]
pub fn fields() -> &'static [&'static str] {
    body::fields::<DownloadBody>()
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
pub async fn download(
    State(app): State<Arc<App>>,
    WholeBody(body): WholeBody,
) -> Result<impl IntoResponse, ApiError> {
    let DownloadBody { model } = body::parse(&body, "a download request")?;
    app.downloads.add(model.clone());
    let events = changes(app.downloads(), model).map(|download| Ok::<_, Infallible>(event(&download)));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Has a download paused, resumed, cancelled or dismissed.
pub async fn act(
    State(app): State<Arc<App>>,
    Path(action): Path<Action>,
    WholeBody(body): WholeBody,
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

/// A download as it changes, until nothing more happens by itself or it is gone.
fn changes(
    downloads: watch::Receiver<Arc<Vec<Download>>>,
    name: RepositoryName,
) -> impl Stream<Item = Download> {
    stream::unfold(Some((downloads, false)), move |state| {
        let name = name.clone();
        async move {
            let (mut downloads, seen) = state?;
            if seen {
                downloads.changed().await.ok()?;
            }
            loop {
                let is_it = |download: &&Download| download.name == name;
                let found = downloads.borrow_and_update().iter().find(is_it).cloned();
                match found {
                    Some(download) => {
                        let rest = (!has_ended(&download.state)).then_some((downloads, true));
                        return Some((download, rest));
                    }
                    None if seen => return None,
                    // The queue has not heard of it yet.
                    None => downloads.changed().await.ok()?,
                }
            }
        }
    })
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
