//! The Hugging Face Hub: what is there, and what a model there is.
//!
//! [`Hub`] asks it. The Hub is not trusted: names of files are checked, answers are bounded, and a token goes to the
//! Hub's own host and nowhere else.

mod details;
mod error;
mod file;
mod hub;
mod model;
mod pages;
mod repository;
mod request;
mod search;
mod source;

pub use details::Details;
pub use error::HubError;
pub use file::{ContentRange, Delivered, FileResponse};
pub use hub::{Hub, Timeouts};
pub use model::{Digest, RemoteFile, RemoteModel, RemotePath};
pub use repository::{BadRepositoryName, RepositoryName};
pub use search::{FoundModel, Search, SearchOrder, SearchPage, Support};
pub use source::{BadSource, HubSource, Token};
