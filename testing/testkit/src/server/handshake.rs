//! CONNECT and what it is answered with, DISCONNECT, and AUTH.

use std::sync::Arc;
use std::time::Duration;

use dunlin_codec::{
    Connack, Connect, Disconnect, Packet, PacketType, Properties, Property, PropertyId, PropertyOwner, Qos, ReasonCode,
    Version,
};

use super::connection::{Connection, ConnectionId, Phase, ServerClose};
use super::judge::{self, Rule};
use super::options::{Refusal, ServerOptions};
use super::records::{ConnectRecord, Message};
use super::sans_io::SansIoServer;
use super::session::{DelayedWill, Departure, Session};
use super::wire;

/// Why a CONNECT is refused: the reason, or a byte that the test chose.
struct Refused {
    reason: ReasonCode,
    return_code: Option<u8>,
    text: &'static str,
}

impl SansIoServer {
    pub(super) fn handle_connect(&mut self, id: ConnectionId, connect: &Connect<'_>, packet: &[u8], now: Duration) {
        let mut record = ConnectRecord::new(id, connect);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.version = connect.version;
            connect.client_id.clone_into(&mut connection.client_id);
        }
        if connect.client_id.is_empty() && !connect.clean_start && !connect.version.is_v5() {
            self.note(id, &judge::EMPTY_CLIENT_ID, packet);
        }
        match self.judge_connect(connect) {
            Ok(()) => record.session_present = self.accept(id, connect, now),
            Err(refused) => {
                record.reason = refused.reason;
                self.refuse(id, connect.version, &refused);
            }
        }
        self.records.add_connect(record);
    }

    fn judge_connect(&self, connect: &Connect<'_>) -> Result<(), Refused> {
        let options = &self.options;
        if options.only.is_some_and(|only| only != connect.version) {
            return Err(refused(ReasonCode::UNSUPPORTED_PROTOCOL_VERSION, "this server speaks another version only"));
        }
        match options.refusal {
            Some(Refusal::Reason(reason)) => return Err(refused(reason, "the test wants every CONNECT refused")),
            Some(Refusal::ReturnCode(code)) => {
                let reason =
                    if connect.version.is_v5() { ReasonCode::new(code) } else { ReasonCode::from_v3_return_code(code) };
                return Err(Refused { reason, return_code: Some(code), text: "the test wants every CONNECT refused" });
            }
            None => {}
        }
        if connect.properties.text(PropertyId::AuthenticationMethod).is_some() {
            let text = "this server has no enhanced authentication";
            return Err(refused(ReasonCode::BAD_AUTHENTICATION_METHOD, text));
        }
        if let Some(wanted) = &options.credentials {
            let user_matches = connect.user_name == Some(wanted.user_name.as_str());
            if !user_matches || connect.password != Some(wanted.password.as_slice()) {
                return Err(refused(ReasonCode::BAD_USER_NAME_OR_PASSWORD, "the user name or the password is wrong"));
            }
        }
        if connect.client_id.is_empty() {
            let must_have_one = !connect.version.is_v5() && !connect.clean_start; // [MQTT-3.1.3-8]
            if must_have_one || !options.assign_client_ids {
                return Err(refused(ReasonCode::CLIENT_IDENTIFIER_NOT_VALID, "a client identifier is needed"));
            }
        }
        if let Some(will) = &connect.will {
            if will.qos > options.maximum_qos {
                return Err(refused(ReasonCode::QOS_NOT_SUPPORTED, "the will's QoS is above Maximum QoS")); // [MQTT-3.2.2-12]
            }
            if will.retain && !options.retain_available && connect.version.is_v5() {
                return Err(refused(ReasonCode::RETAIN_NOT_SUPPORTED, "there are no retained messages here")); // [MQTT-3.2.2-13]
            }
        }
        let is_known = self.sessions.contains_key(connect.client_id);
        if !is_known && self.sessions.len() >= options.maximum_connections {
            return Err(refused(ReasonCode::QUOTA_EXCEEDED, "this server keeps no more sessions"));
        }
        Ok(())
    }

    /// Opens the session and answers. Tells Session Present.
    fn accept(&mut self, id: ConnectionId, connect: &Connect<'_>, now: Duration) -> bool {
        let client_id = match connect.client_id {
            "" => self.assign_client_id(),
            given => given.to_owned(),
        };
        self.take_over(&client_id, now);
        if connect.clean_start {
            self.end_session(&client_id, now);
        }
        let session_present = self.sessions.contains_key(&client_id);
        let options = Arc::clone(&self.options);
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let session =
            self.sessions.entry(client_id.clone()).or_insert_with(|| Session::new(&client_id, connect.version));

        begin_session(session, connect, &options);
        session.connection = Some(id);
        connection.client_id = client_id;
        begin_connection(connection, connect, options);
        connection.resumed = session_present;
        connection.heard_at = now;
        session.inbox.begin_connection();
        session.outbox.begin_connection(connection.options.redeliver);

        let properties = connack_properties(connect, session, connection);
        let properties = Properties::check(PropertyOwner::Packet(PacketType::Connack), &properties).unwrap_or_default();
        let connack = Connack { properties, ..Connack::new(connect.version, session_present, ReasonCode::SUCCESS) };
        if !connection.send(&Packet::Connack(connack)) {
            // Its Maximum Packet Size is below the smallest CONNACK that says what it must know.
            self.close(id, Some(ReasonCode::PACKET_TOO_LARGE), "the CONNACK is above Maximum Packet Size", now);
            return false;
        }
        self.pump(id, now);
        session_present
    }

    /// Ends the connection that has this client identifier now [MQTT-3.1.4-3].
    fn take_over(&mut self, client_id: &str, now: Duration) {
        if let Some(old) = self.sessions.get(client_id).and_then(|session| session.connection) {
            self.close(old, Some(ReasonCode::SESSION_TAKEN_OVER), "another connection took this client over", now);
        }
    }

    fn assign_client_id(&mut self) -> String {
        loop {
            self.ids_assigned += 1;
            let client_id = format!("assigned{}", self.ids_assigned);
            if !self.sessions.contains_key(&client_id) {
                return client_id;
            }
        }
    }

    fn refuse(&mut self, id: ConnectionId, version: Version, refused: &Refused) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if refused.reason == ReasonCode::UNSUPPORTED_PROTOCOL_VERSION && self.options.only == Some(Version::V3_1_1) {
            connection.send_raw(&REFUSED_BY_3_1_1);
        } else {
            let why = connection.reason_string(PacketType::Connack, true, refused.text);
            let properties = Properties::check(PropertyOwner::Packet(PacketType::Connack), &why).unwrap_or_default();
            let mut connack = Connack { properties, ..Connack::new(version, false, refused.reason) };
            connack.return_code = refused.return_code.unwrap_or(connack.return_code);
            connection.send(&Packet::Connack(connack));
        }
        connection.shut(Phase::Closed, ServerClose::Gently);
    }

    /// Bytes that should have been a CONNECT and cannot be read as one: answered where their version can be told.
    pub(super) fn refuse_unreadable(&mut self, id: ConnectionId, packet: &[u8], reason: ReasonCode) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match protocol_level(packet) {
            Some(level) if level > 5 => {
                let connack = Connack::new(Version::V5, false, ReasonCode::UNSUPPORTED_PROTOCOL_VERSION);
                connection.send(&Packet::Connack(connack)); // [MQTT-3.1.2-2]
            }
            Some(5) => {
                connection.send(&Packet::Connack(Connack::new(Version::V5, false, reason)));
            }
            Some(4) | None => {}
            Some(_) => connection.send_raw(&REFUSED_BY_3_1_1),
        }
        connection.shut(Phase::Closed, ServerClose::Gently);
    }

    pub(super) fn handle_disconnect(
        &mut self,
        id: ConnectionId,
        disconnect: &Disconnect<'_>,
        packet: &[u8],
        now: Duration,
    ) -> Result<(), &'static Rule> {
        if judge::is_for_servers_only(disconnect.reason) {
            self.note(id, &judge::DISCONNECT_REASON, packet);
        }
        let Some((connection, session)) = self.halves(id) else { return Ok(()) };
        if let Some(expiry) = disconnect.properties.number(PropertyId::SessionExpiryInterval) {
            if expiry > 0 && connection.expiry_is_zero {
                return Err(&judge::DISCONNECT_EXPIRY);
            }
            session.expiry = expiry.min(connection.options.session_expiry_maximum);
        }
        let departure = match disconnect.reason {
            ReasonCode::SUCCESS => Departure::InOrder,
            _ => Departure::WithWill,
        };
        connection.shut(Phase::Left, ServerClose::Gently);
        self.detach(id, departure, now);
        Ok(())
    }
}

