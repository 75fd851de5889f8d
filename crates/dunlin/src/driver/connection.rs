mod conversation;
mod seldom;

use core::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};
use std::{io, sync::Arc, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use dunlin_codec::{FixedHeader, PacketType, ReasonCode};
use dunlin_session::{Event as Told, Instant, Progress, State, Timeout};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time,
};

use self::conversation::Turn;
use super::{Clock, Ended, is_late, open::Stream, write_buffer::WriteBuffer};
use crate::{
    ConnectionError, NetworkError, Said,
    engine::{Engine, GOODBYE, Shared},
};

/// One connection: the socket, and the bytes between it and the session.
pub(super) struct Connection<'d> {
    stream: Pin<Box<dyn Stream>>,
    shared: &'d Arc<Shared>,
    clock: Clock,
    /// The time of this round.
    round: time::Instant,
    ping_timeout: Duration,
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
    ending: Option<(Ended, time::Instant)>,
    reading_stopped: bool,
    /// 3.1.1 has no Receive Maximum: while the application is behind, and we must read because the server owes us an
    /// answer, QoS 1 and 2 messages are thrown away unanswered. They come again on the next connection, which begins
    /// when the application has caught up.
    skipping: bool,
    /// The server was told no Receive Maximum, as 3.1.1 cannot: nothing holds it back but our not reading.
    unlimited: bool,
    /// Packets were read whose answers had no room: they are handled when something was transmitted.
    input_waits: bool,
    /// What the server said in an authentication that is under way: answered when no lock is held.
    said: Option<Turn>,
    pub(super) was_connected: bool,
    /// As the options say, or as the server assigned it.
    pub(super) client_id: String,
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
        shared: &'d Arc<Shared>,
        clock: Clock,
        ping_timeout: Duration,
        client_id: String,
        unlimited: bool,
    ) -> Self {
        Self {
            stream,
            shared,
            clock,
            round: time::Instant::now(),
            ping_timeout,
            write: WriteBuffer::default(),
            read: BytesMut::new(),
            read_size: SMALL_READ,
            turn_bytes: 0,
            wakers: Vec::new(),
            timer: Box::pin(time::sleep(Duration::from_secs(3600))),
            armed: None,
            ending: None,
            reading_stopped: false,
            skipping: false,
            unlimited,
            input_waits: false,
            said: None,
            was_connected: false,
            client_id,
        }
    }

    /// A turn of the driver: a bounded amount of work, then a word on what to wait for.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        self.shared.wake_up();
        self.turn_bytes = 0;
        for _ in 0..ROUNDS {
            self.round = time::Instant::now();
            let now = self.clock.of(self.round);
            let wrote = match self.write(now, cx) {
                Ok(wrote) => wrote,
                Err(error) => return Poll::Ready(self.ended_while_writing(now, cx, &error)),
            };
            if matches!(wrote, Step::Nothing) {
                // Everything is written: nothing keeps a connection that is to end.
                if let Some((ended, _)) = self.ending.take() {
                    return Poll::Ready(ended);
                }
            }
            let blocked = matches!(wrote, Step::Blocked);
            let read = match self.read(now, blocked, cx) {
                Ok(read) => read,
                Err(ended) => return Poll::Ready(self.ending.take().map_or(ended, |(ended, _)| ended)),
            };
            if self.turn_bytes >= LARGE_READ {
                break;
            }
            if matches!(wrote, Step::Progress) || matches!(read, Step::Progress) {
                continue;
            }
            if let Some(pending) = self.sleep(blocked, cx) {
                return pending;
            }
        }
        // Others on this thread come first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Says goodbye, after the last packet is written: closes our side, and waits a moment for the server to close
    /// its own, since closing with unread bytes in the socket would cut what was just written.
    pub(super) async fn finish(mut self) {
        let goodbye = async {
            self.stream.shutdown().await?;
            let mut rest = [0; 4096];
            while self.stream.read(&mut rest).await? > 0 {}
            Ok::<_, io::Error>(())
        };
        let until = time::Instant::now() + GOODBYE;
        let end = self.shared.lock().closing.and_then(|closing| closing.end);
        // What goes wrong now is nobody's loss.
        let _ = time::timeout_at(end.map_or(until, |end| end.min(until)), goodbye).await;
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
            engine.ask(&mut self.wakers);
            // A connection that ends without a last packet sends no other.
            if self.ending.is_none() || engine.session.state() == State::Closing {
                self.fill(&mut engine, now);
                // What expired before it came to be sent.
                engine.settle_polled(&mut self.wakers);
            }
            engine.memory_full &= self.write.is_empty();
            engine.take_space_wakers(&mut self.wakers);
            if engine.has_told() {
                engine.pass_on(&Bytes::new(), &mut self.wakers);
            }
            let closing = engine.session.state() == State::Closing;
            drop(engine);
            self.wake();
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
            Some((ended, _)) => ended,
            None => self.ended_by(error),
        }
    }

    fn end(&mut self, ended: Ended) {
        self.ending.get_or_insert((ended, time::Instant::now() + LAST_WORDS));
    }

    // ---- in ----

    fn read(&mut self, now: Instant, blocked: bool, cx: &mut Context<'_>) -> Result<Step, Ended> {
        if self.ending.is_some() || self.must_stop_reading(now, blocked) {
            return Ok(Step::Nothing);
        }
        if core::mem::take(&mut self.input_waits) {
            self.handle_input(now);
            return Ok(if self.input_waits { Step::Nothing } else { Step::Progress });
        }
        if self.read.capacity() - self.read.len() < self.read_size / 4 {
            self.read.reserve(self.read_size);
        }
        let free = self.read.capacity() - self.read.len();
        match pin!(self.stream.read_buf(&mut self.read)).poll(cx) {
            Poll::Pending => Ok(Step::Nothing),
            Poll::Ready(Ok(0)) => Err(self.closed()),
            Poll::Ready(Ok(len)) => {
                self.turn_bytes += len;
                self.read_size = if len == free {
                    LARGE_READ
                } else if len < SMALL_READ / 4 {
                    SMALL_READ
                } else {
                    self.read_size
                };
                self.handle_input(now);
                Ok(Step::Progress)
            }
            Poll::Ready(Err(error)) => Err(self.ended_by(&error)),
        }
    }

    /// Reading stops while the application is behind, but never while the server owes us an answer, which could not
    /// come, or takes nothing more from us: it may wait for us to read.
    fn must_stop_reading(&mut self, now: Instant, blocked: bool) -> bool {
        let behind = self.shared.is_behind() || self.skipping;
        if !behind && !self.reading_stopped {
            return false;
        }
        let mut engine = self.shared.lock();
        let connected = engine.session.state() == State::Connected;
        let stop = behind && connected && !blocked && !engine.session.awaits_answer();
        if stop != self.reading_stopped {
            self.reading_stopped = stop;
            self.shared.set_reading_stopped(stop || self.skipping);
            match stop {
                true => engine.session.handle_reading_stopped(),
                false => engine.session.handle_reading_resumed(now),
            }
        }
        // Looked at once more after the flag is up: whoever took the last message before saw no need to wake us.
        stop && (self.shared.is_behind() || self.skipping)
    }

    /// Takes every whole packet that was read, at most [`PACKETS`] under one lock.
    fn handle_input(&mut self, now: Instant) {
        let mut used = 0;
        let mut result = Ok(true);
        while matches!(result, Ok(true)) {
            let shared = self.shared;
            let mut engine = shared.lock();
            let (overfull, before) = (shared.is_overfull(), used);
            result = self.handle_packets(&mut engine, now, overfull, &mut used);
            engine.statistics.received_bytes += (used - before) as u64;
            if !matches!(result, Ok(true)) {
                let told = engine.has_told();
                let chunk = if told { self.read.split_to(used).freeze() } else { Bytes::new() };
                if told {
                    let unread = engine.pass_on(&chunk, &mut self.wakers);
                    shared.add_unread(unread);
                    shared.remove_unread(engine.take_freed());
                } else {
                    self.read.advance(used);
                }
            }
            engine.take_space_wakers(&mut self.wakers);
            drop(engine);
            self.wake();
            if let Some(said) = self.said.take() {
                result = self.converse(said);
            }
        }
        if let Err(ended) = result {
            self.end(ended);
        }
    }

    /// `Ok(true)`: there is more.
    fn handle_packets(
        &mut self,
        engine: &mut Engine,
        now: Instant,
        overfull: bool,
        used: &mut usize,
    ) -> Result<bool, Ended> {
        // What is told borrows it, and not the connection.
        let read = core::mem::take(&mut self.read);
        let result = self.handle_bytes(&read, engine, now, overfull, used);
        self.read = read;
        result
    }

    /// What comes often is done here, and the rest elsewhere: a small loop is a fast one.
    fn handle_bytes(
        &mut self,
        read: &[u8],
        engine: &mut Engine,
        now: Instant,
        overfull: bool,
        used: &mut usize,
    ) -> Result<bool, Ended> {
        let skips = (overfull || self.skipping) && self.unlimited;
        for _ in 0..PACKETS {
            let input = read.get(*used..).unwrap_or_default();
            if skips && let Some(len) = acknowledged_publish(input) {
                if !core::mem::replace(&mut self.skipping, true) {
                    self.shared.set_reading_stopped(true);
                }
                engine.session.handle_packet_skipped();
                *used += len;
                continue;
            }
            let (consumed, told) = match engine.session.handle_input(now, input) {
                Progress::Packet { consumed, event } => (consumed, event),
                halt => return self.handle_halt(&halt, input).map(|()| false),
            };
            *used += consumed;
            match told {
                None if input.starts_with(&PINGRESP) => engine.round_trip.handle_ping_answered(self.round),
                None => {}
                Some(Told::Message { publish, delivery }) => {
                    engine.deliver(read.as_ptr(), &publish, delivery, overfull);
                }
                Some(Told::Settled { id, outcome, properties }) => {
                    engine.round_trip.handle_answered(id, self.round);
                    engine.settle(id, outcome, Said::of(PacketType::Puback, properties), &mut self.wakers);
                }
                Some(told) => {
                    self.handle_told(engine, &told)?;
                    if self.said.is_some() {
                        break;
                    }
                }
            }
        }
        Ok(true)
    }

    // ---- waiting ----

    /// Looks once more for work under the lock, then waits for the socket, the clock or a handle.
    fn sleep(&mut self, blocked: bool, cx: &mut Context<'_>) -> Option<Poll<Ended>> {
        let shared = self.shared;
        let mut engine = shared.lock();
        close_if_due(&mut engine);
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
        let now = self.clock.now();
        engine.handle_time(now, self.reading_stopped);
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
        let last_words = self.ending.as_ref().map(|(_, until)| end.map_or(*until, |end| end.min(*until)));
        let wake_at = [
            engine.session.poll_timeout().map(|at| self.clock.at(at)),
            engine.deadline().map(|at| self.clock.at(at)),
            engine.closing.and_then(|closing| closing.deadline).filter(|_| self.ending.is_none()),
            last_words,
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
            return self.ending.take().map(|(ended, _)| Poll::Ready(ended));
        }
        let ended = match engine.session.handle_timeout(self.clock.now()) {
            Some(Timeout::ServerSilent) => ConnectionError::ServerSilent(self.ping_timeout),
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

    /// Sets the timer, unless it will go off in good time: it is touched once a second, not once a packet.
    fn arm(&mut self, at: time::Instant) {
        let in_time = self.armed.is_some_and(|armed| armed <= at && at <= armed + TIMER_SLACK);
        if !in_time {
            self.armed = Some(at);
            self.timer.as_mut().reset(at);
        }
    }

    fn wake(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
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

/// The length of a PUBLISH with QoS 1 or 2 at the front, if it is all there: it will come again on the next connection
/// if it is not taken.
fn acknowledged_publish(input: &[u8]) -> Option<usize> {
    let header = FixedHeader::read(input).ok()??;
    let asks = header.first_byte >> 4 == PacketType::Publish as u8 && header.first_byte & 0x06 != 0;
    (asks && header.packet_len() <= input.len()).then(|| header.packet_len())
}

const PINGRESP: [u8; 2] = [0xD0, 0];
/// Rounds of writing and reading in a turn.
const ROUNDS: usize = 8;
/// Packets handled under one lock.
const PACKETS: usize = 128;
const SMALL_READ: usize = 64 << 10;
/// While reads fill the buffer.
const LARGE_READ: usize = 256 << 10;
/// Room that is made at once for a packet that says it is large.
const LARGEST_READ: usize = 1 << 20;
const TIMER_SLACK: Duration = Duration::from_secs(1);
/// For the DISCONNECT that tells a server what it did wrong, or that we leave.
const LAST_WORDS: Duration = Duration::from_secs(1);
