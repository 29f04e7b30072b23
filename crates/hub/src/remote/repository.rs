//! Names of repositories.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A repository on the Hub, as `org/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(try_from = "String", into = "String")]
#[ts(as = "String")]
pub struct RepositoryName(String);

/// Why a text is no repository's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the name of a model on the Hub: it must be ORGANISATION/NAME, of letters, digits, `-`, `_` and `.`, as \
     in mlx-community/Qwen3-Coder-30B-A3B-Instruct-4bit"
)]
pub struct BadRepositoryName(String);

impl RepositoryName {
    /// `org/name`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepositoryName {
    type Err = BadRepositoryName;

    /// Takes the address of a model's page too.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadRepositoryName(text.to_owned());
        let trimmed = text.trim().trim_end_matches('/');
        let name = trimmed.strip_prefix("https://huggingface.co/").unwrap_or(trimmed);
        let (organisation, model) = name.split_once('/').ok_or_else(bad)?;
        // The Hub's own rules (huggingface_hub's `validate_repo_id`).
        let is_part = |part: &str| {
            !part.is_empty()
                && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
                && !part.starts_with(['-', '.'])
                && !part.ends_with(['-', '.'])
        };
        let fits = name.len() <= 96 && !name.contains("--") && !name.contains("..");
        match fits && is_part(organisation) && is_part(model) {
            true => Ok(Self(name.to_owned())),
            false => Err(bad()),
        }
    }
}

impl TryFrom<String> for RepositoryName {
    type Error = BadRepositoryName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RepositoryName> for String {
    fn from(name: RepositoryName) -> Self {
        name.0
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_an_organisation_and_a_model() {
        for good in ["mlx-community/Qwen3-4B-4bit", "a/b", "org_1/model.v2"] {
            assert_eq!(good.parse::<RepositoryName>().unwrap().as_str(), good);
        }
        for bad in ["gpt2", "a/b/c", "../b", "a/..", "/b", "a/", "a b/c", "a/-b", "a--b/c", "a/b\0"] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_address_of_a_page_is_understood() {
        let name: RepositoryName = "https://huggingface.co/org/name/".parse().unwrap();
        assert_eq!(name.as_str(), "org/name");
    }
}
