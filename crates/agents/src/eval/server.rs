//! The server whose model is tried.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use shorn_checkpoint::KvCache;
use shorn_protocol::RequestReport;

use super::meter::Overrides;
use super::reply::message_of;

/// A Shorn server, and how to speak to it.
#[derive(Debug, Clone)]
pub struct ModelServer {
    /// Its base URL, `/v1` at the end.
    pub base_url: String,
    /// Its key, if it asks for one.
    pub api_key: Option<String>,
    /// The model's name.
    pub model: String,
    /// Tokens of its context.
    pub context_length: u32,
    /// Whether it reasons before it answers.
    pub reasoning: bool,
}

/// The server cannot be used for an eval.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Nobody answers.
    #[error("no server answers at {base_url} ({why}); start one with `shorn serve`, or name its --port")]
    NoAnswer {
        /// Where.
        base_url: String,
        /// What the system says.
        why: String,
    },
    /// It asks for a key.
    #[error("the server at {base_url} asks for its key: set SHORN_API_KEY to it")]
    Key {
        /// Where.
        base_url: String,
    },
    /// It has no model, or is none of ours.
    #[error("the server at {base_url} has no model loaded")]
    NoModel {
        /// Where.
        base_url: String,
    },
    /// It refuses a request that every task would make.
    #[error("the server refuses {kv}: {why}")]
    Refused {
        /// The KV cache that was asked for.
        kv: String,
        /// What it says.
        why: String,
    },
}

#[derive(Deserialize)]
struct Models {
    data: Vec<Served>,
}

#[derive(Deserialize)]
struct Served {
    id: String,
    context_length: u32,
    /// Models that are only on the disk come without it.
    reasoning: Option<bool>,
}

impl ModelServer {
    /// Asks a server which model it has.
    ///
    /// # Errors
    /// When it does not answer, asks for another key, or has no model.
    pub async fn at(base_url: String, api_key: Option<String>) -> Result<Self, ServerError> {
        let mut server =
            Self { base_url, api_key, model: String::new(), context_length: 0, reasoning: false };
        let base_url = server.base_url.clone();
        let failed = |error: reqwest::Error| ServerError::NoAnswer {
            base_url: base_url.clone(),
            why: innermost(&error),
        };
        let request = server.client().map_err(failed)?.get(format!("{base_url}/models"));
        let request = request.timeout(Duration::from_secs(30));
        let reply = server.with_key(request).send().await.map_err(failed)?;
        if reply.status() == reqwest::StatusCode::UNAUTHORIZED {
            return Err(ServerError::Key { base_url });
        }
        let models = reply.json::<Models>().await.map_err(failed)?;
        let Some(Served { id, context_length, reasoning: Some(reasoning) }) = models.data.into_iter().next()
        else {
            return Err(ServerError::NoModel { base_url });
        };
        (server.model, server.context_length, server.reasoning) = (id, context_length, reasoning);
        Ok(server)
    }

    /// A client that speaks to this machine only.
    pub(super) fn client(&self) -> reqwest::Result<reqwest::Client> {
        reqwest::Client::builder().no_proxy().tls_certs_only([]).build()
    }

    /// A request to a route, with the key.
    pub(super) fn request(&self, client: &reqwest::Client, route: &str) -> reqwest::RequestBuilder {
        self.with_key(client.post(format!("{}{route}", self.base_url)))
    }

    fn with_key(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.api_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Has the model answer one token with a KV cache, so that what the server would refuse of every task is told once
    /// and by name, and returns the KV cache that it used: that with which it was loaded, where none is asked for.
    pub(super) async fn try_out(&self, kv: Option<KvCache>) -> Result<KvCache, ServerError> {
        #[derive(Deserialize)]
        struct Reply {
            shorn: Option<Record>,
        }
        #[derive(Deserialize)]
        struct Record {
            report: Option<RequestReport>,
        }
        let mut body = Map::new();
        if let Some(kv) = kv {
            Overrides { kv, temperature: None }.set(&mut body);
        }
        body.insert("model".into(), self.model.clone().into());
        body.insert("max_tokens".into(), 1.into());
        body.insert("messages".into(), json!([{ "role": "user", "content": "Hello" }]));
        let refused = |why: String| ServerError::Refused {
            kv: kv.map_or("a request".to_owned(), |kv| format!("a KV cache of {kv}")),
            why,
        };
        let client = self.client().map_err(|error| refused(innermost(&error)))?;
        let reply = self.request(&client, "/chat/completions").json(&Value::Object(body)).send().await;
        let reply = reply.map_err(|error| refused(innermost(&error)))?;
        let status = reply.status();
        let text = reply.text().await.map_err(|error| refused(innermost(&error)))?;
        if !status.is_success() {
            return Err(refused(message_of(&text)));
        }
        let report = serde_json::from_str::<Reply>(&text).ok().and_then(|reply| reply.shorn?.report);
        let report =
            report.ok_or_else(|| refused("its reply carries no report: is it a Shorn server?".to_owned()))?;
        Ok(report.kv.requested)
    }
}

/// What the system says, without what every layer above it says.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
