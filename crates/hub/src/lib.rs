//! Models on the Hub and on this disk.
//!
//! [`remote`] asks the Hub, [`download`] brings models from there into the Hugging Face cache, [`library`] lists, imports and
//! deletes what is on this disk, [`recommended`] are models for coding, and [`embedded`] is the one that Shorn brings along.
//! [`fit`] is arithmetic alone: it reads nothing and changes nothing, so the load dialog, the command line and the server
//! get the same answer from the same numbers.

pub mod download;
pub mod embedded;
pub mod fit;
pub mod library;
pub mod recommended;
pub mod remote;
