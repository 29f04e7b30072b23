//! What differs between systems about windows and the menu bar.
//!
//! Each system's file has the same three: `has_display`, `has_tray` and `set_in_dock`.

#[cfg_attr(target_os = "macos", path = "platform/macos.rs")]
#[cfg_attr(not(target_os = "macos"), path = "platform/linux.rs")]
mod system;

pub use system::{has_display, has_tray, set_in_dock};
