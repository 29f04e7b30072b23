//! What may come next in the replies that follow a grammar.

use shorn_protocol::{Failure, FinishReason};

use super::{Engine, Event};

impl Engine {
    /// Finds the masks of the next step. A request whose grammar cannot be followed ends with an error; the others go on.
    pub(super) fn find_masks(&mut self, events: &mut Vec<Event>) {
        let mut index = 0;
        while let Some(sequence) = self.active.get_mut(index) {
            // A prompt that is still being computed needs none yet.
            let problem = match sequence.pending() {
                1 => sequence.sampler.find_mask().err(),
                _ => None,
            };
            let Some(problem) = problem else {
                index += 1;
                continue;
            };
            self.take_back_ahead();
            let sequence = self.active.remove(index);
            let report = sequence.report(FinishReason::Error);
            events.push(Event::Finished { id: sequence.id, report, error: Some(Failure::broken(problem)) });
        }
    }
}
