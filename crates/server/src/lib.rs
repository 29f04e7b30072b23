//! The HTTP dialects and management routes.
//!
//! A dialect parses a body into a conversation and sampling values, and encodes the events of a reply; everything
//! between is shared (`reply`). Each dialect has a module of its own.

mod app;
mod body;
mod chat_completions;
mod clock;
mod error;
mod guard;
mod kv_fields;
mod listen;
mod management;
mod models;
mod reply;
mod served;
mod status;

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware;
use axum::routing::{get, post};
use tokio::net::TcpListener;

pub use app::App;
pub use error::ApiError;
pub use guard::Guard;
pub use listen::{ListenError, listen};
pub use served::{ServedModel, ServedModelError};

/// Larger bodies are refused; a prompt of a million tokens has room.
pub const MAX_BODY_BYTES: usize = 32 << 20;

/// All routes behind the guard.
pub fn router(app: Arc<App>, guard: Guard) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat_completions::chat_completions))
        .route("/v1/models", get(models::models))
        .route("/v1/models/{*name}", get(models::model))
        .route("/health", get(status::health))
        .route("/api/status", get(status::status))
        .route("/api/models", get(management::library))
        .route("/api/models/estimate", post(management::estimate))
        .route("/api/models/load", post(management::load))
        .route("/api/models/unload", post(management::unload))
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(guard, guard::guard))
        .with_state(app)
}

/// Serves the routes on all listeners until `stop` resolves.
///
/// # Errors
/// When a listener fails.
pub async fn serve(
    listeners: Vec<TcpListener>,
    router: Router,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let servers: Vec<_> = listeners
        .into_iter()
        .map(|listener| tokio::spawn(axum::serve(listener, router.clone()).into_future()))
        .collect();
    stop.await;
    // Open streams end with the model; nobody waits for idle connections.
    servers.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}

async fn no_route(request: Request) -> ApiError {
    ApiError::no_route(request.method().as_str(), request.uri().path())
}

async fn wrong_method(request: Request) -> ApiError {
    ApiError::wrong_method(request.method().as_str(), request.uri().path())
}
