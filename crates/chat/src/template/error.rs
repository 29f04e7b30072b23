//! What can go wrong with a chat template, and what to do about it.

use std::path::PathBuf;

/// Why a template could not be loaded or rendered.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The model's folder holds no chat template.
    #[error(
        "{} has no chat template: expected `chat_template.jinja`, `chat_template.json` or `chat_template` in \
         `tokenizer_config.json`; take the template from the model's page, or use a chat (instruct) model",
        folder.display()
    )]
    Missing {
        /// The model's folder.
        folder: PathBuf,
    },

    /// A file could not be read.
    #[error("cannot read {}: {source}; check that the download is complete and readable", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// A file that holds the template is not what it should be.
    #[error("{}: {problem}; download the file again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The field and what was expected.
        problem: String,
    },

    /// The template is not valid Jinja.
    #[error(
        "the model's chat template is broken: {problem}; download it again or replace `chat_template.jinja`"
    )]
    Syntax {
        /// The engine's message, with the line.
        problem: String,
    },

    /// The template refused the conversation, by calling `raise_exception`.
    #[error("the model's chat template refuses this conversation: {message}")]
    Refused {
        /// The template's own words.
        message: String,
    },

    /// The template did something that Jinja does not allow, such as reading a field of nothing.
    #[error(
        "the model's chat template failed on this conversation: {problem}; a message may lack a field that this \
         template needs, or have a role that it does not know"
    )]
    Failed {
        /// The engine's message, with the line.
        problem: String,
    },

    /// The template wanted more work, depth, text or size than a template may.
    #[error(
        "the model's chat template was stopped: {limit}; no sound template needs that much, so replace \
         `chat_template.jinja`, or shorten the conversation if it is enormous"
    )]
    OverLimit {
        /// Which limit, and its value.
        limit: String,
    },
}
