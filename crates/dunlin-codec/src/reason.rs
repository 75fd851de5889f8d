use core::fmt;

use crate::{PacketType, frame::set};

/// Why a request was granted or refused, or a connection closed: one byte, 0x80 and above mean failure.
///
/// The return codes of 3.1.1 are told as the reason codes of 5.0 that mean the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReasonCode(u8);

macro_rules! reason_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal, [$($packet:ident)*];)*) => {
        impl ReasonCode {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The standard's name of the code; for a code the standard does not list, "Unlisted reason code".
            pub const fn name(self) -> &'static str {
                match self.0 {
                    $($code => $text,)*
                    _ => "Unlisted reason code",
                }
            }
        }

        const LISTED: &[u8] = &[$($code),*];

        // The packets each may stand in. Beside the codes, because pairs of the two would be padded.
        const LISTED_WITHIN: &[u16] = &[$(set(&[$(PacketType::$packet),*])),*];
    };
}

reason_codes! {
    /// It worked; in DISCONNECT "Normal disconnection", in SUBACK "Granted QoS 0".
    SUCCESS = 0x00, "Success", [Connack Puback Pubrec Pubrel Pubcomp Suback Unsuback Disconnect Auth];
    /// The subscription was granted at QoS 1.
    GRANTED_QOS_1 = 0x01, "Granted QoS 1", [Suback];
    /// The subscription was granted at QoS 2.
    GRANTED_QOS_2 = 0x02, "Granted QoS 2", [Suback];
    /// The client leaves and wants its will published.
    DISCONNECT_WITH_WILL = 0x04, "Disconnect with Will Message", [Disconnect];
    /// Accepted, but nobody subscribes to the topic.
    NO_MATCHING_SUBSCRIBERS = 0x10, "No matching subscribers", [Puback Pubrec];
    /// There was no such subscription.
    NO_SUBSCRIPTION_EXISTED = 0x11, "No subscription existed", [Unsuback];
    /// The authentication goes on.
    CONTINUE_AUTHENTICATION = 0x18, "Continue authentication", [Auth];
    /// The client authenticates anew.
    RE_AUTHENTICATE = 0x19, "Re-authenticate", [Auth];
    /// The sender does not say why.
    UNSPECIFIED_ERROR = 0x80, "Unspecified error", [Connack Puback Pubrec Suback Unsuback Disconnect];
    /// A packet could not be read.
    MALFORMED_PACKET = 0x81, "Malformed Packet", [Connack Disconnect];
    /// A packet could be read but was not allowed.
    PROTOCOL_ERROR = 0x82, "Protocol Error", [Connack Disconnect];
    /// Valid, but this receiver does not do it.
    IMPLEMENTATION_SPECIFIC_ERROR = 0x83, "Implementation specific error", [Connack Puback Pubrec Suback Unsuback Disconnect];
    /// The server does not speak this version of MQTT.
    UNSUPPORTED_PROTOCOL_VERSION = 0x84, "Unsupported Protocol Version", [Connack];
    /// The client identifier is not allowed.
    CLIENT_IDENTIFIER_NOT_VALID = 0x85, "Client Identifier not valid", [Connack];
    /// The server does not accept this user name or password.
    BAD_USER_NAME_OR_PASSWORD = 0x86, "Bad User Name or Password", [Connack];
    /// The client may not do this.
    NOT_AUTHORIZED = 0x87, "Not authorized", [Connack Puback Pubrec Suback Unsuback Disconnect];
    /// The server is not available.
    SERVER_UNAVAILABLE = 0x88, "Server unavailable", [Connack];
    /// The server is busy.
    SERVER_BUSY = 0x89, "Server busy", [Connack Disconnect];
    /// The client was banned by an administrator.
    BANNED = 0x8A, "Banned", [Connack];
    /// The server is going down.
    SERVER_SHUTTING_DOWN = 0x8B, "Server shutting down", [Disconnect];
    /// The authentication method is not supported, or not the one in use.
    BAD_AUTHENTICATION_METHOD = 0x8C, "Bad authentication method", [Connack Disconnect];
    /// Nothing was heard for one and a half times the Keep Alive.
    KEEP_ALIVE_TIMEOUT = 0x8D, "Keep Alive timeout", [Disconnect];
    /// Another connection uses the same client identifier.
    SESSION_TAKEN_OVER = 0x8E, "Session taken over", [Disconnect];
    /// The server does not accept this topic filter.
    TOPIC_FILTER_INVALID = 0x8F, "Topic Filter invalid", [Suback Unsuback Disconnect];
    /// The receiver does not accept this topic name.
    TOPIC_NAME_INVALID = 0x90, "Topic Name invalid", [Connack Puback Pubrec Disconnect];
    /// The packet identifier is in use already.
    PACKET_IDENTIFIER_IN_USE = 0x91, "Packet Identifier in use", [Puback Pubrec Suback Unsuback];
    /// The packet identifier is not known. During recovery this is no error.
    PACKET_IDENTIFIER_NOT_FOUND = 0x92, "Packet Identifier not found", [Pubrel Pubcomp];
    /// More messages in flight than Receive Maximum allows.
    RECEIVE_MAXIMUM_EXCEEDED = 0x93, "Receive Maximum exceeded", [Disconnect];
    /// A topic alias is 0 or above the maximum.
    TOPIC_ALIAS_INVALID = 0x94, "Topic Alias invalid", [Disconnect];
    /// The packet is larger than the receiver takes.
    PACKET_TOO_LARGE = 0x95, "Packet too large", [Connack Disconnect];
    /// Messages come too fast.
    MESSAGE_RATE_TOO_HIGH = 0x96, "Message rate too high", [Disconnect];
    /// A limit set by the other side's implementation or administrator was passed.
    QUOTA_EXCEEDED = 0x97, "Quota exceeded", [Connack Puback Pubrec Suback Disconnect];
    /// An administrator closed the connection.
    ADMINISTRATIVE_ACTION = 0x98, "Administrative action", [Disconnect];
    /// The payload is not of the format it claims.
    PAYLOAD_FORMAT_INVALID = 0x99, "Payload format invalid", [Connack Puback Pubrec Disconnect];
    /// The server keeps no retained messages.
    RETAIN_NOT_SUPPORTED = 0x9A, "Retain not supported", [Connack Disconnect];
    /// The server does not support this QoS.
    QOS_NOT_SUPPORTED = 0x9B, "QoS not supported", [Connack Disconnect];
    /// Use another server for now.
    USE_ANOTHER_SERVER = 0x9C, "Use another server", [Connack Disconnect];
    /// The server has moved for good.
    SERVER_MOVED = 0x9D, "Server moved", [Connack Disconnect];
    /// The server has no shared subscriptions.
    SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9E, "Shared Subscriptions not supported", [Suback Disconnect];
    /// Connections come too fast.
    CONNECTION_RATE_EXCEEDED = 0x9F, "Connection rate exceeded", [Connack Disconnect];
    /// The connection has lasted as long as it may.
    MAXIMUM_CONNECT_TIME = 0xA0, "Maximum connect time", [Disconnect];
    /// The server has no subscription identifiers.
    SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED = 0xA1, "Subscription Identifiers not supported", [Suback Disconnect];
    /// The server has no wildcard subscriptions.
    WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED = 0xA2, "Wildcard Subscriptions not supported", [Suback Disconnect];
}

