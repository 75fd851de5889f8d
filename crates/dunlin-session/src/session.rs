mod authentication;
mod commands;
mod count;
mod handshake;
mod input;
mod overdue;
mod renewal;
mod store;
mod timing;
mod withdrawal;

pub use authentication::AuthenticateError;

use core::fmt;

use dunlin_codec::{PacketId, ReasonCode, TopicName, Version};

use crate::{
    Backoff, Chunk, IfAuthentication, IfResume, InboundAliases, Instant, Limits, Memory, Outcome, RESUME,
    ServerSession, Storage,
    lane::{Lane, PUBREL},
    outbound::{Outbound, Shared},
};

/// One MQTT session and the connections that carry it.
///
/// A driver opens a link, calls [`connect`](Session::connect), and then moves bytes: [`poll_transmit`] to the link,
/// what comes from the link into [`handle_input`]. It calls [`handle_timeout`] when [`poll_timeout`] says so, and
/// [`handle_connection_lost`] when the link is gone. All state that must outlive a connection is in here.
///
/// [`poll_transmit`]: Session::poll_transmit
/// [`handle_input`]: Session::handle_input
/// [`poll_timeout`]: Session::poll_timeout
/// [`handle_timeout`]: Session::handle_timeout
/// [`handle_connection_lost`]: Session::handle_connection_lost
// In this order, because a microcontroller reaches what is near the front with shorter instructions.
#[repr(C)]
pub struct Session<M: Memory> {
    version: Version,
    state: State,
    /// The application ends the connection.
    leaving: bool,
    /// No message is begun.
    held: bool,
    /// The DISCONNECT that is to be the last packet.
    farewell: Option<ReasonCode>,
    lane: Lane<M::Control>,
    outbound: Outbound<M>,
    inbound: M::Inbound,
    inbound_aliases: M::InboundAliases,
    // What the options said that is needed after CONNECT.
    receive_maximum: u16,
    send_maximum: u16,
    maximum_packet_size: u32,
    session_expiry_interval: u32,
    /// Counts connections, to tell a delivery of this one from one of an earlier.
    connection: u32,
    /// The connection on which the session began that the server has now.
    session_began: u32,
    /// What was told to the server.
    topic_alias_maximum: u16,
    timing: timing::Timing,
    limits: Limits,
    server_session: ServerSession,
    /// The CONNECT that is under way may begin a session.
    may_begin: bool,
    /// The caller wants to go on with a session that only the server knows.
    adopts: bool,
    /// This connection began without a session.
    clean_start: bool,
    /// This connection is there to discard the session, as 3.1.1 needs it.
    discarding: bool,
    /// The connection before did.
    discarded: bool,
    backoff: Backoff,
    watch: IfResume<overdue::Watch>,
    authentication: IfAuthentication<authentication::Authentication>,
}

/// Where the connection stands.
///
/// ```text
///   Disconnected -- connect --> Connecting -- CONNACK --> Connected
///        ^                          |                        |  disconnect, or a fault of the server
///        |                          v                        v
///        +-- connection lost ---- Closing <------------------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No link.
    Disconnected,
    /// CONNECT is on its way: nothing else may leave before CONNACK.
    Connecting,
    /// The server accepted the connection.
    Connected,
    /// What [`Session::poll_transmit`] still gives is the last of this connection.
    Closing,
}

