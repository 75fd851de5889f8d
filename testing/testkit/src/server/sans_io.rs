use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dunlin_codec::{DecodeError, Decoded, FixedHeader, Packet, ReasonCode, decode};

use super::connection::{Connection, ConnectionId, Phase, ServerClose, ServerOutput};
use super::judge::{self, Breach, Rule};
use super::options::ServerOptions;
use super::outbound;
use super::records::Records;
use super::session::{Departure, Session, Stored};

/// The server of the testkit without socket, clock, task and randomness: the same calls give the same bytes.
///
/// [`Server`](super::Server) puts it on a socket; use this one to simulate a network. Time is what the caller says it
/// is: the time since any moment of the caller's choice, which must not go back.
///
/// ```text
///  handle_connection -> id          poll_ready  -> the next connection that has something to write, or must be closed
///  handle_bytes(id)                 poll_output -> what
///  handle_connection_lost(id)       poll_timeout -> when to call handle_timeout
/// ```
///
/// ```
/// use std::time::Duration;
/// use dunlin_testkit::{SansIoServer, ServerOptions};
///
/// let mut server = SansIoServer::new(ServerOptions::new());
/// let now = Duration::ZERO;
/// let client = server.handle_connection(now);
/// server.handle_bytes(client, b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a", now); // CONNECT, 3.1.1
/// assert_eq!(server.poll_ready(), Some(client));
/// assert_eq!(server.poll_output(client, now).bytes, [0x20, 0x02, 0x00, 0x00]); // CONNACK
/// ```
pub struct SansIoServer {
    pub(super) options: Arc<ServerOptions>,
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) retained: BTreeMap<String, Arc<Stored>>,
    /// Whose turn it is in each shared subscription.
    pub(super) turns: HashMap<String, usize>,
    pub(super) records: Records,
    pub(super) ids_assigned: u64,
    connections_made: u64,
    pub(super) holds_acks: bool,
}

impl SansIoServer {
    /// A server without sessions and retained messages. TLS in `options` is none of its concern.
    #[must_use]
    pub fn new(options: ServerOptions) -> Self {
        Self {
            holds_acks: options.hold_acks,
            options: Arc::new(options),
            connections: BTreeMap::new(),
            sessions: BTreeMap::new(),
            retained: BTreeMap::new(),
            turns: HashMap::new(),
            records: Records::default(),
            ids_assigned: 0,
            connections_made: 0,
        }
    }

    /// Changes the options for the connections made from now on.
    pub fn reconfigure(&mut self, change: impl FnOnce(ServerOptions) -> ServerOptions) {
        self.options = Arc::new(change(ServerOptions::clone(&self.options)));
    }

    /// Tells of a new connection, whose number it returns. Above the maximum of connections it is closed at once; if
    /// no CONNECT comes within 10 s, then.
    pub fn handle_connection(&mut self, now: Duration) -> ConnectionId {
        self.connections_made += 1;
        let id = ConnectionId(self.connections_made);
        let mut connection = Connection::new(id, Arc::clone(&self.options), now);
        if self.connections.len() >= self.options.maximum_connections {
            connection.shut(Phase::Closed, ServerClose::Abruptly);
        }
        self.connections.insert(id, connection);
        id
    }

