//! macOS: `NSProcessInfo`'s activities.
#![allow(unsafe_code, reason = "the token of an activity is not marked as movable between threads")]

use objc2::rc::Retained;
use objc2::runtime::{NSObjectProtocol, ProtocolObject};
use objc2_foundation::{NSActivityOptions, NSProcessInfo, NSString};

/// Whether there is such a thing.
pub(super) const EXISTS: bool = true;

/// An activity that a person asked for: App Nap stays away and the machine does not fall asleep by itself (its display
/// may). It ends when it is dropped.
pub(super) struct Activity(Retained<ProtocolObject<dyn NSObjectProtocol>>);

// SAFETY: the token is opaque; `NSProcessInfo` is documented as safe to use from any thread and only takes it back.
unsafe impl Send for Activity {}

impl Activity {
    pub fn begin(reason: &str) -> Option<Self> {
        let options = NSActivityOptions::UserInitiated | NSActivityOptions::IdleSystemSleepDisabled;
        let reason = NSString::from_str(reason);
        Some(Self(NSProcessInfo::processInfo().beginActivityWithOptions_reason(options, &reason)))
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        // SAFETY: the token is one that `beginActivityWithOptions:reason:` returned, and it is ended once.
        unsafe { NSProcessInfo::processInfo().endActivity(&self.0) };
    }
}
