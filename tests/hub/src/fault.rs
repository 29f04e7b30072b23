//! Faults that can be switched on.

/// Something that goes wrong. Numbers are bytes unless they are called otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks after so many bytes of a file.
    CutAfter(u64),
    /// Nothing more comes after so many bytes of a file, but the connection stays.
    StallAfter(u64),
    /// The answer to a range says that it begins one byte later than it does.
    WrongContentRange,
    /// A range is ignored: 200 with the whole file.
    IgnoredRange,
    /// 416, whatever range was asked for.
    RangeNotSatisfiable,
    /// The byte at this place of the file is another one.
    FlippedByte(u64),
    /// The answer ends so many bytes before the file does, and its `Content-Length` says so too.
    ShorterBody(u64),
    /// The answer goes on for so many bytes after the file's end, and its `Content-Length` says so too.
    LongerBody(u64),
    /// A file comes no faster than so many bytes a second.
    BytesPerSecond(u64),
    /// 401: the token is not known.
    Unauthorized,
    /// 403: the licence was not accepted.
    Forbidden,
    /// 404: there is no such file.
    NotFound,
    /// 429.
    RateLimited {
        /// Seconds in `Retry-After`.
        retry_after: Option<u64>,
        /// Seconds in `RateLimit`, which is what the Hub itself sends.
        reset: Option<u64>,
    },
    /// A status with a short text, such as 500 or 503.
    Status(u16),
    /// The address of a large file has expired: 403 from the delivery network.
    ExpiredUrl,
    /// The answer of the API is a page that is not JSON.
    NotJson,
}

/// Where a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The Hub's API.
    Api,
    /// A file's address on the Hub.
    Resolve,
    /// The delivery network.
    Cdn,
}

/// A fault, for which requests, and how often.
#[derive(Debug, Clone)]
pub struct Rule {
    pub(crate) fault: Fault,
    path: Option<String>,
    place: Option<Place>,
    left: Option<u32>,
}

impl Fault {
    /// Only for this file (its path in the repository), or for API requests about this repository.
    pub fn on(self, path: &str) -> Rule {
        Rule::from(self).on(path)
    }

    /// Only for the next so many requests that it is for.
    pub fn times(self, times: u32) -> Rule {
        Rule::from(self).times(times)
    }

    /// Only there. By default statuses come from the Hub, expired addresses from the delivery network, and what is
    /// wrong with a file's bytes from wherever they are.
    pub fn at(self, place: Place) -> Rule {
        Rule::from(self).at(place)
    }

    /// Whether it shows when a file's bytes are sent.
    pub(crate) fn is_of_body(self) -> bool {
        matches!(
            self,
            Self::CutAfter(_)
                | Self::StallAfter(_)
                | Self::WrongContentRange
                | Self::IgnoredRange
                | Self::RangeNotSatisfiable
                | Self::FlippedByte(_)
                | Self::ShorterBody(_)
                | Self::LongerBody(_)
                | Self::BytesPerSecond(_)
        )
    }

    fn is_at(self, place: Place) -> bool {
        match self {
            Self::ExpiredUrl => place == Place::Cdn,
            Self::NotJson => place == Place::Api,
            _ if self.is_of_body() => place != Place::Api,
            _ => place != Place::Cdn,
        }
    }
}

impl From<Fault> for Rule {
    fn from(fault: Fault) -> Self {
        Self { fault, path: None, place: None, left: None }
    }
}

impl Rule {
    /// See [`Fault::on`].
    pub fn on(self, path: &str) -> Self {
        Self { path: Some(path.to_owned()), ..self }
    }

    /// See [`Fault::times`].
    pub fn times(self, times: u32) -> Self {
        Self { left: Some(times), ..self }
    }

    /// See [`Fault::at`].
    pub fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    /// Whether it is for this request; counts it if so.
    pub(crate) fn takes(&mut self, place: Place, path: &str) -> bool {
        let here = self.place.map_or(self.fault.is_at(place), |wanted| wanted == place);
        let on_it = self.path.as_deref().is_none_or(|wanted| wanted == path);
        if !here || !on_it || self.left == Some(0) {
            return false;
        }
        self.left = self.left.map(|left| left - 1);
        true
    }
}
