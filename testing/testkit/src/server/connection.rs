//! One connection: what was agreed in its CONNECT and CONNACK, and what dies with it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dunlin_codec::{
    Disconnect, Packet, PacketId, PacketType, Properties, Property, PropertyOwner, ReasonCode, Version,
};

use super::answers::Waiting;
use super::options::ServerOptions;
use super::wire;

/// The number of a connection, counted from 1 since the server began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub(super) u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.0)
    }
}

/// How the server ends a connection, once all bytes of its output are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerClose {
    /// ServerClose it in order: the client can read what was sent.
    Gently,
    /// Drop it at once, as if the cable were cut: what was not yet written is lost.
    Abruptly,
}

/// What [`SansIoServer::poll_output`](super::SansIoServer::poll_output) gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerOutput {
    /// Bytes to write.
    pub bytes: Vec<u8>,
    /// Whether to close the connection behind them.
    pub close: Option<ServerClose>,
}

/// ```text
///  AwaitingConnect --CONNECT--> Connected --DISCONNECT of the client--> Left
///        |                          |                                     |
///        +---- refused, too late ---+--- fault, take-over, command ---> Closed
/// ```
/// `Left` still looks at input, since a client that goes on sending breaks a rule; `Closed` ignores it, since what the
/// client sent before it learned is no fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    AwaitingConnect { until: Duration },
    Connected,
    Left,
    Closed,
}

pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) phase: Phase,
    pub(super) options: Arc<ServerOptions>,
    pub(super) client_id: String,
    pub(super) version: Version,
    /// Whether it went on with a session that the server had kept.
    pub(super) resumed: bool,
    /// One and a half times the keep alive [MQTT-3.1.2-22].
    pub(super) silence_limit: Option<Duration>,
    pub(super) heard_at: Duration,
    pub(super) receive_maximum: usize,
    pub(super) maximum_packet_size: usize,
    pub(super) problem_information: bool,
    /// Whether the CONNECT had a session expiry of 0, so that DISCONNECT may not raise it.
    pub(super) expiry_is_zero: bool,
    pub(super) input: Vec<u8>,
    pub(super) aliases_in: BTreeMap<u16, String>,
    pub(super) aliases_out: Aliases,
    /// QoS 1 and 2 messages of the client whose last acknowledgement has not left: what its quota counts.
    pub(super) unacknowledged: BTreeSet<PacketId>,
    /// Messages in flight to the client that were sent on this connection.
    pub(super) window: usize,
    /// SUBSCRIBEs and UNSUBSCRIBEs whose answer has not left.
    pub(super) requests: BTreeSet<PacketId>,
    pub(super) answers: VecDeque<Waiting>,
    pub(super) marks: Marks,
    output: Vec<u8>,
    close: Option<ServerClose>,
    ready: bool,
}

/// How far the client has come in each order that it must keep: the order number of the last packet of each kind.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) resent: u64,
    pub(super) puback: u64,
    pub(super) pubrec: u64,
    pub(super) pubrel: u64,
}

/// The topic aliases that the server has given out on a connection.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    pub(super) maximum: u16,
    given: BTreeMap<String, u16>,
}

impl Aliases {
    /// The alias of a topic, and whether the client knows it already; none when all are given away.
    pub(super) fn of(&mut self, topic: &str) -> Option<(u16, bool)> {
        if let Some(&alias) = self.given.get(topic) {
            return Some((alias, true));
        }
        let alias = u16::try_from(self.given.len() + 1).ok().filter(|&alias| alias <= self.maximum)?;
        self.given.insert(topic.to_owned(), alias);
        Some((alias, false))
    }
}