fn refused(reason: ReasonCode, text: &'static str) -> Refused {
    Refused { reason, return_code: None, text }
}

fn begin_session(session: &mut Session, connect: &Connect<'_>, options: &ServerOptions) {
    let asked = match connect.version {
        Version::V5 => connect.properties.number(PropertyId::SessionExpiryInterval).unwrap_or(0),
        _ if connect.clean_start => 0,
        _ => u32::MAX,
    };
    session.version = connect.version;
    session.expiry = asked.min(options.session_expiry_maximum);
    session.ends_at = None;
    session.will_at = None;
    session.will = connect.will.as_ref().map(|will| DelayedWill {
        message: Message::of_will(will),
        delay: will.properties.number(PropertyId::WillDelayInterval).unwrap_or(0),
    });
}

fn begin_connection(connection: &mut Connection, connect: &Connect<'_>, options: Arc<ServerOptions>) {
    let number = |id| connect.properties.number(id);
    let keep_alive = match options.server_keep_alive {
        Some(demanded) if connect.version.is_v5() => demanded,
        _ => connect.keep_alive,
    };
    connection.phase = Phase::Connected;
    connection.silence_limit = (keep_alive > 0).then(|| Duration::from_millis(u64::from(keep_alive) * 1_500));
    connection.expiry_is_zero = number(PropertyId::SessionExpiryInterval).unwrap_or(0) == 0;
    connection.problem_information = number(PropertyId::RequestProblemInformation) != Some(0);
    let size = number(PropertyId::MaximumPacketSize).and_then(|size| usize::try_from(size).ok());
    connection.maximum_packet_size = size.unwrap_or(usize::MAX);
    let at_once = number(PropertyId::ReceiveMaximum).and_then(|messages| usize::try_from(messages).ok());
    connection.receive_maximum = at_once.unwrap_or(usize::from(u16::MAX));
    let aliases = number(PropertyId::TopicAliasMaximum).and_then(|maximum| u16::try_from(maximum).ok());
    connection.aliases_out.maximum = aliases.filter(|_| options.aliases_out).unwrap_or(0);
    connection.options = options;
}