impl ReasonCode {
    /// The code with this number, listed or not.
    #[inline]
    pub const fn new(code: u8) -> Self {
        Self(code)
    }

    /// Its number.
    #[inline]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Whether it tells a failure: 0x80 and above.
    #[inline]
    pub const fn is_error(self) -> bool {
        self.0 >= 0x80
    }

    /// Whether the standard lists the code for packets of this type, e.g. [MQTT-3.4.2-1].
    pub fn is_listed_for(self, packet_type: PacketType) -> bool {
        LISTED
            .iter()
            .zip(LISTED_WITHIN)
            .any(|(&code, packets)| code == self.0 && packets & (1 << packet_type as u8) != 0)
    }

    /// The reason code that means what a CONNACK return code of 3.1.1 means. Servers use codes above 5 though the
    /// standard reserves them [MQTT-3.2.2.3-U1]: those become [`ReasonCode::UNSPECIFIED_ERROR`].
    pub const fn from_v3_return_code(code: u8) -> Self {
        if (code as usize) < V3_RETURN_CODES.len() { V3_RETURN_CODES[code as usize] } else { Self::UNSPECIFIED_ERROR }
    }

    /// The return code of 3.1.1 that comes nearest to this code in a CONNACK.
    pub const fn to_v3_return_code(self) -> u8 {
        match self {
            Self::SUCCESS => 0,
            Self::UNSUPPORTED_PROTOCOL_VERSION => 1,
            Self::CLIENT_IDENTIFIER_NOT_VALID => 2,
            Self::BAD_USER_NAME_OR_PASSWORD => 4,
            Self::NOT_AUTHORIZED | Self::BANNED => 5,
            _ => 3,
        }
    }
}

/// What the CONNACK return codes 0 to 5 of 3.1.1 mean.
const V3_RETURN_CODES: [ReasonCode; 6] = [
    ReasonCode::SUCCESS,
    ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
    ReasonCode::CLIENT_IDENTIFIER_NOT_VALID,
    ReasonCode::SERVER_UNAVAILABLE,
    ReasonCode::BAD_USER_NAME_OR_PASSWORD,
    ReasonCode::NOT_AUTHORIZED,
];

impl fmt::Debug for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02X} {}", self.0, self.name())
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (0x{:02X})", self.name(), self.0)
    }
}