impl Connection {
    pub(super) fn new(id: ConnectionId, options: Arc<ServerOptions>, now: Duration) -> Self {
        Self {
            id,
            phase: Phase::AwaitingConnect { until: now + CONNECT_WITHIN },
            options,
            client_id: String::new(),
            version: Version::V5,
            resumed: false,
            silence_limit: None,
            heard_at: now,
            receive_maximum: usize::from(u16::MAX),
            maximum_packet_size: usize::MAX,
            problem_information: true,
            expiry_is_zero: true,
            input: Vec::new(),
            aliases_in: BTreeMap::new(),
            aliases_out: Aliases::default(),
            unacknowledged: BTreeSet::new(),
            window: 0,
            requests: BTreeSet::new(),
            answers: VecDeque::new(),
            marks: Marks::default(),
            output: Vec::new(),
            close: None,
            ready: false,
        }
    }

    /// Puts the packet behind the output. `false` if it is above the client's Maximum Packet Size: then it is not sent
    /// [MQTT-3.1.2-24].
    pub(super) fn send(&mut self, packet: &Packet<'_>) -> bool {
        match wire::encode(self.version, packet) {
            Some(bytes) if bytes.len() <= self.maximum_packet_size => {
                self.output.extend_from_slice(&bytes);
                self.ready = true;
                true
            }
            _ => false,
        }
    }

    /// Sends bytes as they are: a refusal in the form of another version.
    pub(super) fn send_raw(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
        self.ready = true;
    }

    /// Says why the connection ends, where the version can, and closes it.
    pub(super) fn end(&mut self, reason: Option<ReasonCode>, text: &str) {
        if let Some(reason) = reason.filter(|_| self.version.is_v5() && self.phase == Phase::Connected) {
            let why = self.reason_string(PacketType::Disconnect, true, text);
            let make = |properties| Packet::Disconnect(Disconnect { reason, properties });
            self.send_with(PacketType::Disconnect, &why, make);
        }
        self.shut(Phase::Closed, ServerClose::Gently);
    }

    /// Enters a last phase. The first close counts, but for an abrupt one, which always does.
    pub(super) fn shut(&mut self, phase: Phase, close: ServerClose) {
        self.phase = phase;
        self.answers.clear();
        self.ready = true;
        if close == ServerClose::Abruptly {
            self.output.clear();
        }
        if self.close != Some(ServerClose::Abruptly) {
            self.close = Some(close);
        }
    }

    /// The property section with a reason string, or nothing.
    pub(super) fn reason_string(&self, packet_type: PacketType, wanted: bool, text: &str) -> Vec<u8> {
        let always_allowed = matches!(packet_type, PacketType::Connack | PacketType::Disconnect);
        let allowed = self.options.reason_strings && (always_allowed || self.problem_information);
        match wanted && allowed && self.version.is_v5() {
            true => wire::encode_properties([Property::ReasonString(text)]),
            false => Vec::new(),
        }
    }

    /// Sends the packet with these properties, or without if it would be too large [MQTT-3.4.2-2] [MQTT-3.14.2-3].
    pub(super) fn send_with<'a>(
        &mut self,
        packet_type: PacketType,
        why: &'a [u8],
        make: impl Fn(Properties<'a>) -> Packet<'a>,
    ) {
        let properties = Properties::check(PropertyOwner::Packet(packet_type), why).unwrap_or_default();
        if !self.send(&make(properties)) {
            self.send(&make(Properties::NONE));
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    pub(super) fn set_unready(&mut self) {
        self.ready = false;
    }

    /// Whether so much waits to be written that nothing that can wait should be added.
    pub(super) fn is_backed_up(&self) -> bool {
        self.output.len() >= OUTPUT_LIMIT
    }

    pub(super) fn take_output(&mut self) -> ServerOutput {
        self.ready = false;
        ServerOutput { bytes: std::mem::take(&mut self.output), close: self.close }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.phase == Phase::Connected
    }

    /// When something must happen on this connection by itself.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self.phase {
            Phase::AwaitingConnect { until } => Some(until),
            Phase::Connected => {
                let silence = self.silence_limit.map(|limit| self.heard_at.saturating_add(limit));
                let answer = self.answers.iter().find_map(|waiting| waiting.due);
                silence.into_iter().chain(answer).min()
            }
            Phase::Left | Phase::Closed => None,
        }
    }
}

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const OUTPUT_LIMIT: usize = 1 << 20;
