//! The Hub's API: search, and what a repository holds.

use std::sync::Arc;

use axum::extract::{Path, Request as HttpRequest, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::fault::{Fault, Place};
use crate::refusal::{Refusal, check_access, refusal_of};
use crate::repository::{Blob, Commit, Repository};
use crate::resolve;
use crate::state::{Shared, State as HubState};

/// What a page holds when the request does not say.
const PAGE: usize = 30;

pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/models", get(search))
        .route("/api/models/{org}/{name}", get(model))
        .route("/api/models/{org}/{name}/revision/{revision}", get(model_at))
        .route("/api/models/{org}/{name}/tree/{revision}", get(tree))
        .merge(resolve::hub_routes())
        .with_state(shared)
}

async fn search(State(shared): State<Arc<Shared>>, request: HttpRequest) -> Response {
    answer(&shared, &request, None, |state| {
        let query = Query::of(&request);
        let mut found: Vec<&Repository> =
            state.repositories.values().filter(|one| query.finds(one)).collect();
        query.sort(&mut found);
        let limit = query.first("limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE);
        let from: usize = query.first("cursor").and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        let page = found.iter().skip(from).take(limit).map(|one| query.listed(one)).collect();
        let mut response = Json(Value::Array(page)).into_response();
        if from + limit < found.len() {
            let next = query.with("cursor", &(from + limit).to_string());
            let link = format!("<http://{}/api/models?{next}>; rel=\"next\"", shared.hub);
            response
                .headers_mut()
                .insert(header::LINK, link.parse().expect("an address is a header's value"));
        }
        Ok(response)
    })
}

type Name = (String, String);

async fn model(
    State(shared): State<Arc<Shared>>,
    Path((org, name)): Path<Name>,
    request: HttpRequest,
) -> Response {
    info(&shared, &request, &format!("{org}/{name}"), "main")
}

async fn model_at(
    State(shared): State<Arc<Shared>>,
    Path((org, name, revision)): Path<(String, String, String)>,
    request: HttpRequest,
) -> Response {
    info(&shared, &request, &format!("{org}/{name}"), &revision)
}

fn info(shared: &Shared, request: &HttpRequest, name: &str, revision: &str) -> Response {
    answer(shared, request, Some(name), |state| {
        let (repository, commit) = find(state, request, name, revision)?;
        let query = Query::of(request);
        if query.has("expand[]") && query.has("blobs") {
            return Err(Refusal::new(400, "BadRequest", "`expand` cannot be used with `blobs`"));
        }
        let blobs =
            query.first("blobs").is_some_and(|blobs| blobs.eq_ignore_ascii_case("true") || blobs == "1");
        let mut fields = all_fields(repository, commit);
        fields.insert("siblings".to_owned(), commit.files.iter().map(|file| sibling(file, blobs)).collect());
        Ok(Json(query.expanded(fields)).into_response())
    })
}

async fn tree(
    State(shared): State<Arc<Shared>>,
    Path((org, name, revision)): Path<(String, String, String)>,
    request: HttpRequest,
) -> Response {
    let name = format!("{org}/{name}");
    answer(&shared, &request, Some(&name), |state| {
        let (_, commit) = find(state, &request, &name, &revision)?;
        let files = commit.files.iter().map(|file| {
            let mut entry = json!({
                "type": "file", "oid": file.git_sha1, "size": file.contents.bytes(), "path": file.path,
            });
            if let Some(lfs) = &file.lfs {
                let bytes = file.contents.bytes();
                entry["lfs"] = json!({"oid": lfs.sha256, "size": bytes, "pointerSize": lfs.pointer_bytes});
            }
            entry
        });
        Ok(Json(files.collect::<Value>()).into_response())
    })
}

/// Notes a request down, lets faults happen, and answers otherwise.
fn answer(
    shared: &Shared,
    request: &HttpRequest,
    name: Option<&str>,
    answer: impl FnOnce(&HubState) -> Result<Response, Refusal>,
) -> Response {
    let number = shared.record(request, Place::Api, None);
    let response = {
        let mut state = shared.lock();
        match state.faults(Place::Api, name.unwrap_or_default(), false).first() {
            Some(Fault::NotJson) => "<html>a page of somebody else</html>".into_response(),
            Some(fault) => refusal_of(*fault, request, name.unwrap_or_default()).into_response(),
            None => answer(&state).unwrap_or_else(IntoResponse::into_response),
        }
    };
    shared.amend(number, |record| record.status = response.status().as_u16());
    response
}

/// A commit of a repository that the request may see. Gated ones can be seen, but not read.
fn find<'a>(
    state: &'a HubState,
    request: &HttpRequest,
    name: &str,
    revision: &str,
) -> Result<(&'a Repository, &'a Commit), Refusal> {
    let repository = check_access(state, request, name, false)?;
    let commit = repository.commit(revision).ok_or_else(|| Refusal::revision(revision))?;
    Ok((repository, commit))
}

