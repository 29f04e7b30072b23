//! One request: redirects, the token, and what the answer means.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::hub::Hub;
use super::{HubError, RepositoryName};

/// More redirects than this go in circles.
const MAX_REDIRECTS: usize = 8;

/// More of what a server says about a refusal is not shown.
const MAX_MESSAGE_CHARACTERS: usize = 200;

/// An answer, after all redirects.
pub(super) struct Answer {
    pub response: Response,
    /// Whether the Hub itself gave it.
    pub by_hub: bool,
    /// The headers of the Hub's first answer: what it says about the file behind a redirect.
    pub first: HeaderMap,
}

/// What is asked for: how errors call it, and the repository that it is in.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub what: &'a str,
    pub name: Option<&'a RepositoryName>,
}

impl Hub {
    /// Asks, with the token if there is one. A token that the Hub refuses is not used again: what is public can be had
    /// without one.
    pub(super) async fn ask(
        &self,
        url: Url,
        headers: HeaderMap,
        subject: Subject<'_>,
    ) -> Result<Answer, HubError> {
        let answer = self.follow(url.clone(), &headers, self.uses_token()).await?;
        let refused = answer.response.status() == StatusCode::UNAUTHORIZED && answer.code().is_empty();
        let answer = match refused && answer.by_hub && self.uses_token() {
            true => {
                self.drop_token();
                self.follow(url, &headers, false).await?
            }
            false => answer,
        };
        self.check(answer, subject).await
    }

    /// Asks the API.
    pub(super) async fn ask_json<T: DeserializeOwned>(
        &self,
        url: Url,
        subject: Subject<'_>,
        max_bytes: usize,
    ) -> Result<(T, HeaderMap), HubError> {
        let (bytes, host, headers) = self.ask_bounded(url, subject, max_bytes).await?;
        let value = serde_json::from_slice(&bytes).map_err(|error| HubError::BadAnswer {
            host,
            what: subject.what.to_owned(),
            problem: format!("it is not the JSON that is expected: {error}"),
        })?;
        Ok((value, headers))
    }

    /// Asks for something that must be small, within a time.
    pub(super) async fn ask_bounded(
        &self,
        url: Url,
        subject: Subject<'_>,
        max_bytes: usize,
    ) -> Result<(Vec<u8>, String, HeaderMap), HubError> {
        let host = host_of(&url);
        let read = async {
            let mut answer = self.ask(url, HeaderMap::new(), subject).await?;
            let host = host_of(answer.response.url());
            let mut bytes = Vec::new();
            while let Some(chunk) = answer.response.chunk().await.map_err(|error| network(&host, &error))? {
                bytes.extend_from_slice(&chunk);
                if bytes.len() > max_bytes {
                    let problem = format!("it has more than {max_bytes} bytes");
                    return Err(HubError::BadAnswer { host, what: subject.what.to_owned(), problem });
                }
            }
            Ok((bytes, host, answer.response.headers().clone()))
        };
        let limit = self.timeouts().answer;
        tokio::time::timeout(limit, read).await.unwrap_or_else(|_| {
            let problem = format!("gave no whole answer within {} seconds", limit.as_secs_f64());
            Err(HubError::Network { host, problem })
        })
    }

    /// Follows redirects by hand: the token goes to the Hub's own host and port only, and never again in a chain that
    /// has left them.
    async fn follow(&self, url: Url, headers: &HeaderMap, with_token: bool) -> Result<Answer, HubError> {
        let source = self.source();
        let mut url = url;
        let mut by_hub = true;
        let mut first: Option<HeaderMap> = None;
        for _ in 0..=MAX_REDIRECTS {
            by_hub = by_hub && url.origin() == source.endpoint.origin();
            let mut request = self.client()?.get(url.clone()).headers(headers.clone());
            if let Some(token) = source.token.as_ref().filter(|_| with_token && by_hub) {
                request = request.header(header::AUTHORIZATION, token.header());
            }
            let response = request.send().await.map_err(|error| network(&host_of(&url), &error))?;
            let first = first.get_or_insert_with(|| response.headers().clone());
            let Some(target) = redirect(&response) else {
                return Ok(Answer { first: std::mem::take(first), response, by_hub });
            };
            let secure = url.scheme() == "https";
            url = match url.join(&target) {
                Ok(next) if next.scheme() == "https" || (next.scheme() == "http" && !secure) => next,
                _ => {
                    let host = host_of(&url);
                    return Err(HubError::Refused(format!(
                        "{host} sends on to an address that is not taken, since it is not secure or not one at all"
                    )));
                }
            };
        }
        let problem = format!("sent on more than {MAX_REDIRECTS} times");
        Err(HubError::Network { host: host_of(&source.endpoint), problem })
    }

