//! Who may talk to the server: checked before any route.
//!
//! A page in a browser can send requests to 127.0.0.1, also under a name of its own that resolves there (DNS rebinding).
//! So on loopback the `Host` must be one of ours with our port, and an `Origin` must be ours too; there are no CORS
//! headers. A key, where one is set, is asked of everyone.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use crate::error::ApiError;

/// What is asked of a request before it reaches a route.
#[derive(Debug, Clone)]
pub struct Guard {
    inner: Arc<Rules>,
}

#[derive(Debug)]
struct Rules {
    port: u16,
    /// Whether only this machine can connect.
    loopback: bool,
    key: Option<String>,
}

impl Guard {
    /// For a server on `port`, bound to loopback or beyond, with or without a key.
    pub fn new(port: u16, loopback: bool, key: Option<String>) -> Self {
        Self { inner: Arc::new(Rules { port, loopback, key }) }
    }

    fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), ApiError> {
        let rules = &*self.inner;
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
        if rules.loopback && !host.is_some_and(|host| rules.is_ours(host)) {
            return Err(ApiError::forbidden(format!(
                "the Host header must be localhost:{port}, 127.0.0.1:{port} or [::1]:{port}, not `{}`",
                host.unwrap_or_default(),
                port = rules.port
            )));
        }
        if let Some(origin) = headers.get(header::ORIGIN) {
            let origin = origin.to_str().unwrap_or_default();
            let ours = origin.strip_prefix("http://").is_some_and(|host| rules.is_ours(host));
            if !ours {
                return Err(ApiError::forbidden(format!(
                    "requests from the web page `{origin}` are not accepted"
                )));
            }
        }
        match &rules.key {
            Some(key) if !presented(headers).is_some_and(|presented| same(presented, key)) => {
                Err(ApiError::unauthorized())
            }
            _ => Ok(()),
        }
    }
}

impl Rules {
    /// `localhost:1234` and the like; without a port it would be port 80, which is not ours.
    fn is_ours(&self, host: &str) -> bool {
        let Some((name, port)) = host.rsplit_once(':') else { return false };
        port == self.port.to_string()
            && ["localhost", "127.0.0.1", "[::1]"].iter().any(|ours| name.eq_ignore_ascii_case(ours))
    }
}

/// The key that a request shows, as OpenAI's or as Anthropic's clients do.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
    bearer.or_else(|| headers.get("x-api-key").and_then(|value| value.to_str().ok()))
}

/// Compares in a time that does not tell how much of the key is right.
fn same(presented: &str, key: &str) -> bool {
    presented.as_bytes().ct_eq(key.as_bytes()).into()
}

/// Middleware for every route and for what has no route.
pub async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.check(request.headers(), request.uri()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(guard: &Guard, headers: &[(&str, &str)]) -> Result<(), u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(axum::http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        guard.check(&map, &Uri::from_static("/health")).map_err(|error| error.status().as_u16())
    }

    #[test]
    fn loopback_names_with_our_port_are_let_in_and_nothing_else() {
        let guard = Guard::new(1234, true, None);
        for host in ["localhost:1234", "127.0.0.1:1234", "[::1]:1234", "LOCALHOST:1234"] {
            assert_eq!(check(&guard, &[("host", host)]), Ok(()), "{host}");
        }
        for host in
            ["localhost", "127.0.0.1", "localhost:1235", "evil.example:1234", "127.0.0.1.evil:1234", ""]
        {
            assert_eq!(check(&guard, &[("host", host)]), Err(403), "{host}");
        }
        assert_eq!(check(&guard, &[]), Err(403));
    }

    #[test]
    fn a_foreign_origin_is_refused_and_our_own_is_not() {
        let guard = Guard::new(1234, true, None);
        let with = |origin| check(&guard, &[("host", "localhost:1234"), ("origin", origin)]);
        assert_eq!(with("http://localhost:1234"), Ok(()));
        assert_eq!(with("https://localhost:1234"), Err(403));
        assert_eq!(with("https://evil.example"), Err(403));
        assert_eq!(with("null"), Err(403));
    }

    #[test]
    fn a_key_is_asked_of_everyone_in_either_header() {
        let guard = Guard::new(1234, true, Some("secret".to_owned()));
        let with = |name, value| check(&guard, &[("host", "localhost:1234"), (name, value)]);
        assert_eq!(check(&guard, &[("host", "localhost:1234")]), Err(401));
        assert_eq!(with("authorization", "Bearer wrong"), Err(401));
        assert_eq!(with("authorization", "Bearer secret"), Ok(()));
        assert_eq!(with("x-api-key", "secret"), Ok(()));
    }
}
