mod conversation;
mod input;
mod room;
mod seldom;
mod waiting;

use core::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};
use std::{io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use dunlin_codec::ReasonCode;
use dunlin_session::{Instant, State};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task, time,
};

use self::{
    conversation::Turn,
    input::{FIRST_READ, TURN_BYTES},
    room::Leaving,
};
use super::{Clock, Ended, is_late, open::Stream, scratch::Scratch, write_buffer::WriteBuffer};
use crate::{
    ConnectOptions, Connected, ConnectionError, NetworkError, TRACING,
    engine::{Engine, GOODBYE, Shared},
    inspect::Tap,
    trace,
};

/// One connection: the socket, and the bytes between it and the session.
pub(super) struct Connection<'d> {
    stream: Pin<Box<dyn Stream>>,
    options: &'d ConnectOptions,
    shared: &'d Arc<Shared>,
    clock: Clock,
    /// The time of this turn.
    round: time::Instant,
    write: WriteBuffer,
    read: BytesMut,
    /// Bytes to make room for: more while reads fill what there is.
    read_size: usize,
    /// Bytes that were read in this turn: who is to take the messages comes to it while they are in the cache.
    turn_bytes: usize,
    wakers: Vec<Waker>,
    timer: Pin<Box<time::Sleep>>,
    armed: Option<time::Instant>,
    /// Why the connection ends, once what is still to be said is written, until then.
    ending: Option<Box<(Ended, time::Instant)>>,
    reading_stopped: bool,
    /// It makes room for another one.
    leaving: Option<Box<Leaving>>,
    /// The application wants fresh credentials.
    pub(super) renewal_asked: bool,
    /// 3.1.1 has no Receive Maximum: while the application is behind, and we must read because the server owes us an
    /// answer, QoS 1 and 2 messages are thrown away unanswered. They come again on the next connection, which begins
    /// when the application has caught up.
    skipping: bool,
    /// Packets were read whose answers had no room: they are handled when something was transmitted.
    input_waits: bool,
    /// What the server said in an authentication that is under way: answered when no lock is held.
    said: Option<Box<Turn>>,
    /// Where packets are looked at, if anybody wants to.
    tap: Option<Box<Tap>>,
    /// The server accepted the connection, and that is to be traced.
    accepted: Option<Box<Connected>>,
    was_connected: bool,
    assigned_client_id: Option<String>,
}

/// What is left of a connection.
pub(super) struct Finished {
    pub(super) ended: Ended,
    pub(super) was_connected: bool,
    /// Where the server gave another than that of the options.
    pub(super) assigned_client_id: Option<String>,
}

/// What a step came to.
enum Step {
    Progress,
    Nothing,
    Blocked,
}

impl<'d> Connection<'d> {
    pub(super) fn new(
        stream: Pin<Box<dyn Stream>>,
        options: &'d ConnectOptions,
        shared: &'d Arc<Shared>,
        clock: Clock,
    ) -> Self {
        Self {
            stream,
            options,
            shared,
            clock,
            round: time::Instant::now(),
            write: WriteBuffer::default(),
            read: BytesMut::new(),
            read_size: FIRST_READ,
            turn_bytes: 0,
            wakers: Vec::new(),
            timer: Box::pin(time::sleep(Duration::from_secs(3600))),
            armed: None,
            ending: None,
            reading_stopped: false,
            leaving: None,
            renewal_asked: false,
            skipping: false,
            input_waits: false,
            said: None,
            tap: Tap::new(options),
            accepted: None,
            was_connected: false,
            assigned_client_id: None,
        }
    }

