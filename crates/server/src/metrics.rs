//! `GET /metrics`: the snapshot for Prometheus, in its text format.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use shorn_runtime::{ModelPhase, ModelState, RequestKind, RequestTotals, Snapshot};

use crate::app::App;
use crate::error::ApiError;

/// What Prometheus asks for.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;
type Bytes = Family<Labels, Gauge<u64, AtomicU64>>;

/// The route.
pub async fn metrics(State(app): State<Arc<App>>) -> Result<impl IntoResponse, ApiError> {
    let registry = registry(&app.runtime.now());
    let mut body = String::new();
    text::encode(&mut body, &registry)
        .map_err(|_| ApiError::server_error("the metrics cannot be written"))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], body))
}

fn registry(snapshot: &Snapshot) -> Registry {
    let mut registry = Registry::with_prefix("shorn");
    machine(&mut registry, snapshot);
    models(&mut registry, snapshot);
    requests(&mut registry, snapshot);
    registry
}

fn machine(registry: &mut Registry, snapshot: &Snapshot) {
    let Some(memory) = snapshot.system else { return };
    let kinds = Bytes::default();
    let help = "Memory of the machine and of our processes";
    registry.register_with_unit("system_memory", help, Unit::Bytes, kinds.clone());
    let figures = [
        ("total", Some(memory.total)),
        ("available", Some(memory.available)),
        ("gpu_limit", memory.gpu_limit),
        ("workers", memory.worker_footprint),
        ("server", memory.server_footprint),
    ];
    for (kind, bytes) in figures {
        if let Some(bytes) = bytes {
            kinds.get_or_create(&vec![("kind", kind.to_owned())]).set(bytes);
        }
    }
}

fn models(registry: &mut Registry, snapshot: &Snapshot) {
    let (memory, loaded, running) = (Bytes::default(), Bytes::default(), Bytes::default());
    let help = "Memory of a model's worker, by kind, as MLX counts it";
    registry.register_with_unit("model_memory", help, Unit::Bytes, memory.clone());
    registry.register("model_loaded", "Whether a model is loaded", loaded.clone());
    registry.register("model_running_requests", "Requests that a model's worker has", running.clone());
    for model in snapshot.model.iter().chain(&snapshot.others) {
        let name = || vec![("model", model.name.clone())];
        loaded.get_or_create(&name()).set(matches!(model.phase, ModelPhase::Ready(_)).into());
        running.get_or_create(&name()).set(model.running as u64);
        for (kind, bytes) in memory_by_kind(model) {
            let mut labels = name();
            labels.push(("kind", kind.to_owned()));
            memory.get_or_create(&labels).set(bytes);
        }
    }
}

fn memory_by_kind(model: &ModelState) -> [(&'static str, u64); 7] {
    let memory = &model.memory;
    [
        ("weights", memory.weights),
        ("kv_in_use", memory.kv_in_use),
        ("kv_allocated", memory.kv_allocated),
        ("prompt_cache", memory.prompt_cache),
        ("mlx_active", memory.mlx_active),
        ("mlx_cache", memory.mlx_cache),
        ("mlx_peak", memory.mlx_peak),
    ]
}

fn requests(registry: &mut Registry, snapshot: &Snapshot) {
    type Count = Family<Labels, Counter>;
    let mut count = |name: &str, help: &str, value: &dyn Fn(&RequestTotals) -> u64| {
        let family = Count::default();
        registry.register(name, help, family.clone());
        for (kind, totals) in snapshot.requests.totals() {
            family.get_or_create(&labels(kind)).inc_by(value(totals));
        }
    };
    count("requests", "Requests that ended", &|totals| totals.requests);
    count("prompt_tokens", "Tokens of prompts", &|totals| totals.prompt_tokens);
    count("cached_tokens", "Prompt tokens that were cached", &|totals| totals.cached_tokens);
    count("generated_tokens", "Tokens that were generated", &|totals| totals.generated_tokens);
    count("first_tokens", "Requests that got a first token", &|totals| totals.first_tokens);
    let seconds = Family::<Labels, Counter<f64, AtomicU64>>::default();
    let help = "Time from arrival to the first token, summed over first_tokens";
    registry.register_with_unit("time_to_first_token", help, Unit::Seconds, seconds.clone());
    for (kind, totals) in snapshot.requests.totals() {
        seconds.get_or_create(&labels(kind)).inc_by(totals.first_token_seconds);
    }
}

fn labels(kind: &RequestKind) -> Labels {
    let RequestKind { model, endpoint, finish } = kind.clone();
    vec![("model", model), ("endpoint", endpoint), ("finish", finish)]
}
