//! Which Hub is asked, and as whom.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use reqwest::Url;
use reqwest::header::HeaderValue;

/// Where the Hub is when nothing else is said.
const HUGGING_FACE: &str = "https://huggingface.co";

/// A Hub, and who asks it.
#[derive(Debug, Clone)]
pub struct HubSource {
    /// Its address; a path in it is kept, so that a mirror may be below one.
    pub endpoint: Url,
    /// Who asks; `None` is anybody.
    pub token: Option<Token>,
}

/// A token of the Hub. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(not shown)")
    }
}

/// Why it is not clear which Hub to ask, or as whom.
#[derive(Debug, thiserror::Error)]
pub enum BadSource {
    /// The address is none.
    #[error("`{0}` is not the address of a Hub: HF_ENDPOINT must be like https://huggingface.co, or not set")]
    Endpoint(String),
    /// The file is there and cannot be read.
    #[error(
        "the token of the Hugging Face Hub in {} cannot be read: {source}; mend its permissions, or set \
         HF_HUB_DISABLE_IMPLICIT_TOKEN=1 to go without it", path.display()
    )]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be sent.
    #[error("the token from {0} is none of the Hugging Face Hub: it must be one word, like hf_..")]
    Token(String),
}

impl Token {
    /// Takes a token from `place`, which is what an error names.
    pub fn new(text: &str, place: &str) -> Result<Self, BadSource> {
        let token = Self(text.to_owned());
        let one_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        match one_word {
            true => Ok(token),
            false => Err(BadSource::Token(place.to_owned())),
        }
    }

    /// `Authorization`, marked so that it shows in no log.
    pub(super) fn header(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0))
            .expect("a token is made of printable ASCII characters");
        value.set_sensitive(true);
        value
    }
}

impl HubSource {
    /// huggingface.co, as anybody.
    pub fn hugging_face() -> Self {
        Self { endpoint: Url::parse(HUGGING_FACE).expect("it is an address"), token: None }
    }

    /// A Hub at this address, as anybody.
    ///
    /// # Errors
    /// When it is not `http` or `https` with a host, or holds a name, a query or a fragment.
    pub fn at(endpoint: &str) -> Result<Self, BadSource> {
        let bad = || BadSource::Endpoint(endpoint.to_owned());
        let mut url = Url::parse(endpoint.trim()).map_err(|_| bad())?;
        let plain = url.username().is_empty() && url.password().is_none();
        let plain = plain && url.query().is_none() && url.fragment().is_none();
        if !plain || !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(bad());
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self { endpoint: url, token: None })
    }

    /// What huggingface_hub would ask with this home folder and these environment variables (its `constants.py` and
    /// `utils/_auth.py`): `HF_ENDPOINT`; the token from `HF_TOKEN`, else its older name `HUGGING_FACE_HUB_TOKEN`, else
    /// from the file `HF_TOKEN_PATH`, else from `token` in `HF_HOME`; none with `HF_HUB_DISABLE_IMPLICIT_TOKEN`.
    ///
    /// An empty variable counts as not set, and a leading `~` stands for the home folder.
    ///
    /// # Errors
    /// See [`BadSource`].
    pub fn from_environment(
        home: &Path,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, BadSource> {
        let text = |name: &str| {
            let value = variable(name)?.to_string_lossy().trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let source = match text("HF_ENDPOINT") {
            Some(endpoint) => Self::at(&endpoint)?,
            None => Self::hugging_face(),
        };
        let disabled = text("HF_HUB_DISABLE_IMPLICIT_TOKEN")
            .is_some_and(|value| ["1", "ON", "YES", "TRUE"].contains(&value.to_uppercase().as_str()));
        let token = if disabled { None } else { token(home, &text)? };
        Ok(Self { token, ..source })
    }

    /// The page of a model, or of something else, for people.
    pub(super) fn page(&self, path: &str) -> String {
        format!("{}/{path}", self.endpoint.as_str().trim_end_matches('/'))
    }
}

fn token(home: &Path, text: &impl Fn(&str) -> Option<String>) -> Result<Option<Token>, BadSource> {
    for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] {
        if let Some(value) = text(name) {
            return Token::new(&value, name).map(Some);
        }
    }
    let path_in = |name: &str| text(name).map(|path| from_home(home, Path::new(&path)));
    let cache = || path_in("XDG_CACHE_HOME").unwrap_or_else(|| home.join(".cache")).join("huggingface");
    let path =
        path_in("HF_TOKEN_PATH").unwrap_or_else(|| path_in("HF_HOME").unwrap_or_else(cache).join("token"));
    match fs::read_to_string(&path) {
        Ok(value) if value.trim().is_empty() => Ok(None),
        Ok(value) => Token::new(value.trim(), &path.display().to_string()).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(BadSource::TokenFile { path, source }),
    }
}

fn from_home(home: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) => home.join(rest),
        Err(_) => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(home: &Path, variables: &[(&str, &str)]) -> Result<HubSource, BadSource> {
        HubSource::from_environment(home, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    fn secret(source: &HubSource) -> Option<&str> {
        source.token.as_ref().map(|token| token.0.as_str())
    }

    #[test]
    fn without_variables_it_is_hugging_face_as_anybody() {
        let home = tempfile::tempdir().unwrap();
        let source = with(home.path(), &[("HF_ENDPOINT", ""), ("HF_TOKEN", " ")]).unwrap();
        assert_eq!(source.endpoint.as_str(), "https://huggingface.co/");
        assert_eq!(source.token, None);
    }

    #[test]
    fn an_endpoint_may_have_a_path_and_ends_without_a_slash() {
        let source = with(Path::new("/none"), &[("HF_ENDPOINT", "https://mirror.example/hf/")]).unwrap();
        assert_eq!(source.page("org/name"), "https://mirror.example/hf/org/name");
        for bad in ["huggingface.co", "ftp://a", "https://user:word@a", "https://a?b", "file:///etc"] {
            assert!(with(Path::new("/none"), &[("HF_ENDPOINT", bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_token_is_looked_for_in_the_order_of_the_hubs_own_library() {
        let home = tempfile::tempdir().unwrap();
        for (file, token) in
            [("named", "hf_named\n"), ("hf/token", "hf_home"), (".cache/huggingface/token", "hf_usual")]
        {
            let path = home.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, token).unwrap();
        }
        let all = [
            ("HF_TOKEN", "hf_variable"),
            ("HUGGING_FACE_HUB_TOKEN", "hf_older"),
            ("HF_TOKEN_PATH", "~/named"),
            ("HF_HOME", "~/hf"),
        ];
        let expected = ["hf_variable", "hf_older", "hf_named", "hf_home", "hf_usual"];
        for (skipped, expected) in expected.into_iter().enumerate() {
            assert_eq!(secret(&with(home.path(), &all[skipped..]).unwrap()), Some(expected));
        }
        let disabled = [all[0], ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "yes")];
        assert_eq!(secret(&with(home.path(), &disabled).unwrap()), None);
    }

    #[test]
    fn a_token_is_shown_nowhere() {
        let source = with(Path::new("/none"), &[("HF_TOKEN", "hf_secret")]).unwrap();
        assert!(!format!("{source:?}").contains("secret"));
        assert!(!format!("{:?}", source.token.unwrap().header()).contains("secret"));
        let bad = with(Path::new("/none"), &[("HF_TOKEN", "hf secret")]).unwrap_err();
        assert!(bad.to_string().contains("HF_TOKEN") && !format!("{bad:?}{bad}").contains("secret"));
    }
}
