use dunlin_session::{Instant, State};
use tokio::time;

use super::{Connection, Ended};
use crate::engine::Engine;

/// Making room for a connection with fresh credentials, so that no message is in doubt between the two.
impl Connection<'_> {
    /// From now on nothing is begun. The connection ends when the server has answered what was, and the application has
    /// acknowledged what it was given; or when the time for it is over.
    pub(in crate::driver) fn make_room(&mut self) {
        let mut engine = self.shared.lock();
        if engine.closing.is_none() && self.ending.is_none() {
            engine.session.hold(true);
            self.leaves_by = Some(time::Instant::now() + self.options.settings().renew_drain);
        }
    }

    pub(super) fn leave_if_due(&mut self, engine: &mut Engine, now: Instant, until: time::Instant) {
        if engine.closing.is_some() {
            // There will be no other one.
            (self.leaves_by, self.reads_no_more) = (None, false);
            engine.session.hold(false);
            engine.session.handle_reading_resumed(now);
            return;
        }
        if engine.session.state() != State::Connected || self.ending.is_some() {
            return;
        }
        if !self.reads_no_more && engine.session.is_drained() {
            self.reads_no_more = true;
            engine.session.handle_reading_stopped();
        }
        let is_late = until <= self.round;
        if is_late || self.reads_no_more && !engine.session.has_unacknowledged() {
            engine.session.interrupt();
            self.end(Ended::Renewal);
        }
    }
}
