use super::authentication::Authentication;
use crate::{
    Inbound, InboundAliases, Instant, Journal, Limits, Memory, RESUME, ServerSession, Session, State, Timeout,
};

/// The clocks of a connection. Times in milliseconds.
#[derive(Debug)]
pub(super) struct Timing {
    keep_alive: u32,
    ping_timeout: u32,
    connect_deadline: Instant,
    /// When something that must be answered was sent last: the ping counts from here. Neither QoS 0 and
    /// acknowledgements, nor anything that comes in, postpones it: a link that is dead in one direction would never
    /// be noticed.
    asked_at: Instant,
    /// When something was asked since the last byte came in.
    silent_since: Option<Instant>,
    /// The run of messages being transmitted was what asked.
    run_asks: bool,
    /// Some of that run was transmitted since this was looked at.
    run_goes_on: bool,
    /// What asked is not known to be written: for a driver that takes more than the link does.
    unwritten: bool,
    /// Bytes of the packet that is not all there.
    part: usize,
    /// A PINGREQ is to go out.
    pub(super) ping_due: bool,
    pub(super) reading_stopped: bool,
    reconnect_at: Option<Instant>,
}

impl Timing {
    #[inline(always)]
    pub(super) fn new() -> Self {
        // Not a run of zeros, see `Outbound::new`.
        let zero = core::hint::black_box(0_u16);
        Self {
            keep_alive: zero.into(),
            ping_timeout: zero.into(),
            connect_deadline: Instant::from_millis(zero.into()),
            asked_at: Instant::from_millis(zero.into()),
            silent_since: None,
            run_asks: false,
            run_goes_on: false,
            unwritten: false,
            part: zero.into(),
            ping_due: false,
            reading_stopped: false,
            reconnect_at: None,
        }
    }

    pub(super) fn handle_connecting(&mut self, now: Instant, connect_timeout: u32, ping_timeout: u32) {
        *self = Self { ping_timeout, connect_deadline: now + connect_timeout, ..Self::new() };
    }

    pub(super) fn handle_connected(&mut self, now: Instant, keep_alive: u16) {
        self.keep_alive = keep_alive as u32 * 1_000;
        self.asked_at = now;
    }

    #[inline]
    pub(super) fn handle_transmit(&mut self, now: Instant, asks: bool) {
        if asks {
            self.asked_at = now;
            self.expect_answer(now);
        }
    }

    fn expect_answer(&mut self, now: Instant) {
        if self.silent_since.is_none() {
            (self.silent_since, self.unwritten) = (Some(now), true);
        }
    }

    pub(super) fn handle_run(&mut self, now: Instant, asks: bool) {
        self.run_asks = asks && self.silent_since.is_none();
        self.handle_transmit(now, asks);
    }

    #[inline]
    pub(super) fn handle_transmitted(&mut self, len: usize) {
        self.run_goes_on |= len > 0;
    }

    /// The server cannot answer what it does not have: on a slow link its silence counts from the end of the run that
    /// asks, as long as the link takes any of it.
    pub(super) fn handle_run_goes_on(&mut self, now: Instant) {
        if self.run_asks && self.run_goes_on {
            self.silent_since = self.silent_since.map(|_| now);
        }
        self.run_goes_on = false;
    }

    #[inline]
    pub(super) fn handle_flushed(&mut self) {
        self.unwritten = self.ping_due;
    }

    #[inline]
    pub(super) fn handle_received(&mut self) {
        self.silent_since = None;
        self.part = 0;
    }

    /// So many bytes of a packet are there that is not all there.
    pub(super) fn handle_part(&mut self, len: usize) {
        if len > self.part {
            self.silent_since = None;
        }
        self.part = len;
    }

    fn silence_deadline(&self) -> Option<Instant> {
        if self.reading_stopped { None } else { self.silent_since.map(|since| since + self.ping_timeout) }
    }

    fn ping_at(&self) -> Option<Instant> {
        (self.keep_alive != 0).then(|| self.asked_at + self.keep_alive)
    }
}