    /// Gives back an answer that holds something, and says what any other one means.
    async fn check(&self, answer: Answer, subject: Subject<'_>) -> Result<Answer, HubError> {
        let status = answer.response.status();
        if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok(answer);
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(HubError::RateLimited { retry_after: retry_after(answer.response.headers()) });
        }
        let (source, what) = (self.source(), subject.what.to_owned());
        if answer.by_hub {
            if status == StatusCode::NOT_FOUND {
                return Err(HubError::NotFound { what: missing(answer.code(), &what) });
            }
            let refused = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
            if refused && self.token_refused() {
                return Err(HubError::Unauthorized { what, link: source.page("settings/tokens") });
            }
            if let (true, "GatedRepo", Some(name)) = (refused, answer.code(), subject.name) {
                let (name, link) = (name.to_string(), source.page(name.as_str()));
                return Err(HubError::Gated { name, link, logged_in: self.uses_token() });
            }
            // To whom it does not know the Hub does not say whether there is such a repository.
            if status == StatusCode::UNAUTHORIZED {
                return Err(HubError::NotFound { what });
            }
        }
        let (host, by_hub) = (host_of(answer.response.url()), answer.by_hub);
        let message = answer.message();
        Err(HubError::Hub { status: status.as_u16(), host, what, message, by_hub })
    }
}

impl Answer {
    /// The Hub's own word for what is wrong; empty if it says none.
    fn code(&self) -> &str {
        text(self.response.headers(), "x-error-code").unwrap_or_default()
    }

    /// What the Hub says is wrong, after a colon; empty if it says nothing.
    fn message(&self) -> String {
        let said = text(self.response.headers(), "x-error-message").unwrap_or_default();
        let said: String =
            said.chars().filter(|letter| !letter.is_control()).take(MAX_MESSAGE_CHARACTERS).collect();
        if said.is_empty() { said } else { format!(": {said}") }
    }
}

/// A header's value, if it is text.
pub(super) fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The part of an address that says who is asked.
pub(super) fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or("the Hub").to_owned(),
    }
}

/// What went wrong on the way, without the address: it may hold a signature.
pub(super) fn network(host: &str, error: &reqwest::Error) -> HubError {
    let mut reason = String::new();
    let mut source = error.source();
    while let Some(inner) = source {
        reason = inner.to_string();
        source = inner.source();
    }
    let problem = match error {
        _ if error.is_timeout() && error.is_connect() => "did not answer in time".to_owned(),
        _ if error.is_timeout() => "sent nothing for too long".to_owned(),
        _ if error.is_connect() => format!("cannot be reached: {reason}"),
        _ => format!("broke off: {reason}"),
    };
    HubError::Network { host: host.to_owned(), problem }
}

fn redirect(response: &Response) -> Option<String> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = redirects.then(|| text(response.headers(), header::LOCATION)).flatten();
    location.map(str::to_owned)
}

fn missing(code: &str, what: &str) -> String {
    match code {
        "RevisionNotFound" => format!("such revision of {what}"),
        _ => what.to_owned(),
    }
}

/// `Retry-After` in seconds, else what the Hub itself sends: `RateLimit: "api";r=0;t=SECONDS`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let plain = text(headers, header::RETRY_AFTER).and_then(|value| value.trim().parse().ok());
    let limit = text(headers, HeaderName::from_static("ratelimit"));
    let reset = || limit?.split(';').find_map(|part| part.trim().strip_prefix("t=")?.parse().ok());
    plain.or_else(reset).map(Duration::from_secs)
}
