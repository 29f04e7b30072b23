//! The Hugging Face Hub: what is there, and what a model there is.

mod repository;
mod search;

pub use repository::{BadRepositoryName, RepositoryName};
pub use search::{FoundModel, Search, SearchOrder, SearchPage, Support};
