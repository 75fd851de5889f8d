//! What a client may not do, each rule under the statement of the standard that says so.

use std::fmt;

use dunlin_codec::{DecodeError, ReasonCode, Version};

use super::connection::ConnectionId;
use super::wire;

/// A statement of the standard that a client broke.
///
/// `Display` is one line for a test's output: the statement, who, what, and the packet's first bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Breach {
    /// The identifier of the statement, such as `MQTT-3.1.0-2`; one that begins with `U5-` stands for a rule of MQTT
    /// 5.0 without a number of its own.
    pub statement: &'static str,
    /// The client identifier; empty before CONNECT.
    pub client_id: String,
    /// The connection it happened on.
    pub connection: ConnectionId,
    /// The version of that connection.
    pub version: Version,
    /// What the client did.
    pub text: &'static str,
    /// The packet, at most its first 64 bytes; empty if it was not a packet (a keep alive that ran out) or was a
    /// CONNECT, which may hold a password.
    pub bytes: Vec<u8>,
}

impl Breach {
    pub(super) fn new(statement: &'static str, text: &'static str, bytes: &[u8]) -> Self {
        let is_connect = bytes.first().is_some_and(|byte| byte >> 4 == 1);
        let kept = if is_connect { &[] } else { bytes.get(..BYTES_KEPT).unwrap_or(bytes) };
        Self {
            statement,
            client_id: String::new(),
            connection: ConnectionId::default(),
            version: Version::V5,
            text,
            bytes: kept.to_vec(),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { statement, client_id, connection, version, text, bytes } = self;
        write!(f, "[{statement}] client {client_id:?} ({version}, {connection}) {text}")?;
        if bytes.is_empty() { Ok(()) } else { write!(f, ": {}", wire::hex(bytes, 16)) }
    }
}

/// One thing that a client may not do.
#[derive(Debug)]
pub(super) struct Rule {
    v3: &'static str,
    v5: &'static str,
    text: &'static str,
    /// With a reason it costs the connection; without it is recorded, and the packet handled as well as can be.
    pub(super) reason: Option<ReasonCode>,
}

impl Rule {
    /// Costs the connection.
    const fn hard(v3: &'static str, v5: &'static str, reason: ReasonCode, text: &'static str) -> Self {
        Self { v3, v5, text, reason: Some(reason) }
    }

    const fn soft(v3: &'static str, v5: &'static str, text: &'static str) -> Self {
        Self { v3, v5, text, reason: None }
    }

    /// The breach to record; `None` where the version has no such rule, so that the client could not know.
    pub(super) fn breach(&self, version: Version, bytes: &[u8]) -> Option<Breach> {
        let statement = if version.is_v5() { self.v5 } else { self.v3 };
        (!statement.is_empty()).then(|| Breach::new(statement, self.text, bytes))
    }

    pub(super) const fn text(&self) -> &'static str {
        self.text
    }
}

/// What the codec found wrong with the bytes themselves.
pub(super) fn breach_of_bytes(error: DecodeError, bytes: &[u8]) -> Breach {
    let text = match error {
        DecodeError::Malformed(fault) => fault.text(),
        DecodeError::Violation(fault) => fault.text(),
    };
    Breach::new(error.statement(), text, bytes)
}

/// Reason codes of a DISCONNECT that only a server may send.
pub(super) fn is_for_servers_only(reason: ReasonCode) -> bool {
    matches!(reason.get(), 0x87 | 0x89 | 0x8B | 0x8D | 0x8E | 0x8F | 0x9A..=0xA2)
}

pub(super) const FIRST_PACKET: Rule =
    Rule::hard("MQTT-3.1.0-1", "MQTT-3.1.0-1", ReasonCode::PROTOCOL_ERROR, "sent another packet before CONNECT");
pub(super) const SECOND_CONNECT: Rule =
    Rule::hard("MQTT-3.1.0-2", "MQTT-3.1.0-2", ReasonCode::PROTOCOL_ERROR, "sent a second CONNECT");
pub(super) const EMPTY_CLIENT_ID: Rule =
    Rule::soft("MQTT-3.1.3-7", "", "asked for a kept session without giving a client identifier");
pub(super) const SERVERS_PACKET: Rule =
    Rule::hard("MQTT-4.8.0-1", "MQTT-4.8.0-1", ReasonCode::PROTOCOL_ERROR, "sent a packet that only servers may send");
pub(super) const AUTH_NOT_ASKED: Rule =
    Rule::hard("", "MQTT-4.12.0-7", ReasonCode::PROTOCOL_ERROR, "sent AUTH without an authentication method");
pub(super) const AFTER_DISCONNECT: Rule =
    Rule::soft("MQTT-3.14.4-2", "MQTT-3.14.4-1", "went on sending after its DISCONNECT");
pub(super) const DISCONNECT_REASON: Rule =
    Rule::soft("", "MQTT-3.14.2-1", "gave a reason in DISCONNECT that only servers may give");
pub(super) const DISCONNECT_EXPIRY: Rule = Rule::hard(
    "",
    "U5-3.14.2.2.2-a",
    ReasonCode::PROTOCOL_ERROR,
    "set a session expiry in DISCONNECT though its CONNECT had 0",
);
pub(super) const KEEP_ALIVE: Rule = Rule::hard(
    "MQTT-3.1.2-23",
    "MQTT-3.1.2-20",
    ReasonCode::KEEP_ALIVE_TIMEOUT,
    "sent nothing for one and a half times its keep alive",
);

