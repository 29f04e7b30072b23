//! A file of the Hub on its way.

use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode};

use super::hub::Hub;
use super::request::{Subject, host_of, network, text};
use super::{HubError, RemotePath, RepositoryName};

/// A file, or a part of it, that arrives.
#[derive(Debug)]
pub struct FileResponse {
    /// What arrives.
    pub delivered: Delivered,
    /// Bytes that are said to arrive.
    pub body_bytes: Option<u64>,
    /// What whoever delivers the file calls it, quotes and all: for `If-Range` in a later request and nothing else.
    pub etag: Option<String>,
    /// What the Hub knows the file by: the hexadecimal digits of its [`Digest`](super::Digest).
    pub linked_etag: Option<String>,
    /// The size of the whole file in bytes, by the Hub.
    pub linked_bytes: Option<u64>,
    /// The commit that the file is from, by the Hub.
    pub commit: Option<String>,
    response: Response,
}

/// What arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// The file from its first byte on, whatever was asked for.
    Whole,
    /// These bytes of it.
    Part(ContentRange),
    /// Nothing: it has no such bytes.
    NotSatisfiable {
        /// Its size in bytes, if that is said.
        file_bytes: Option<u64>,
    },
}

/// Which bytes of a file arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// The first byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// The size of the file in bytes, if that is said.
    pub file_bytes: Option<u64>,
}

impl Hub {
    /// Asks for a file from byte `start` on. The Hub gives a fresh address each time, so that none can have expired.
    ///
    /// With `if_range` (an [`etag`](FileResponse::etag) from before) a file that has changed comes whole.
    ///
    /// # Errors
    /// See [`HubError`].
    pub async fn open(
        &self,
        name: &RepositoryName,
        commit: &str,
        path: &RemotePath,
        start: u64,
        if_range: Option<&str>,
    ) -> Result<FileResponse, HubError> {
        let what = format!("{path} of {name}");
        let mut headers = HeaderMap::new();
        // A compressed body has other bytes at other places.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if start > 0 {
            headers.insert(header::RANGE, HeaderValue::from_str(&format!("bytes={start}-")).expect("ASCII"));
            if let Some(etag) = if_range.and_then(|etag| HeaderValue::from_str(etag).ok()) {
                headers.insert(header::IF_RANGE, etag);
            }
        }
        let url = self.file_url(name, commit, path);
        let answer = self.ask(url, headers, Subject { what: &what, name: Some(name) }).await?;
        let bad = |problem: &str| HubError::BadAnswer {
            host: host_of(answer.response.url()),
            what: what.clone(),
            problem: problem.to_owned(),
        };
        let range = text(answer.response.headers(), header::CONTENT_RANGE);
        let delivered = match answer.response.status() {
            StatusCode::OK => Delivered::Whole,
            StatusCode::PARTIAL_CONTENT => Delivered::Part(
                range
                    .and_then(content_range)
                    .ok_or_else(|| bad("it does not say which part of the file it is"))?,
            ),
            StatusCode::RANGE_NOT_SATISFIABLE => Delivered::NotSatisfiable {
                file_bytes: range.and_then(|range| range.strip_prefix("bytes */")?.parse().ok()),
            },
            _ => return Err(bad("it is neither the file nor a part of it")),
        };
        let last = answer.response.headers();
        let etag = text(last, header::ETAG).map(str::to_owned);
        // A file in git itself has its hash as `ETag` and no other.
        let linked = text(&answer.first, "x-linked-etag").or(text(&answer.first, header::ETAG));
        Ok(FileResponse {
            delivered,
            body_bytes: text(last, header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
            etag,
            linked_etag: linked.map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned()),
            linked_bytes: text(&answer.first, "x-linked-size").and_then(|bytes| bytes.parse().ok()),
            commit: text(&answer.first, "x-repo-commit").map(str::to_owned),
            response: answer.response,
        })
    }
}

impl FileResponse {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`HubError::Network`] when the connection breaks, or nothing comes for
    /// [`Timeouts::read`](super::Timeouts::read).
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HubError> {
        self.response.chunk().await.map_err(|error| network(&host_of(self.response.url()), &error))
    }
}

/// `bytes START-LAST/SIZE`, or `bytes START-LAST/*`.
fn content_range(text: &str) -> Option<ContentRange> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, last) = range.split_once('-')?;
    let file_bytes = if size == "*" { None } else { Some(size.parse().ok()?) };
    let range = ContentRange {
        start: start.parse().ok()?,
        end: last.parse::<u64>().ok()?.checked_add(1)?,
        file_bytes,
    };
    (range.start < range.end && range.file_bytes.is_none_or(|bytes| range.end <= bytes)).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_is_read() {
        let range = |start, end, file_bytes| Some(ContentRange { start, end, file_bytes });
        assert_eq!(content_range("bytes 0-9/10"), range(0, 10, Some(10)));
        assert_eq!(content_range("bytes 5-9/*"), range(5, 10, None));
    }

    #[test]
    fn a_content_range_that_cannot_be_is_none() {
        for bad in [
            "",
            "bytes 0-10/10",
            "bytes 9-5/10",
            "bytes */10",
            "items 0-9/10",
            "bytes 0-/10",
            "bytes 0-18446744073709551615/*",
        ] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }
}