impl<M: Memory> Session<M> {
    /// When to call [`handle_timeout`](Session::handle_timeout) at the latest; `None`: there is nothing to wait for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Disconnected => earlier(self.timing.reconnect_at, self.outbound.next_expiry()),
            State::Connecting => earlier(Some(self.timing.connect_deadline), self.outbound.next_expiry()),
            State::Connected => {
                let timing = &self.timing;
                earlier(earlier(timing.ping_at(), timing.silence_deadline()), self.overdue_at())
            }
            State::Closing => None,
        }
    }

    /// When the next link is to be opened, after one that was lost; `None`: there is no next one, or it is due already.
    pub fn reconnect_at(&self) -> Option<Instant> {
        self.timing.reconnect_at
    }

    /// Does what has become due. May be called at any time.
    ///
    /// Messages whose time ran out are settled as they come to be sent, and at once while nothing can be sent; see
    /// [`poll_settled`](Session::poll_settled).
    ///
    /// A PINGREQ is queued `keep_alive` after the last packet that must be answered. The link counts as dead when
    /// after such a packet not one byte comes for `ping_timeout` [MQTT-3.1.2-20] [MQTT-3.12.4-1].
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Timeout> {
        if self.outbound.ages() {
            self.age(now);
        }
        match self.state {
            State::Disconnected if self.timing.reconnect_at.is_some_and(|at| at <= now) => {
                self.timing.reconnect_at = None;
                Some(Timeout::Reconnect)
            }
            State::Connecting if self.timing.connect_deadline <= now => {
                self.state = State::Closing;
                Some(Timeout::ConnackMissing)
            }
            State::Connected => {
                if self.timing.silence_deadline().is_some_and(|at| at <= now) {
                    self.state = State::Closing;
                    return Some(Timeout::ServerSilent);
                }
                if self.timing.ping_at().is_some_and(|at| at <= now) {
                    let timing = &mut self.timing;
                    (timing.ping_due, timing.asked_at) = (true, now);
                    // It may have to wait behind a message that the link does not take.
                    timing.run_asks |= timing.silent_since.is_none();
                    timing.expect_answer(now);
                }
                if self.overdue_at().is_some_and(|at| at <= now) {
                    return self.handle_overdue(now);
                }
                None
            }
            _ => None,
        }
    }

    /// Time passes for messages that expire.
    #[cold]
    pub(super) fn age(&mut self, now: Instant) {
        self.outbound.stamp(now);
        if RESUME && matches!(self.state, State::Disconnected | State::Connecting) {
            self.outbound.expire(now);
        }
    }

    /// Some of what was taken is written, for a driver that takes more than the link does at once: as long as the link
    /// takes what is to be answered, and what is before it, the server is not silent. To be called before
    /// [`flushed`](Session::flushed), and whenever the link took a part. A driver that calls
    /// [`transmitted`](Session::transmitted) for what the link took need not.
    pub fn written(&mut self, now: Instant) {
        if self.timing.unwritten {
            self.timing.silent_since = self.timing.silent_since.map(|_| now);
        }
    }

    /// The driver has stopped reading, because the application does not keep up: until it goes on, pings are sent, but
    /// the server's silence is not held against it.
    pub fn handle_reading_stopped(&mut self) {
        self.timing.reading_stopped = true;
    }

    /// The driver threw a packet away, which will come again on another connection: the server lives.
    pub fn handle_packet_skipped(&mut self) {
        self.timing.handle_received();
    }

    /// The driver reads again.
    pub fn handle_reading_resumed(&mut self, now: Instant) {
        self.timing.reading_stopped = false;
        self.timing.silent_since = self.timing.silent_since.map(|_| now);
        self.watch.iter_mut().for_each(|watch| watch.handle_reading_resumed(now));
    }

    /// The link is gone. The next is due at [`poll_timeout`](Session::poll_timeout), when
    /// [`handle_timeout`](Session::handle_timeout) says [`Timeout::Reconnect`].
    ///
    /// Requests that were not answered are forgotten. Messages stay, but for QoS 0 ones of which a part was written;
    /// see [`poll_settled`](Session::poll_settled). Without the feature `resume` every message is settled.
    pub fn handle_connection_lost(&mut self, now: Instant) {
        self.end_connection();
        self.timing.reconnect_at = Some(self.backoff.handle_lost(now));
    }

    /// As [`handle_connection_lost`](Session::handle_connection_lost), where trying again soon would end the same way,
    /// such as after a refused password: the next try waits for about the longest interval.
    pub fn handle_connection_refused(&mut self, now: Instant) {
        self.end_connection();
        self.timing.reconnect_at = Some(self.backoff.handle_refused(now));
    }

    /// As [`handle_connection_lost`](Session::handle_connection_lost), but there will be no next connection unless
    /// [`connect`](Session::connect) is called.
    pub fn handle_connection_closed(&mut self) {
        self.end_connection();
        self.timing.reconnect_at = None;
    }

    /// Gives every message that is not settled its last outcome, see [`poll_settled`](Session::poll_settled): there
    /// will be no next connection. Tells how many messages were not begun that have no outcome, as nobody asked for it.
    pub fn abandon(&mut self) -> usize {
        self.handle_connection_closed();
        self.outbound.abandon()
    }

    fn end_connection(&mut self) {
        self.state = State::Disconnected;
        (self.leaving, self.held, self.farewell) = (false, false, None);
        self.limits = Limits::NONE;
        self.lane.clear();
        if RESUME && self.may_begin {
            // What was received is of a session that ended with its connection.
            self.forget_received();
            self.session_began = self.connection;
            (self.may_begin, self.server_session) = (false, ServerSession::Unsure);
        }
        self.authentication.iter_mut().for_each(Authentication::end);
        if RESUME {
            self.outbound.handle_connection_lost();
        } else {
            self.outbound.abandon();
            self.inbound.clear();
        }
        if let Some(marks) = self.outbound.journal.marks() {
            marks.earlier = marks.last;
        }
        self.outbound.forget_requests();
        self.inbound.forget_connection();
        self.inbound_aliases.clear();
    }
}

#[inline]
fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