pub(super) const PACKET_ID_IN_USE: Rule =
    Rule::soft("MQTT-2.3.1-2", "MQTT-2.2.1-3", "used a packet identifier that was still in use");
pub(super) const DUP_ON_FIRST_SEND: Rule =
    Rule::soft("MQTT-3.3.1-3", "MQTT-3.3.1-3", "set DUP on a PUBLISH that it had not sent before");
pub(super) const RESENT_WITHOUT_DUP: Rule =
    Rule::soft("MQTT-3.3.1-1", "MQTT-3.3.1-1", "sent a PUBLISH again without DUP");
pub(super) const RESENT_CHANGED: Rule =
    Rule::soft("MQTT-3.3.1-1", "MQTT-3.3.1-1", "sent a PUBLISH again with other contents");
pub(super) const RESENT_ON_LIVE_CONNECTION: Rule =
    Rule::soft("MQTT-4.4.0-1", "MQTT-4.4.0-1", "sent a packet again on the connection it had sent it on");
pub(super) const RESENT_IN_WRONG_ORDER: Rule =
    Rule::soft("MQTT-4.6.0-1", "MQTT-4.6.0-1", "sent PUBLISH packets again in another order");
pub(super) const RESENT_AFTER_PUBREL: Rule =
    Rule::soft("MQTT-4.3.3-1", "MQTT-4.3.3-6", "sent a PUBLISH again after its PUBREL");
pub(super) const PUBREL_UNKNOWN: Rule =
    Rule::soft("MQTT-2.3.1-6", "MQTT-2.2.1-5", "sent PUBREL for a packet identifier without a QoS 2 PUBLISH");
pub(super) const PUBREL_EARLY: Rule =
    Rule::soft("MQTT-4.3.3-1", "MQTT-4.3.3-4", "sent PUBREL before the PUBREC had come");
pub(super) const PUBREL_IN_WRONG_ORDER: Rule =
    Rule::soft("MQTT-4.6.0-4", "MQTT-4.6.0-4", "sent PUBREL packets in another order than the PUBRECs came");
pub(super) const ACK_UNKNOWN: Rule =
    Rule::soft("MQTT-2.3.1-6", "MQTT-2.2.1-5", "acknowledged a packet identifier that waits for no such packet");
pub(super) const ACK_OF_WRONG_KIND: Rule = Rule::hard(
    "MQTT-3.3.4-1",
    "MQTT-3.3.4-1",
    ReasonCode::PROTOCOL_ERROR,
    "answered a PUBLISH with the acknowledgement of another QoS, or a step too early",
);
pub(super) const PUBACK_IN_WRONG_ORDER: Rule =
    Rule::soft("MQTT-4.6.0-2", "MQTT-4.6.0-2", "sent PUBACK packets in another order than the PUBLISHes came");
pub(super) const PUBREC_IN_WRONG_ORDER: Rule =
    Rule::soft("MQTT-4.6.0-3", "MQTT-4.6.0-3", "sent PUBREC packets in another order than the PUBLISHes came");

pub(super) const RECEIVE_MAXIMUM: Rule = Rule::hard(
    "",
    "MQTT-3.3.4-7",
    ReasonCode::RECEIVE_MAXIMUM_EXCEEDED,
    "sent more QoS 1 and 2 messages at once than the server's Receive Maximum",
);
pub(super) const QOS_TOO_HIGH: Rule =
    Rule::hard("", "MQTT-3.2.2-11", ReasonCode::QOS_NOT_SUPPORTED, "published above the server's Maximum QoS");
pub(super) const RETAIN_NOT_AVAILABLE: Rule = Rule::hard(
    "",
    "MQTT-3.2.2-14",
    ReasonCode::RETAIN_NOT_SUPPORTED,
    "published with RETAIN though the server keeps no retained messages",
);
pub(super) const PACKET_TOO_LARGE: Rule = Rule::hard(
    "",
    "MQTT-3.2.2-15",
    ReasonCode::PACKET_TOO_LARGE,
    "sent a packet above the server's Maximum Packet Size",
);
pub(super) const ALIAS_TOO_LARGE: Rule = Rule::hard(
    "",
    "MQTT-3.2.2-17",
    ReasonCode::TOPIC_ALIAS_INVALID,
    "used a topic alias above the server's Topic Alias Maximum",
);
pub(super) const ALIAS_UNBOUND: Rule = Rule::hard(
    "",
    "U5-3.3.4-b",
    ReasonCode::PROTOCOL_ERROR,
    "used a topic alias that it never bound to a topic on this connection",
);
pub(super) const IDENTIFIER_IN_PUBLISH: Rule =
    Rule::hard("", "MQTT-3.3.4-6", ReasonCode::PROTOCOL_ERROR, "put a subscription identifier into a PUBLISH");
pub(super) const NO_WILDCARDS: Rule = Rule::hard(
    "",
    "U5-3.2.2.3.11-a",
    ReasonCode::WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
    "subscribed with a wildcard though the server has no wildcard subscriptions",
);
pub(super) const NO_IDENTIFIERS: Rule = Rule::hard(
    "",
    "U5-3.2.2.3.12-a",
    ReasonCode::SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
    "gave a subscription identifier though the server has none",
);
pub(super) const NO_SHARES: Rule = Rule::hard(
    "",
    "U5-3.2.2.3.13-a",
    ReasonCode::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
    "asked for a shared subscription though the server has none",
);

const BYTES_KEPT: usize = 64;
