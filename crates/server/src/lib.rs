//! The HTTP dialects and management routes.
//!
//! A dialect parses a body into a conversation and sampling values, and encodes the events of a reply; everything
//! between is shared (`reply`). Each dialect has a module of its own.

mod app;
mod body;
mod chat_completions;
mod choices;
mod clock;
mod completions;
mod downloads;
mod error;
mod guard;
mod hub_models;
mod kv_fields;
mod listen;
mod load;
mod management;
mod messages;
mod metrics;
mod models;
mod openapi;
mod path;
mod reply;
mod reply_form;
mod responses;
mod reuse;
mod served;
mod status;
mod tool_choice;
mod turn;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware;
use axum::routing::{get, post};
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tower_http::decompression::RequestDecompressionLayer;

pub use app::{App, DeleteModelError};
pub use error::ApiError;
pub use guard::Guard;
pub use hub_models::{HubFit, HubModel, HubPage, RecommendedModel};
pub use listen::{ListenError, holder_of, listen};
pub use load::{Estimate, LoadError, LoadRequest, MemoryPolicy};
pub use served::{LoadPlan, ServedModel, ServedModelError};

/// Larger bodies are refused; a prompt of a million tokens has room.
pub const MAX_BODY_BYTES: usize = 32 << 20;

/// All routes behind the guard.
pub fn router(app: Arc<App>, guard: Guard) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat_completions::chat_completions))
        .route("/v1/completions", post(completions::completions))
        .route("/v1/responses", post(responses::create))
        .route("/v1/responses/{id}", get(responses::retrieve).delete(responses::delete))
        .route("/v1/messages", post(messages::messages))
        .route("/v1/messages/count_tokens", post(messages::count_tokens))
        .route("/v1/models", get(models::models))
        .route("/v1/models/{*name}", get(models::model))
        .route("/health", get(status::health))
        .route("/openapi.json", get(openapi::openapi))
        .route("/api/models/download", get(downloads::list).post(downloads::download))
        .route("/api/models/download/{action}", post(downloads::act))
        .route("/api/hub/models", get(hub_models::search))
        .route("/api/hub/recommended", get(hub_models::list_recommended))
        .route("/metrics", get(metrics::metrics))
        .route("/api/status", get(status::status))
        .route("/api/models", get(management::library))
        .route("/api/models/estimate", post(management::estimate))
        .route("/api/models/load", post(management::load))
        .route("/api/models/unload", post(management::unload))
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(RequestDecompressionLayer::new())
        .layer(middleware::from_fn_with_state(guard, guard::guard))
        .layer(middleware::from_fn(messages::in_own_shape))
        .with_state(app)
}

/// Serves the routes on all listeners until `stop` resolves; then the ports are free again. Replies under way go on,
/// idle connections are closed.
///
/// # Errors
/// When a listener fails.
pub async fn serve(
    listeners: Vec<TcpListener>,
    router: Router,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let ending = CancellationToken::new();
    let mut closed = Vec::new();
    for listener in listeners {
        let (open, when_closed) = oneshot::channel();
        let listener = Watched { listener, _open: open };
        let server = axum::serve(listener, router.clone());
        tokio::spawn(server.with_graceful_shutdown(ending.clone().cancelled_owned()).into_future());
        closed.push(when_closed);
    }
    stop.await;
    ending.cancel();
    for closed in closed {
        // An error is what a sender that was dropped looks like.
        let _ = closed.await;
    }
    Ok(())
}

/// A listener whose end can be waited for, which comes long before that of its last connection.
struct Watched {
    listener: TcpListener,
    _open: oneshot::Sender<()>,
}

impl Listener for Watched {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (connection, peer) = Listener::accept(&mut self.listener).await;
        // Tokens are small and come one by one: none must wait for the acknowledgement of the one before.
        let _ = connection.set_nodelay(true);
        (connection, peer)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

async fn no_route(request: Request) -> ApiError {
    ApiError::no_route(request.method().as_str(), request.uri().path())
}

async fn wrong_method(request: Request) -> ApiError {
    ApiError::wrong_method(request.method().as_str(), request.uri().path())
}
