//! Models on this disk, and whether one fits into this machine's memory.
//!
//! [`library`] lists model folders of three origins, and the model that Shorn brings along ([`embedded`]), and deletes
//! them. [`fit`] is arithmetic alone: it reads nothing and
//! changes nothing, so the load dialog, the command line and the server get the same answer from the same numbers.

pub mod download;
pub mod embedded;
pub mod fit;
pub mod library;
pub mod recommended;
pub mod remote;