fn sibling(file: &Blob, blobs: bool) -> Value {
    let mut sibling = json!({ "rfilename": file.path });
    if blobs {
        sibling["size"] = file.contents.bytes().into();
        sibling["blobId"] = file.git_sha1.as_str().into();
        if let Some(lfs) = &file.lfs {
            let bytes = file.contents.bytes();
            sibling["lfs"] = json!({"sha256": lfs.sha256, "size": bytes, "pointerSize": lfs.pointer_bytes});
        }
    }
    sibling
}

/// All that the Hub says about a repository but its files.
fn all_fields(repository: &Repository, commit: &Commit) -> Map<String, Value> {
    let total: u64 = repository.tensor_elements.values().sum();
    let fields = json!({
        "_id": &commit.id[..24],
        "id": repository.name,
        "modelId": repository.name,
        "author": repository.name.split('/').next(),
        "sha": commit.id,
        "lastModified": repository.last_modified,
        "createdAt": "2026-10-01T12:00:00.000Z",
        "private": repository.private,
        "disabled": false,
        "gated": repository.gated(),
        "downloads": repository.downloads,
        "likes": repository.likes,
        "trendingScore": repository.trending,
        "tags": repository.tags,
        "library_name": "mlx",
        "pipeline_tag": "text-generation",
        "config": hub_config(commit),
        "safetensors": {"parameters": repository.tensor_elements, "total": total},
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The little that the Hub itself keeps of `config.json`.
fn hub_config(commit: &Commit) -> Value {
    let text = commit.file("config.json").and_then(|file| file.contents.read(0, file.contents.bytes()).ok());
    let config: Value = text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    json!({ "architectures": config["architectures"], "model_type": config["model_type"] })
}

/// What comes after `?`.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(request: &HttpRequest) -> Self {
        let text = request.uri().query().unwrap_or_default();
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    fn with(&self, name: &str, value: &str) -> String {
        let others = self.0.iter().filter(|(key, _)| key != name);
        form_urlencoded::Serializer::new(String::new()).extend_pairs(others).append_pair(name, value).finish()
    }

    fn finds(&self, repository: &Repository) -> bool {
        let name = repository.name.to_lowercase();
        let author = repository.name.split('/').next();
        let tagged = |tags: &str| tags.split(',').all(|tag| repository.tags.iter().any(|one| one == tag));
        !repository.private
            && self.all("filter").all(tagged)
            && self
                .all("search")
                .all(|text| text.to_lowercase().split_whitespace().all(|word| name.contains(word)))
            && self.first("author").is_none_or(|wanted| Some(wanted) == author)
    }

    fn sort(&self, found: &mut [&Repository]) {
        match self.first("sort") {
            Some("downloads") => found.sort_by_key(|one| one.downloads),
            Some("likes") => found.sort_by_key(|one| one.likes),
            Some("lastModified") => found.sort_by(|one, other| one.last_modified.cmp(&other.last_modified)),
            _ => found.sort_by_key(|one| one.trending),
        }
        found.reverse();
    }

    fn listed(&self, repository: &Repository) -> Value {
        let Some(commit) = repository.commit("main") else { return json!({ "id": repository.name }) };
        let mut fields = all_fields(repository, commit);
        fields.insert("siblings".to_owned(), commit.files.iter().map(|file| sibling(file, false)).collect());
        let usual =
            ["_id", "id", "modelId", "likes", "private", "downloads", "tags", "pipeline_tag", "library_name"];
        match self.has("expand[]") {
            true => self.expanded(fields),
            false => fields.into_iter().filter(|(name, _)| usual.contains(&name.as_str())).collect(),
        }
    }

    /// Only what was asked for, if anything was.
    fn expanded(&self, fields: Map<String, Value>) -> Value {
        if !self.has("expand[]") {
            return Value::Object(fields);
        }
        let wanted = |name: &str| matches!(name, "_id" | "id") || self.all("expand[]").any(|one| one == name);
        fields.into_iter().filter(|(name, _)| wanted(name)).collect()
    }
}
