//! Files: `resolve` on the Hub, and the delivery network that large ones are redirected to.
//!
//! As the Hub does since 2025, `resolve` redirects small files too: on its own host, to an address with the commit.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request as HttpRequest, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use crate::body::Sending;
use crate::contents::hex;
use crate::fault::{Fault, Place};
use crate::range::{Asked, asked};
use crate::refusal::{Refusal, check_access, refusal_of};
use crate::repository::Blob;
use crate::state::{RequestNumber, Shared};

type FilePath = (String, String, String, String);

pub(crate) fn hub_routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/{org}/{name}/resolve/{revision}/{*file}", get(resolve))
        .route("/api/resolve-cache/models/{org}/{name}/{revision}/{*file}", get(small_file))
}

pub(crate) fn cdn_routes(shared: Arc<Shared>) -> Router {
    Router::new().route("/repos/{org}/{name}/{sha256}", get(large_file)).with_state(shared)
}

async fn resolve(
    State(shared): State<Arc<Shared>>,
    Path((org, name, revision, file)): Path<FilePath>,
    request: HttpRequest,
) -> Response {
    let number = shared.record(&request, Place::Resolve, Some(&file));
    let name = format!("{org}/{name}");
    let response = found(&shared, &request, &name, &revision, &file)
        .map(|(commit, blob)| redirect(&shared, &name, &commit, &blob))
        .unwrap_or_else(IntoResponse::into_response);
    shared.amend(number, |record| record.status = response.status().as_u16());
    response
}

/// The address that `resolve` has sent small files to.
async fn small_file(
    State(shared): State<Arc<Shared>>,
    Path((org, name, revision, file)): Path<FilePath>,
    request: HttpRequest,
) -> Response {
    let number = shared.record(&request, Place::Resolve, Some(&file));
    let name = format!("{org}/{name}");
    let response = match found(&shared, &request, &name, &revision, &file) {
        Ok((commit, blob)) => {
            let mut response = send(&shared, &request, number, Place::Resolve, &blob, blob.etag());
            insert(&mut response, "x-repo-commit", &commit);
            response
        }
        Err(refusal) => refusal.into_response(),
    };
    shared.amend(number, |record| record.status = response.status().as_u16());
    response
}

