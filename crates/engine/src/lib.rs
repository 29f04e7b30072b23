//! Tokens in, tokens out, on MLX. No HTTP, no text, no async.
//!
//! [`Engine`] holds one loaded model and the requests on it. There is one path: a step takes rows of every active
//! request, prompt rows and decode rows together, through norms, projections and experts at once; rotary embedding,
//! cache and attention run for each sequence on its own cache. So several requests, dense or quantized, share a step
//! without padding, and one request alone takes the very same path.
//!
//! ```no_run,standalone_crate
//! # use std::ops::ControlFlow;
//! # use shorn_engine::{Engine, Event};
//! # fn settings() -> shorn_protocol::LoadSettings { unimplemented!() }
//! # fn request() -> shorn_protocol::Generate { unimplemented!() }
//! let mut engine = Engine::load(settings(), &mut |_, _| ControlFlow::Continue(()))?;
//! engine.submit(request())?;
//! while !engine.is_idle() {
//!     for event in engine.step() {
//!         if let Event::Token { token, .. } = event {
//!             println!("{token}");
//!         }
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backend;
mod batch;
mod engine;
mod error;
mod kv;
#[cfg(target_os = "linux")]
mod linux;
mod load;
mod mask;
mod mlx;
mod models;
mod nn;
mod prompt_cache;
mod sampling;
mod sequence;
mod step;
mod weights;

pub use backend::Backend;
pub use engine::{Engine, Event};
pub use error::{LoadError, RequestError};
pub use load::OnProgress;
pub use mask::TokenMask;
pub use mlx::MlxError;