impl<M: Memory> fmt::Debug for Session<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("version", &self.version)
            .field("state", &self.state)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl<M: Memory> Session<M> {
    /// A session without a connection. The version stays: what is queued is encoded already.
    // Inlined with the parts it is made of: a session that is built where it stays needs no `memcpy` to move.
    #[inline(always)]
    pub fn new(version: Version, storage: Storage<M>) -> Self {
        Self {
            version,
            outbound: Outbound::new(
                storage.log,
                storage.segments,
                storage.slots,
                storage.outbound_aliases,
                storage.journal,
            ),
            lane: Lane::new(storage.control),
            inbound: storage.inbound,
            inbound_aliases: storage.inbound_aliases,
            state: State::Disconnected,
            limits: Limits::NONE,
            backoff: Backoff::default(),
            timing: timing::Timing::new(),
            connection: 0,
            session_began: 0,
            server_session: ServerSession::None,
            may_begin: false,
            adopts: false,
            clean_start: false,
            discarded: false,
            leaving: false,
            held: false,
            watch: [const { overdue::Watch::NONE }; _],
            authentication: [const { authentication::Authentication::NONE }; _],
            farewell: None,
            receive_maximum: u16::MAX,
            topic_alias_maximum: 0,
            maximum_packet_size: u32::MAX,
            send_maximum: u16::MAX,
            session_expiry_interval: 0,
            discarding: false,
        }
    }

    /// When to connect again after a connection failed; default: [`Backoff::default`].
    pub fn set_backoff(&mut self, backoff: Backoff) {
        self.backoff = backoff;
    }

    /// The version that packets are written in.
    #[inline]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Where the connection stands.
    #[inline]
    pub fn state(&self) -> State {
        self.state
    }

    /// What the server allows; [`Limits::NONE`] before its CONNACK and without a connection.
    #[inline]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What the server's topic alias stands for on this connection; `None`: nothing. A [message] whose topic is empty
    /// was sent to this one.
    ///
    /// [message]: crate::Event::Message
    pub fn topic(&self, alias: u16) -> Option<TopicName<'_>> {
        let topic = self.inbound_aliases.topic(alias);
        if topic.is_empty() { None } else { Some(TopicName::of_checked(topic)) }
    }

    /// The memory of the server's topic aliases, for whoever can share what is in it.
    pub fn inbound_aliases(&self) -> &M::InboundAliases {
        &self.inbound_aliases
    }

    /// Whether this connection goes on with a session that only the server knew, see
    /// [`ResumeWithoutState::Adopt`](crate::ResumeWithoutState::Adopt): [`Event::Connected`](crate::Event::Connected) says
    /// that there is none, because there is no subscription that we know of, but messages of it may come.
    pub fn is_adopted(&self) -> bool {
        self.state == State::Connected && self.server_session == ServerSession::Adopted
    }

    /// Bytes of messages that wait to be transmitted, without payloads that ride beside the log.
    #[inline]
    pub fn backlog(&self) -> usize {
        self.outbound.backlog()
    }

    /// Whether every message that was published is settled.
    pub fn is_idle(&self) -> bool {
        self.outbound.is_idle()
    }

    /// Whether the server owes an answer to a PUBLISH, PUBREL, SUBSCRIBE, UNSUBSCRIBE or AUTH: whoever stops reading then
    /// waits for ever.
    pub fn awaits_answer(&self) -> bool {
        self.outbound.awaits_answer() || self.is_authenticating()
    }

    // ---- out ----

    /// The next bytes for the link; `None`: nothing may go now. The same bytes come again until
    /// [`transmitted`](Session::transmitted) tells that they were taken, of a shared payload all at once.
    ///
    /// Nothing but CONNECT leaves before CONNACK [MQTT-3.1.4-5]; control packets go between messages, never inside
    /// one, and no queue of messages delays them by more than what is being transmitted.
    ///
    /// The time of a message that expires counts from the first call after it was published: call this then also without
    /// a connection. What ran out is settled, see [`poll_settled`](Session::poll_settled).
    #[inline]
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Chunk<'_, Shared<M>>> {
        self.timing.handle_run_goes_on(now);
        if self.outbound.ages() {
            self.age(now);
        }
        if self.outbound.is_between_packets() {
            if self.state == State::Connected {
                self.handle_stored();
                self.answer();
                self.repeat_releases();
            }
            self.put_last();
            if !self.lane.is_empty() {
                let (pending, asks) = self.lane.pending()?;
                self.timing.handle_transmit(now, asks);
                return Some(Chunk::Copy(pending));
            }
            if self.state != State::Connected || RESUME && self.held {
                return None;
            }
            let asks = self.outbound.begin_run(now, &self.limits)?;
            self.timing.handle_run(now, asks);
            if asks {
                self.watch.iter_mut().for_each(|watch| watch.begin(now));
            }
        }
        self.outbound.poll_begun()
    }

    /// `len` bytes of what [`poll_transmit`](Session::poll_transmit) gave were taken, to be written to the link.
    #[inline]
    pub fn transmitted(&mut self, len: usize) {
        if self.outbound.is_between_packets() {
            self.lane.transmitted(len);
        } else {
            self.outbound.transmitted(len);
            self.timing.handle_transmitted(len);
        }
    }

    /// Everything that was taken is written: it is with the operating system or the network chip now. QoS 0 messages
    /// are settled by this.
    #[inline]
    pub fn flushed(&mut self) {
        self.timing.handle_flushed();
        self.outbound.flushed();
    }

    /// The next outcome that no packet told: QoS 0 messages that are sent, messages that a new connection made
    /// impossible, and those that expired. To be asked after [`flushed`](Session::flushed), after
    /// [`Event::Connected`](crate::Event::Connected), after
    /// [`handle_connection_lost`](Session::handle_connection_lost), and, where messages expire, after
    /// [`poll_transmit`](Session::poll_transmit) and [`handle_timeout`](Session::handle_timeout), until there are no
    /// more.
    #[inline]
    pub fn poll_settled(&mut self) -> Option<(PacketId, Outcome)> {
        self.outbound.poll_settled()
    }

    /// What waits for room in the lane, but must not be forgotten.
    fn put_last(&mut self) {
        if self.timing.ping_due && self.state == State::Connected && self.lane.put(&[0xC0, 0], true) {
            self.timing.ping_due = false;
        }
        let Some(reason) = self.farewell else { return };
        let packet = [0xE0, 1, reason.get()];
        let shortest: &[u8] = if reason == ReasonCode::SUCCESS { &[0xE0, 0] } else { &packet };
        if self.lane.put(shortest, false) {
            self.farewell = None;
        }
    }

    fn repeat_releases(&mut self) {
        while let Some(id) = self.outbound.next_repeated_release().filter(|_| self.lane.has_room()) {
            self.lane.acknowledge(self.version, PUBREL, id, ReasonCode::SUCCESS);
            self.outbound.release_put(id, self.lane.end());
            self.outbound.release_repeated();
        }
        while let Some(id) = self.outbound.next_foreign().filter(|_| self.lane.has_room()) {
            self.lane.acknowledge(self.version, PUBREL, id, ReasonCode::SUCCESS);
            self.outbound.foreign_asked();
        }
    }
}
