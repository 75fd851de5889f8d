use dunlin_session::{Instant, State};
use tokio::time;

use super::{Connection, Ended};
use crate::engine::Engine;

/// A connection that makes room for another one.
pub(super) struct Leaving {
    /// At the latest; `None`: it has all the time there is.
    pub(super) by: Option<time::Instant>,
    /// The server has answered everything, and what it sends now is left to that other one.
    reads_no_more: bool,
}

/// Making room for a connection with fresh credentials, so that no message is in doubt between the two.
impl Connection<'_> {
    /// From now on nothing is begun. The connection ends when the server has answered what was, and the application has
    /// acknowledged what it was given; or when the time for it is over.
    pub(in crate::driver) fn make_room(&mut self) {
        let mut engine = self.shared.lock();
        if engine.closing.is_none() && self.ending.is_none() {
            engine.session.hold(true);
            let by = time::Instant::now().checked_add(self.options.settings().renew_drain);
            self.leaving = Some(Box::new(Leaving { by, reads_no_more: false }));
        }
    }

    pub(super) fn reads_no_more(&self) -> bool {
        self.leaving.as_ref().is_some_and(|leaving| leaving.reads_no_more)
    }

    pub(super) fn leave_if_due(&mut self, engine: &mut Engine, now: Instant) {
        if engine.closing.is_some() {
            // There will be no other one.
            self.leaving = None;
            engine.session.hold(false);
            engine.session.handle_reading_resumed(now);
            return;
        }
        let Some(leaving) = &mut self.leaving else { return };
        if engine.session.state() != State::Connected || self.ending.is_some() {
            return;
        }
        if !leaving.reads_no_more && engine.session.is_drained() {
            leaving.reads_no_more = true;
            engine.session.handle_reading_stopped();
        }
        let is_late = leaving.by.is_some_and(|by| by <= self.round);
        if is_late || leaving.reads_no_more && !engine.session.has_unacknowledged() {
            engine.session.interrupt();
            self.end(Ended::Renewal);
        }
    }
}