    /// Takes in bytes that a client sent, in pieces of any size. Bytes of a connection that is over are ignored, or
    /// judged if it was the client that ended it.
    pub fn handle_bytes(&mut self, id: ConnectionId, bytes: &[u8], now: Duration) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let mut input = std::mem::take(&mut connection.input);
        input.extend_from_slice(bytes);
        let mut taken = 0;
        while let Some(len) = self.handle_front(id, input.get(taken..).unwrap_or_default(), now) {
            taken += len;
        }
        input.drain(..taken.min(input.len()));
        let open = self.connections.get_mut(&id).filter(|it| !matches!(it.phase, Phase::Left | Phase::Closed));
        if let Some(connection) = open {
            connection.input = input;
        }
    }

    /// Tells that the connection is gone: closed by either side, or cut. It is forgotten, its session is not.
    pub fn handle_connection_lost(&mut self, id: ConnectionId, now: Duration) {
        self.detach(id, Departure::WithWill, now);
        self.connections.remove(&id);
    }

    /// Does what is due: keep alive, delayed acknowledgements, wills, the end of sessions.
    pub fn handle_timeout(&mut self, now: Duration) {
        let due: Vec<_> =
            self.connections.values().filter(|connection| is_due(connection.deadline(), now)).map(|it| it.id).collect();
        for id in due {
            self.handle_connection_timeout(id, now);
        }
        let due: Vec<_> = self
            .sessions
            .values()
            .filter(|session| is_due(session.deadline(), now))
            .map(|session| session.client_id.clone())
            .collect();
        for client_id in due {
            self.end_due_session(&client_id, now);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called next; earlier does no harm.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let connections = self.connections.values().filter_map(Connection::deadline);
        connections.chain(self.sessions.values().filter_map(Session::deadline)).min()
    }

    /// The next connection that has output, each once until it has more.
    pub fn poll_ready(&mut self) -> Option<ConnectionId> {
        let ready = self.connections.values_mut().find(|connection| connection.is_ready())?;
        ready.set_unready();
        Some(ready.id)
    }

    /// Takes the output of a connection. Messages that waited for room in it are put in behind, so ask
    /// [`poll_ready`](Self::poll_ready) again.
    pub fn poll_output(&mut self, id: ConnectionId, now: Duration) -> ServerOutput {
        let Some(connection) = self.connections.get_mut(&id) else { return ServerOutput::default() };
        let was_backed_up = connection.is_backed_up();
        let output = connection.take_output();
        if was_backed_up {
            self.pump(id, now);
        }
        output
    }

    /// Whether more input should wait until output has been taken, lest a client that does not read fills the memory.
    #[must_use]
    pub fn is_backed_up(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(Connection::is_backed_up)
    }

    /// Handles the packet at the front of `input`; tells its length, or nothing if there is none to handle.
    fn handle_front(&mut self, id: ConnectionId, input: &[u8], now: Duration) -> Option<usize> {
        let connection = self.connections.get_mut(&id)?;
        match connection.phase {
            Phase::Left if !input.is_empty() => {
                connection.phase = Phase::Closed;
                self.note(id, &judge::AFTER_DISCONNECT, input);
                return None;
            }
            Phase::Left | Phase::Closed => return None,
            Phase::AwaitingConnect { .. } | Phase::Connected => {}
        }
        let (awaits_connect, version) = (!connection.is_connected(), connection.version);
        if awaits_connect && input.first().is_some_and(|byte| byte >> 4 != 1) {
            self.enforce(id, &judge::FIRST_PACKET, input, now);
            return None;
        }
        let header = match FixedHeader::read(input) {
            Ok(header) => header?,
            Err(fault) => {
                self.handle_bad_bytes(id, fault.into(), input, now);
                return None;
            }
        };
        let len = header.packet_len();
        if u32::try_from(len).is_ok_and(|len| len > connection.options.maximum_packet_size) || len > MAXIMUM_EVER {
            self.enforce(id, &judge::PACKET_TOO_LARGE, input, now);
            return None;
        }
        let bytes = input.get(..len)?;
        connection.heard_at = now;
        match decode(version, bytes) {
            Ok(Decoded::Packet { packet, .. }) => {
                if let Err(rule) = self.handle_packet(id, &packet, bytes, now) {
                    self.enforce(id, rule, bytes, now);
                }
                Some(len)
            }
            Ok(Decoded::Incomplete { .. }) => None,
            Err(error) => {
                self.handle_bad_bytes(id, error, bytes, now);
                None
            }
        }
    }

    fn handle_packet(
        &mut self,
        id: ConnectionId,
        packet: &Packet<'_>,
        bytes: &[u8],
        now: Duration,
    ) -> Result<(), &'static Rule> {
        let is_connected = self.connections.get(&id).is_some_and(Connection::is_connected);
        match packet {
            Packet::Connect(_) if is_connected => return Err(&judge::SECOND_CONNECT),
            Packet::Connect(connect) => self.handle_connect(id, connect, bytes, now),
            Packet::Publish(publish) => return self.handle_publish(id, publish, bytes, now),
            Packet::Puback(ack) => return self.handle_puback(id, ack, bytes, now),
            Packet::Pubrec(ack) => return self.handle_pubrec(id, ack, bytes, now),
            Packet::Pubrel(ack) => self.handle_pubrel(id, ack, bytes, now),
            Packet::Pubcomp(ack) => return self.handle_pubcomp(id, ack, bytes, now),
            Packet::Subscribe(subscribe) => return self.handle_subscribe(id, subscribe, bytes, now),
            Packet::Unsubscribe(unsubscribe) => self.handle_unsubscribe(id, unsubscribe, bytes, now),
            Packet::Pingreq => {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.send(&Packet::Pingresp); // [MQTT-3.12.4-1]
                }
            }
            Packet::Disconnect(disconnect) => return self.handle_disconnect(id, disconnect, bytes, now),
            Packet::Auth(_) => return Err(&judge::AUTH_NOT_ASKED),
            Packet::Connack(_) | Packet::Suback(_) | Packet::Unsuback(_) | Packet::Pingresp => {
                return Err(&judge::SERVERS_PACKET);
            }
        }
        Ok(())
    }

    fn handle_bad_bytes(&mut self, id: ConnectionId, error: DecodeError, bytes: &[u8], now: Duration) {
        self.record(id, judge::breach_of_bytes(error, bytes));
        if self.connections.get(&id).is_some_and(Connection::is_connected) {
            self.close(id, Some(error.reason()), "the packet is not valid", now);
        } else {
            self.refuse_unreadable(id, bytes, error.reason());
        }
    }

    fn handle_connection_timeout(&mut self, id: ConnectionId, now: Duration) {
        self.send_answers(id, |waiting| waiting.due.is_some_and(|due| due <= now));
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match connection.phase {
            Phase::AwaitingConnect { until } if until <= now => connection.shut(Phase::Closed, ServerClose::Gently),
            Phase::Connected => {
                let limit = connection.silence_limit.map(|limit| connection.heard_at.saturating_add(limit));
                if is_due(limit, now) && connection.is_backed_up() {
                    // It does not read, so it was not read from either: its silence may be ours.
                    self.close(id, judge::KEEP_ALIVE.reason, "nothing was read for too long", now);
                } else if is_due(limit, now) {
                    self.enforce(id, &judge::KEEP_ALIVE, &[], now);
                }
            }
            _ => {}
        }
    }

    pub(super) fn pump(&mut self, id: ConnectionId, now: Duration) {
        if let Some((connection, session)) = self.halves(id) {
            outbound::pump(session, connection, now);
        }
    }

    /// Records that a client broke a rule that does not cost it the connection.
    pub(super) fn note(&mut self, id: ConnectionId, rule: &Rule, packet: &[u8]) {
        let Some(connection) = self.connections.get(&id) else { return };
        if let Some(breach) = rule.breach(connection.version, packet) {
            self.record(id, breach);
        }
    }

    /// Records that a client broke a rule, and ends its connection [MQTT-4.8.0-1].
    fn enforce(&mut self, id: ConnectionId, rule: &'static Rule, packet: &[u8], now: Duration) {
        self.note(id, rule, packet);
        self.close(id, rule.reason, rule.text(), now);
    }

    fn record(&mut self, id: ConnectionId, mut breach: Breach) {
        if let Some(connection) = self.connections.get(&id) {
            breach.client_id.clone_from(&connection.client_id);
            breach.connection = id;
            breach.version = connection.version;
        }
        self.records.add_breach(breach);
    }

    /// Ends a connection from the server's side; the will is published.
    pub(super) fn close(&mut self, id: ConnectionId, reason: Option<ReasonCode>, text: &str, now: Duration) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.end(reason, text);
        }
        self.detach(id, Departure::WithWill, now);
    }
}

impl fmt::Debug for SansIoServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SansIoServer")
            .field("connections", &self.connections.len())
            .field("clients", &self.clients())
            .field("retained", &self.retained.len())
            .field("breaches", &self.records.breaches)
            .finish_non_exhaustive()
    }
}

fn is_due(at: Option<Duration>, now: Duration) -> bool {
    at.is_some_and(|at| at <= now)
}

const MAXIMUM_EVER: usize = 256 << 20;
