//! What can go wrong with the Hub.

use std::time::Duration;

use crate::download::{DownloadProblem, ProblemCode};

/// Why the Hub gave no answer that can be used. Each message says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// There is no such thing.
    #[error(
        "the Hub has no {what}, or it is private: check the name; for a private model log in with `hf auth login`, or \
         set HF_TOKEN"
    )]
    NotFound {
        /// What was asked for, in words.
        what: String,
    },
    /// The licence of the model has to be accepted on its page.
    #[error("{name} can be downloaded once its terms are accepted: accept them at {link}{}", login(*.logged_in))]
    Gated {
        /// The model.
        name: String,
        /// Its page.
        link: String,
        /// Whether the Hub knows who asks.
        logged_in: bool,
    },
    /// The token was refused, and without it the Hub says nothing either.
    #[error(
        "the Hub refused the token, and {what} needs one: make a new one at {link}, then run `hf auth login`"
    )]
    Unauthorized {
        /// What was asked for, in words.
        what: String,
        /// The page where tokens are made.
        link: String,
    },
    /// Too many requests.
    #[error("the Hub asks to slow down: try again {}", in_words(*.retry_after))]
    RateLimited {
        /// How long to wait, where the Hub says so.
        retry_after: Option<Duration>,
    },
    /// Another refusal or an error of the Hub's own.
    #[error("{host} answered with status {status} when asked for {what}{message}; try again later")]
    Hub {
        /// The HTTP status.
        status: u16,
        /// Who answered: the Hub, or the network that delivers its large files.
        host: String,
        /// What was asked for, in words.
        what: String,
        /// What it said: empty, or `: ` and its words.
        message: String,
        /// Whether it was the Hub itself. What delivers its files refuses addresses that have expired; the Hub gives a
        /// new one each time.
        by_hub: bool,
    },
    /// It could not be reached, or broke off.
    #[error("{host} {problem}; check the network, and a proxy or firewall if there is one")]
    Network {
        /// Who was asked.
        host: String,
        /// What happened, in words.
        problem: String,
    },
    /// The system has no certificates to know the Hub by.
    #[error(
        "no secure connection can be made: {0}; install the system's certificates (Debian: ca-certificates)"
    )]
    Certificates(String),
    /// The environment names no Hub that could be asked.
    #[error("{0}")]
    Source(String),
    /// The repository, or what the Hub says about it, is not taken.
    #[error("{0}")]
    Refused(String),
    /// The answer is not what the Hub's API gives.
    #[error(
        "what {host} says about {what} cannot be read: {problem}; check that HF_ENDPOINT is a Hugging Face Hub"
    )]
    BadAnswer {
        /// Who answered.
        host: String,
        /// What was asked for, in words.
        what: String,
        /// What is wrong with the answer.
        problem: String,
    },
}

impl HubError {
    /// Whether the same request may go well a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Network { .. } => true,
            Self::Hub { status, by_hub, .. } => !by_hub || *status >= 500 || matches!(status, 408 | 425),
            Self::NotFound { .. }
            | Self::Gated { .. }
            | Self::Unauthorized { .. }
            | Self::Certificates(_)
            | Self::Source(_)
            | Self::Refused(_)
            | Self::BadAnswer { .. } => false,
        }
    }

    /// How long the Hub asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => *retry_after,
            _ => None,
        }
    }

    /// A page where it can be put right.
    pub fn link(&self) -> Option<&str> {
        match self {
            Self::Gated { link, .. } | Self::Unauthorized { link, .. } => Some(link),
            _ => None,
        }
    }

    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound { .. } => ProblemCode::NotFound,
            Self::Gated { .. } => ProblemCode::Gated,
            Self::Unauthorized { .. } => ProblemCode::Unauthorized,
            Self::RateLimited { .. } | Self::Hub { .. } | Self::BadAnswer { .. } => ProblemCode::Hub,
            Self::Network { .. } | Self::Certificates(_) | Self::Source(_) => ProblemCode::Network,
            Self::Refused(_) => ProblemCode::Refused,
        }
    }
}

impl From<HubError> for DownloadProblem {
    fn from(error: HubError) -> Self {
        Self { code: error.code(), message: error.to_string(), link: error.link().map(str::to_owned) }
    }
}

fn login(logged_in: bool) -> &'static str {
    match logged_in {
        true => ", with the account that the token belongs to",
        false => ", then log in here with `hf auth login`, or set HF_TOKEN",
    }
}

fn in_words(wait: Option<Duration>) -> String {
    match wait.map(|wait| wait.as_secs()) {
        None => "in a few minutes".to_owned(),
        Some(0 | 1) => "in a second".to_owned(),
        Some(seconds) if seconds < 120 => format!("in {seconds} seconds"),
        Some(seconds) => format!("in {} minutes", seconds.div_ceil(60)),
    }
}
