//! A server and the model that it serves, as an agent has to know them.

use std::fmt;

use crate::ConnectError;

/// What our provider is called in agents' files: `pi --provider shorn`.
pub(crate) const PROVIDER: &str = "shorn";

/// Its name for people, by which we know our own entries.
pub(crate) const NAME: &str = "Shorn";

/// What is sent as a key to a server that wants none: agents leave out providers without one.
pub(crate) const NO_KEY: &str = "none";

/// What an agent has to know about a server and its model.
#[derive(Clone, PartialEq, Eq)]
pub struct Provider {
    /// Where the server is, with `/v1`: `http://127.0.0.1:1234/v1`.
    pub base_url: String,
    /// The model's name in requests and for people.
    pub model: String,
    /// Tokens of prompt and reply together; agents compact a session in time when this is right.
    pub context_window: u32,
    /// Tokens that an agent asks for at most in one reply.
    pub max_tokens: u32,
    /// Whether the model reasons before it answers, and can be told not to.
    pub reasoning: bool,
    /// Whether the model takes images.
    pub images: bool,
    /// The server's key, when it wants one. It is written into the agent's file.
    pub api_key: Option<String>,
}

/// Tokens that an agent may ask for in one reply: a whole file, and not all of the context.
const LONGEST_REPLY: u32 = 16384;

impl Provider {
    /// What an agent has to know about a server at `base_url` and the model that it serves.
    pub fn new(
        base_url: String,
        model: &str,
        context_length: u32,
        reasoning: bool,
        api_key: Option<String>,
    ) -> Self {
        Self {
            base_url,
            model: model.to_owned(),
            context_window: context_length,
            max_tokens: LONGEST_REPLY.min(context_length / 4).max(1),
            reasoning,
            images: false,
            api_key,
        }
    }

    /// One for which every field that we ever write is written.
    pub(crate) fn with_everything() -> Self {
        Self {
            base_url: "http://localhost/v1".to_owned(),
            model: ANY_NAME.to_owned(),
            context_window: 1,
            max_tokens: 1,
            reasoning: true,
            images: true,
            api_key: Some(NAME.to_owned()),
        }
    }

    /// The server's address without `/v1`, which Anthropic's clients add themselves.
    pub(crate) fn root_url(&self) -> &str {
        self.base_url.strip_suffix("/v1").unwrap_or(&self.base_url)
    }

    /// The key to send.
    pub(crate) fn key(&self) -> &str {
        self.api_key.as_deref().unwrap_or(NO_KEY)
    }

    /// Tokens at which an agent should compact a session: a fifth is left for the turn that reaches it.
    pub(crate) fn compact_at(&self) -> u32 {
        self.context_window - self.context_window / 5
    }

    /// One field that an agent does not take, and its whole file is lost to it: so it is never written.
    pub(crate) fn check(&self) -> Result<(), ConnectError> {
        let scheme = ["http://", "https://"].iter().find_map(|scheme| self.base_url.strip_prefix(scheme));
        let problem = if scheme.is_none_or(|host| host.is_empty() || host.contains(char::is_whitespace)) {
            "its base URL is not one: expected something like http://127.0.0.1:1234/v1"
        } else if self.model.is_empty() {
            "the model has no name"
        } else if self.context_window == 0 || self.max_tokens == 0 {
            "a context window or a reply of 0 tokens"
        } else if self.api_key.as_deref() == Some("") {
            "the key is empty: expected a key or none"
        } else {
            return Ok(());
        };
        Err(ConnectError::Provider { problem })
    }
}

/// As a field's name in [`Provider::with_everything`] it stands for any one name.
pub(crate) const ANY_NAME: &str = "*";

impl fmt::Debug for Provider {
    /// All but the key, which has no place in a log.
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .debug_struct("Provider")
            .field("base_url", &self.base_url)
            .field("model", &self.model)
            .field("context_window", &self.context_window)
            .field("max_tokens", &self.max_tokens)
            .field("reasoning", &self.reasoning)
            .field("images", &self.images)
            .field("api_key", &self.api_key.as_ref().map(|_| "..."))
            .finish()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A provider as in most tests.
    pub(crate) fn provider(model: &str) -> Provider {
        Provider::new("http://127.0.0.1:1234/v1".to_owned(), model, 65536, false, None)
    }

    #[test]
    fn a_reply_leaves_most_of_the_context() {
        let longest = |context| Provider::new(String::new(), "m", context, false, None).max_tokens;
        assert_eq!([1, 8000, 65536, 262_144].map(longest), [1, 2000, 16384, 16384]);
    }

    #[test]
    fn a_key_is_not_in_debug_output() {
        let provider = Provider { api_key: Some("secret".to_owned()), ..provider("m") };
        assert!(!format!("{provider:?}").contains("secret"));
    }

    #[test]
    fn what_an_agent_would_refuse_is_not_written() {
        let refused = |provider: Provider| provider.check().unwrap_err().to_string();
        let base_url = refused(Provider { base_url: "127.0.0.1:1234".to_owned(), ..provider("m") });
        assert!(base_url.contains("expected something like http://127.0.0.1:1234/v1"), "{base_url}");
        let model = refused(provider(""));
        assert!(model.contains("the model has no name"), "{model}");
        let tokens = refused(Provider { max_tokens: 0, ..provider("m") });
        assert!(tokens.contains("0 tokens"), "{tokens}");
        let key = refused(Provider { api_key: Some(String::new()), ..provider("m") });
        assert!(key.contains("the key is empty"), "{key}");
    }
}
