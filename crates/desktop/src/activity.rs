//! Keeping the machine awake while something runs, so that neither idle sleep nor App Nap stops a reply.

use shorn_runtime::{ModelPhase, Snapshot};

#[cfg_attr(target_os = "macos", path = "activity/macos.rs")]
#[cfg_attr(not(target_os = "macos"), path = "activity/none.rs")]
mod system;

use system::Activity;

/// Holds one activity while it is wanted.
pub(crate) struct KeepAwake {
    held: Option<Activity>,
}

impl KeepAwake {
    pub fn new() -> Self {
        Self { held: None }
    }

    /// Begins or ends the activity. Returns whether it is held; `None` on a system without such a thing.
    pub fn hold(&mut self, wanted: bool) -> Option<bool> {
        match (wanted, &self.held) {
            (true, None) => self.held = Activity::begin("Shorn runs a model"),
            (false, Some(_)) => self.held = None,
            _ => {}
        }
        system::EXISTS.then_some(self.held.is_some())
    }
}

/// Whether something runs that sleep would stop.
pub(crate) fn is_busy(snapshot: &Snapshot) -> bool {
    let mut models = snapshot.model.iter().chain(&snapshot.others);
    models.any(|model| model.running > 0 || matches!(model.phase, ModelPhase::Loading { .. }))
}