async fn large_file(
    State(shared): State<Arc<Shared>>,
    Path((org, name, sha256)): Path<(String, String, String)>,
    request: HttpRequest,
) -> Response {
    let name = format!("{org}/{name}");
    let blob = {
        let state = shared.lock();
        let commits = state.repositories.get(&name).into_iter().flat_map(|one| &one.commits);
        let mut files = commits.flat_map(|commit| &commit.files);
        files.find(|file| file.lfs.as_ref().is_some_and(|lfs| lfs.sha256 == sha256)).cloned()
    };
    let path = blob.as_ref().map(|blob| blob.path.as_str());
    let number = shared.record(&request, Place::Cdn, path);
    let response = match blob {
        None => (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>").into_response(),
        Some(blob) => deliver(&shared, &request, number, &blob, &sha256),
    };
    shared.amend(number, |record| record.status = response.status().as_u16());
    response
}

/// Sends a large file to whoever has a good address and does not show a token here, as S3 demands.
fn deliver(
    shared: &Arc<Shared>,
    request: &HttpRequest,
    number: RequestNumber,
    blob: &Blob,
    sha256: &str,
) -> Response {
    if request.headers().contains_key(header::AUTHORIZATION) {
        let text =
            "<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>";
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    let expired = (
        StatusCode::FORBIDDEN,
        "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
    );
    match shared.lock().faults(Place::Cdn, &blob.path, false).first() {
        Some(Fault::ExpiredUrl) => return expired.into_response(),
        Some(fault) => return refusal_of(*fault, request, "").into_response(),
        None => {}
    }
    let query: Vec<(String, String)> =
        form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let expires = value("Expires").and_then(|expires| expires.parse().ok()).unwrap_or(0);
    if value("Signature") != Some(&signature(sha256, expires)) || expires < milliseconds_now() {
        return expired.into_response();
    }
    // The delivery network has an `ETag` of its own, which says nothing about the SHA-256.
    let etag = signature(sha256, 0);
    send(shared, request, number, Place::Cdn, blob, &etag)
}

/// The file, and its commit, if the request may read it.
fn found(
    shared: &Shared,
    request: &HttpRequest,
    name: &str,
    revision: &str,
    file: &str,
) -> Result<(String, Blob), Refusal> {
    let mut state = shared.lock();
    if let Some(fault) = state.faults(Place::Resolve, file, false).first() {
        return Err(refusal_of(*fault, request, name));
    }
    let repository = check_access(&state, request, name, true)?;
    let commit = repository.commit(revision).ok_or_else(|| Refusal::revision(revision))?;
    let blob = commit.file(file).ok_or_else(Refusal::entry)?;
    Ok((commit.id.clone(), blob.clone()))
}

fn redirect(shared: &Shared, name: &str, commit: &str, blob: &Blob) -> Response {
    let (status, location) = match &blob.lfs {
        None => {
            let location = format!("/api/resolve-cache/models/{name}/{commit}/{}", encoded(&blob.path));
            (StatusCode::TEMPORARY_REDIRECT, location)
        }
        Some(lfs) => {
            let lifetime = shared.lock().url_lifetime.as_millis() as u64;
            let expires = milliseconds_now() + lifetime;
            let signature = signature(&lfs.sha256, expires);
            let location = format!(
                "http://{}/repos/{name}/{}?Expires={expires}&Signature={signature}&Key-Pair-Id=FAKE",
                shared.cdn, lfs.sha256
            );
            (StatusCode::FOUND, location)
        }
    };
    // The body is not the file: its length is its own.
    let mut response = (status, format!("{}. Redirecting to {location}", status.as_str())).into_response();
    insert(&mut response, "location", &location);
    insert(&mut response, "x-repo-commit", commit);
    insert(&mut response, "accept-ranges", "bytes");
    insert(&mut response, "etag", &quoted(blob.etag()));
    insert(&mut response, "x-linked-etag", &quoted(blob.etag()));
    insert(&mut response, "x-linked-size", &blob.contents.bytes().to_string());
    response
}

/// A file's bytes, as much of them as the request asks for.
fn send(
    shared: &Arc<Shared>,
    request: &HttpRequest,
    number: RequestNumber,
    place: Place,
    blob: &Blob,
    etag: &str,
) -> Response {
    let faults = match *request.method() {
        Method::GET => shared.lock().faults(place, &blob.path, true),
        _ => Vec::new(),
    };
    let bytes = blob.contents.bytes();
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let same = header(header::IF_RANGE).is_none_or(|wanted| wanted == quoted(etag));
    let range = match same && !faults.contains(&Fault::IgnoredRange) {
        true => asked(header(header::RANGE), bytes),
        false => Asked::Whole,
    };
    let mut sending = Sending::new(blob.contents.clone(), shared.clone(), number);
    let mut response = Response::new(Body::empty());
    match range {
        _ if faults.contains(&Fault::RangeNotSatisfiable) => return not_satisfiable(bytes),
        Asked::NotSatisfiable => return not_satisfiable(bytes),
        Asked::Whole => {}
        Asked::Part(part) => {
            (sending.at, sending.end) = (part.start, part.end);
            let shift = u64::from(faults.contains(&Fault::WrongContentRange));
            let range = format!("bytes {}-{}/{bytes}", part.start + shift, part.end - 1 + shift);
            insert(&mut response, "content-range", &range);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
    }
    sending.suffer(&faults);
    insert(&mut response, "content-length", &sending.length().to_string());
    insert(&mut response, "content-type", "application/octet-stream");
    insert(&mut response, "accept-ranges", "bytes");
    insert(&mut response, "etag", &quoted(etag));
    if request.method() == Method::GET {
        *response.body_mut() = sending.into_body();
    }
    response
}

fn not_satisfiable(bytes: u64) -> Response {
    let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    insert(&mut response, "content-range", &format!("bytes */{bytes}"));
    response
}

fn insert(response: &mut Response, name: &'static str, value: &str) {
    response.headers_mut().insert(name, value.parse().expect("a header's value of printable characters"));
}

fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

fn encoded(path: &str) -> String {
    let part =
        |part: &str| form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>().replace('+', "%20");
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Good for a file until then, and nobody can make one without asking the Hub.
fn signature(sha256: &str, expires: u64) -> String {
    hex(&Sha256::digest(format!("what only the Hub knows {sha256} {expires}")))
}

fn milliseconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