/// What the client must know, in the order of the standard's chapters; nothing that it would assume anyway, but for the
/// Maximum Packet Size.
fn connack_properties(connect: &Connect<'_>, session: &Session, connection: &Connection) -> Vec<u8> {
    if !connect.version.is_v5() {
        return Vec::new();
    }
    let options = &connection.options;
    let asked = connect.properties.number(PropertyId::SessionExpiryInterval).unwrap_or(0);
    let mut list = Vec::new();
    if session.expiry != asked {
        list.push(Property::SessionExpiryInterval(session.expiry));
    }
    if options.receive_maximum < u16::MAX {
        list.push(Property::ReceiveMaximum(options.receive_maximum));
    }
    if options.maximum_qos < Qos::ExactlyOnce {
        list.push(Property::MaximumQos(options.maximum_qos == Qos::AtLeastOnce));
    }
    if !options.retain_available {
        list.push(Property::RetainAvailable(false));
    }
    list.push(Property::MaximumPacketSize(options.maximum_packet_size));
    if connect.client_id.is_empty() {
        list.push(Property::AssignedClientIdentifier(&connection.client_id)); // [MQTT-3.1.3-7]
    }
    if options.topic_alias_maximum > 0 {
        list.push(Property::TopicAliasMaximum(options.topic_alias_maximum));
    }
    if !options.wildcards {
        list.push(Property::WildcardSubscriptionAvailable(false));
    }
    if !options.subscription_identifiers {
        list.push(Property::SubscriptionIdentifierAvailable(false));
    }
    if !options.shared_subscriptions {
        list.push(Property::SharedSubscriptionAvailable(false));
    }
    list.extend(options.server_keep_alive.map(Property::ServerKeepAlive));
    wire::encode_properties(list)
}

/// The protocol level of what looks like a CONNECT, whatever follows it.
fn protocol_level(packet: &[u8]) -> Option<u8> {
    let after_length = packet.iter().skip(1).position(|byte| byte & 0x80 == 0)?;
    let body = packet.get(after_length + 2..)?;
    let name_len = usize::from(u16::from_be_bytes([*body.first()?, *body.get(1)?]));
    let name = body.get(2..2 + name_len)?;
    (name == b"MQTT" || name == b"MQIsdp").then(|| body.get(2 + name_len).copied()).flatten()
}

/// A CONNACK of 3.1.1 with return code 1, which clients of every version understand.
const REFUSED_BY_3_1_1: [u8; 4] = [0x20, 0x02, 0x00, 0x01];
