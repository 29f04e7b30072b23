//! `GET /health` for whoever waits for the model, `GET /api/status` for whoever wants to see everything.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use shorn_runtime::{ModelPhase, Snapshot};

use crate::app::App;

/// 200 when requests are answered, 503 while no model is chosen, while it loads, or when it failed.
pub async fn health(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    let Some(model) = app.runtime.now().model else {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "no_model" })));
    };
    let (status, word) = match &model.phase {
        ModelPhase::Ready(_) => (StatusCode::OK, "ok"),
        ModelPhase::Loading { .. } => (StatusCode::SERVICE_UNAVAILABLE, "loading"),
        // It loads again on the next request.
        ModelPhase::Stopped { why: None } => (StatusCode::OK, "stopped"),
        ModelPhase::Stopped { why: Some(_) } => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
    };
    (status, Json(json!({ "status": word, "model": model.name, "detail": model.phase })))
}

/// The snapshot.
pub async fn status(State(app): State<Arc<App>>) -> Json<Snapshot> {
    Json(app.runtime.now())
}
