use core::{
    future::Future,
    task::{Context, Poll},
};
use dunlin_session::{State, Timeout};
use tokio::time;

use super::{Connection, Ended, close_if_due};
use crate::{ConnectionError, driver::is_late};

/// When there is nothing to do.
impl Connection<'_> {
    /// Looks once more for work under the lock, then waits for the socket, the clock or a handle.
    pub(super) fn sleep(&mut self, blocked: bool, cx: &mut Context<'_>) -> Option<Poll<Ended>> {
        let shared = self.shared;
        let mut engine = shared.lock();
        if self.write.is_empty() {
            engine.session.flushed();
            engine.settle_polled(&mut self.wakers);
            engine.take_space_wakers(&mut self.wakers);
        }
        close_if_due(&mut engine);
        engine.ask(&mut self.wakers);
        if engine.closing.is_some_and(|closing| closing.abort) {
            return Some(Poll::Ready(Ended::With(ConnectionError::Closed)));
        }
        match engine.session.state() {
            // There may be a CONNACK yet, and a DISCONNECT after it, but not in time.
            State::Connecting if is_late(&engine) => {
                return Some(Poll::Ready(Ended::With(ConnectionError::Closed)));
            }
            // The last packet may wait behind a full socket.
            State::Closing => self.end(Ended::With(ConnectionError::Closed)),
            _ => {}
        }
        self.renewal_asked = engine.is_renewal_asked();
        let now = self.clock.of(self.round);
        engine.handle_time(now, self.reading_stopped, &mut self.wakers);
        shared.remove_unread(engine.take_freed());
        if self.write.take_moved() {
            engine.session.written(now);
        }
        if !blocked {
            let transmits = engine.session.poll_transmit(now).is_some();
            let settled = engine.settle_polled(&mut self.wakers);
            if transmits || settled || engine.has_told() {
                return None;
            }
        }
        if self.skipping && !blocked && shared.is_read() {
            return Some(Poll::Ready(Ended::With(ConnectionError::SlowConsumer)));
        }
        let end = engine.closing.and_then(|closing| closing.end);
        let last_words = self.ending.as_ref().map(|ending| end.map_or(ending.1, |end| end.min(ending.1)));
        let due = engine.session.poll_timeout().into_iter().chain(engine.deadline()).min();
        let wake_at = [
            due.map(|at| self.clock.at(at)),
            engine.closing.and_then(|closing| closing.deadline).filter(|_| self.ending.is_none()),
            last_words,
            self.leaving.as_ref().and_then(|leaving| leaving.by).filter(|_| self.ending.is_none()),
        ];
        let wake_at = wake_at.into_iter().flatten().min();
        // While the socket is full it wakes us; a new message need not, unless it is to be stored.
        let asleep = !blocked || engine.durable.is_some();
        shared.sleep(&mut engine, cx.waker(), asleep);
        // A timer that went off stays so until it is set again.
        let Some(at) = wake_at else { return Some(Poll::Pending) };
        self.arm(at);
        if self.timer.as_mut().poll(cx).is_pending() {
            return Some(Poll::Pending);
        }
        self.armed = None;
        if last_words.is_some_and(|until| until <= time::Instant::now()) {
            return self.ending.take().map(|ending| Poll::Ready(ending.0));
        }
        let ended = match engine.session.handle_timeout(now) {
            Some(Timeout::ServerSilent) => ConnectionError::ServerSilent(self.options.settings().ping_timeout),
            Some(Timeout::ConnackMissing) => ConnectionError::ConnackMissing,
            Some(Timeout::AckStalled { id, times }) => {
                if !engine.handle_stall(id, times, &mut self.wakers) {
                    return None;
                }
                ConnectionError::AckStalled
            }
            _ => return None,
        };
        Some(Poll::Ready(Ended::With(ended)))
    }

    /// Sets the timer, unless it goes off before: what is due moves on with each packet, and the timer is not touched for
    /// that. It may go off when nothing is due any more, and is set anew then.
    fn arm(&mut self, at: time::Instant) {
        if self.armed.is_none_or(|armed| at < armed) {
            self.armed = Some(at);
            self.timer.as_mut().reset(at);
        }
    }
}
