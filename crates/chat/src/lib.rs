//! Messages to prompt text; model text to content, reasoning and tool calls.
//!
//! A dialect parses a request into a [`Conversation`]; [`ChatModel::prompt`] renders the model's own chat template and
//! tokenizes; the engine's token ids go into an [`OutputStream`], and [`Delta`]s come out: text for the user, reasoning,
//! and tool calls whose arguments are JSON. Nothing here knows HTTP, MLX or async.
//!
//! ```no_run
//! use shorn_chat::conversation::{Conversation, Message, Role};
//! use shorn_chat::model::ChatModel;
//! use shorn_chat::output::{End, Reply};
//!
//! # fn generate(_: &[u32]) -> Vec<u32> { Vec::new() }
//! let model = ChatModel::from_folder("models/coder".as_ref())?;
//! let conversation = Conversation {
//!     messages: vec![Message::text(Role::User, "What does main.rs do?")],
//!     ..Conversation::default()
//! };
//! let prompt = model.prompt(&conversation)?;
//! let mut stream = model.output(&prompt, Vec::new());
//! let mut reply = Reply::default();
//! for id in generate(&prompt.tokens) {
//!     reply.extend(stream.push(id)?);
//! }
//! reply.finish(stream.finish(End::Natural));
//! println!("{}", reply.content);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`ChatModel::prompt`]: model::ChatModel::prompt
//! [`Conversation`]: conversation::Conversation
//! [`Delta`]: output::Delta
//! [`OutputStream`]: model::OutputStream

pub mod conversation;
pub mod meaning;
pub mod model;
pub mod output;
pub mod replies;
pub mod stop;
pub mod template;
pub mod tokenizer;