    /// A turn of the driver, with memory that it lends from those of the same thread.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let mut scratch = Scratch::take();
        scratch.lend(&mut self.read, self.write.copied(), &mut self.wakers);
        let ended = self.turn(cx);
        self.wake();
        scratch.take_back(&mut self.read, self.write.copied(), &mut self.wakers);
        scratch.give_back();
        ended
    }

    /// A bounded amount of work, then a word on what to wait for.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        self.round = time::Instant::now();
        let now = self.clock.of(self.round);
        self.turn_bytes = 0;
        // If the socket alone woke us, what came is looked at first. Nobody calls for what is not finished, or stored.
        let unfinished = !self.write.is_empty() || self.ending.is_some() || self.options.settings().store.is_some();
        let mut writes = self.shared.wake_up() || unfinished;
        for _ in 0..ROUNDS {
            let mut blocked = false;
            if writes {
                match self.write(now, cx) {
                    Ok(Step::Blocked) => blocked = true,
                    Ok(Step::Progress) => {}
                    // Everything is written: nothing keeps a connection that is to end.
                    Ok(Step::Nothing) => {
                        if let Some(ending) = self.ending.take() {
                            return Poll::Ready(ending.0);
                        }
                    }
                    Err(error) => return Poll::Ready(self.ended_while_writing(now, cx, &error)),
                }
            }
            let read = match self.read(now, blocked, cx) {
                Ok(read) => read,
                Err(ended) => return Poll::Ready(self.ending.take().map_or(ended, |ending| ending.0)),
            };
            if self.turn_bytes >= TURN_BYTES {
                break;
            }
            writes = blocked || self.ending.is_some();
            if matches!(read, Step::Progress) || writes && !blocked {
                // What comes at once is answered at once.
                continue;
            }
            let pending = self.sleep(blocked, cx);
            // Those whose time is over.
            self.wake();
            if let Some(pending) = pending {
                return pending;
            }
            writes = true;
        }
        // Others on this thread come first. One of them may be the future that the runtime blocks on, which has its turn
        // when no task wants one: a driver that woke itself would read on before the application takes anything.
        let _ = pin!(task::yield_now()).poll(cx);
        Poll::Pending
    }

    /// Says goodbye, after the last packet is written: closes our side, and waits a moment for the server to close
    /// its own, since closing with unread bytes in the socket would cut what was just written.
    pub(super) async fn finish(mut self, ended: Ended) -> Finished {
        let goodbye = async {
            self.stream.shutdown().await?;
            // Many connections may end at the same time.
            let mut rest = [0; 256];
            while self.stream.read(&mut rest).await? > 0 {}
            Ok::<_, io::Error>(())
        };
        let until = time::Instant::now() + GOODBYE;
        let end = self.shared.lock().closing.and_then(|closing| closing.end);
        // What goes wrong now is nobody's loss.
        let _ = time::timeout_at(end.map_or(until, |end| end.min(until)), goodbye).await;
        Finished { ended, was_connected: self.was_connected, assigned_client_id: self.assigned_client_id }
    }

    // ---- out ----

    /// Writes what there is. That it is written is told to the session in the next round.
    fn write(&mut self, now: Instant, cx: &mut Context<'_>) -> io::Result<Step> {
        if self.write.is_empty() {
            let mut engine = self.shared.lock();
            if self.write.take_moved() {
                engine.session.written(now);
            }
            engine.session.flushed();
            engine.settle_polled(&mut self.wakers);
            close_if_due(&mut engine);
            match self.leaving {
                None => engine.ask(&mut self.wakers),
                Some(_) => self.leave_if_due(&mut engine, now),
            }
            // A connection that ends without a last packet sends no other.
            if self.ending.is_none() || engine.session.state() == State::Closing {
                self.fill(&mut engine, now);
                // What expired before it came to be sent.
                engine.settle_polled(&mut self.wakers);
            }
            engine.memory_full &= self.write.is_empty();
            engine.take_space_wakers(&mut self.wakers);
            if engine.has_told() {
                engine.pass_on(Bytes::new(), &mut self.wakers);
            }
            let closing = engine.session.state() == State::Closing;
            let handled = engine.filters.has_due_handlers();
            drop(engine);
            self.wake();
            if handled {
                self.shared.run_handlers();
            }
            self.show();
            if closing {
                self.end(Ended::With(ConnectionError::Closed));
            }
            if self.write.is_empty() {
                return Ok(Step::Nothing);
            }
        }
        match self.write.poll_flush(self.stream.as_mut(), cx) {
            Poll::Ready(result) => result.map(|()| Step::Progress),
            Poll::Pending => Ok(Step::Blocked),
        }
    }

    fn fill(&mut self, engine: &mut Engine, now: Instant) {
        let pings = engine.session.is_ping_due();
        engine.statistics.sent_bytes += self.write.fill(&mut engine.session, now) as u64;
        if let Some(tap) = &mut self.tap {
            self.write.each(|bytes| tap.send(bytes));
        }
        let pinged = pings && !engine.session.is_ping_due();
        engine.round_trip.handle_taken(&mut engine.session, pinged, self.round);
    }

    /// A server that closes a connection often says why first: that is better than "the connection was cut".
    fn ended_while_writing(&mut self, now: Instant, cx: &mut Context<'_>, error: &io::Error) -> Ended {
        while self.ending.is_none() {
            match self.read(now, true, cx) {
                Ok(Step::Progress) => {}
                _ => break,
            }
        }
        match self.ending.take() {
            Some(ending) => ending.0,
            None => self.ended_by(error),
        }
    }

    fn end(&mut self, ended: Ended) {
        self.ending.get_or_insert_with(|| Box::new((ended, time::Instant::now() + LAST_WORDS)));
    }

    #[inline]
    fn wake(&mut self) {
        if !self.wakers.is_empty() {
            self.wakers.drain(..).for_each(Waker::wake);
        }
    }

    /// Shows what there is to see, outside the lock.
    #[inline]
    fn show(&mut self) {
        if TRACING && let Some(connected) = self.accepted.take() {
            trace::connected(&connected);
        }
        if let Some(tap) = &mut self.tap {
            tap.show();
        }
    }

    fn closed(&self) -> Ended {
        Ended::With(match self.was_connected {
            true => ConnectionError::ClosedByServer,
            false => ConnectionError::ClosedWithoutConnack,
        })
    }

    fn ended_by(&self, error: &io::Error) -> Ended {
        match ConnectionError::of_stream(error) {
            // A server that wants no more of us closes, and whether that arrives as an end or as a cut is chance.
            ConnectionError::Network(NetworkError::Reset) if !self.was_connected => self.closed(),
            ConnectionError::Network(_) if error.kind() == io::ErrorKind::UnexpectedEof => self.closed(),
            other => Ended::With(other),
        }
    }
}

/// The DISCONNECT, when the client is to be closed and its messages are settled or out of time.
fn close_if_due(engine: &mut Engine) {
    let Some(closing) = engine.closing else { return };
    let due = is_late(engine) || engine.session.is_idle();
    if engine.session.state() == State::Connected && !closing.abort && due {
        engine.session.disconnect(ReasonCode::SUCCESS);
    }
}

/// Rounds of writing and reading in a turn.
const ROUNDS: usize = 8;
/// For the DISCONNECT that tells a server what it did wrong, or that we leave.
const LAST_WORDS: Duration = Duration::from_secs(1);
