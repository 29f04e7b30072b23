//! What was asked for.

/// A request that came.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET` or `HEAD`.
    pub method: String,
    /// The path of its address.
    pub path: String,
    /// What came after `?`; empty if nothing did.
    pub query: String,
    /// The port that it came to.
    pub port: u16,
    /// The path in the repository of the file that it asked for.
    pub file: Option<String>,
    /// `Range`, as it came.
    pub range: Option<String>,
    /// `If-Range`, as it came.
    pub if_range: Option<String>,
    /// `User-Agent`, as it came.
    pub user_agent: Option<String>,
    /// Whether it came with an `Authorization`.
    pub authorized: bool,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of the file that were handed to the network so far.
    pub sent: u64,
    pub(crate) cdn: bool,
}

impl Request {
    /// Whether it came to the port of the delivery network.
    pub fn is_cdn(&self) -> bool {
        self.cdn
    }

    /// Where the range that it asks for begins, in bytes; 0 without one.
    pub fn start(&self) -> u64 {
        let start = self
            .range
            .as_deref()
            .and_then(|range| range.strip_prefix("bytes=")?.split('-').next()?.parse().ok());
        start.unwrap_or(0)
    }
}
