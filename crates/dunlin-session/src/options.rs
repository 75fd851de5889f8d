use core::fmt;

use dunlin_codec::{EncodeError, Properties, Qos, Will};

/// How to connect. CONNECT says what stands here and no more.
#[derive(Clone, Copy)]
pub struct ConnectOptions<'o> {
    /// Names the session; empty: the server chooses.
    pub client_id: &'o str,
    /// The user name, if any.
    pub user_name: Option<&'o str>,
    /// The password, if any. Without a user name in 5.0 only [MQTT-3.1.2-22].
    pub password: Option<&'o [u8]>,
    /// What the server publishes when this connection breaks.
    pub will: Option<Will<'o>>,
    /// Begin without the session that the server may have kept. Concerns the first connection of a [`Session`]
    /// alone: later ones go on with its session wherever there is one. Default: true.
    ///
    /// [`Session`]: crate::Session
    pub clean_start: bool,
    /// What to do if a server says that it has a session and this [`Session`] knows of none. Needs the feature `resume`.
    /// Default: [`ResumeWithoutState::Refuse`].
    ///
    /// [`Session`]: crate::Session
    pub resume_without_state: ResumeWithoutState,
    /// Seconds after which the link is tested when nothing else asked the server for an answer; 0: never.
    /// Default: 60.
    pub keep_alive: u16,
    /// Seconds that the session outlives a connection. 0: not at all; `u32::MAX`: for ever. 3.1.1 knows only these
    /// two, and every other value means "for ever" there. Default: 0.
    pub session_expiry_interval: u32,
    /// QoS 1 and 2 messages that the server may send before the first of them is acknowledged; 5.0 tells it to the
    /// server, 3.1.1 cannot. Not 0. A session in [`Slices`](crate::Slices) tells no more than it has room for when it
    /// connects, and 1 if it has none. Default: 65,535.
    pub receive_maximum: u16,
    /// The highest topic alias that the server may use, as far as the session has memory for aliases; 0: none. What an
    /// alias stands for is read by [`Session::topic`](crate::Session::topic). 5.0 only. Default: 0.
    pub topic_alias_maximum: u16,
    /// Bytes of a packet from the server: larger ones close the connection. Default: `u32::MAX`, no limit.
    pub maximum_packet_size: u32,
    /// QoS 1 and 2 messages that we send before the first of them is acknowledged; the server's Receive Maximum may
    /// lower it. Default: 65,535.
    pub send_maximum: u16,
    /// Ask for Response Information, from which response topics are made. 5.0 only. Default: false.
    pub request_response_information: bool,
    /// Let the server send reason strings and user properties with anything, rather than with PUBLISH, CONNACK and
    /// DISCONNECT alone [MQTT-3.1.2-29]. `false` needs 5.0. Default: true.
    pub request_problem_information: bool,
    /// What else CONNECT says: user properties, and the authentication method and data with which enhanced
    /// authentication begins. 5.0 only, made for a CONNECT. Default: none.
    pub properties: Properties<'o>,
    /// Milliseconds to wait for CONNACK. Default: 20,000.
    pub connect_timeout: u32,
    /// Milliseconds that a QoS 1 or 2 message may wait for its next acknowledgement, while others get theirs, until
    /// [`AckStalled`](crate::Timeout::AckStalled) is told, at the latest after three times as much; 0: never. Needs the
    /// feature `resume`. Default: 0.
    pub ack_timeout: u32,
    /// Milliseconds without a single byte from the server, after it was asked something, until the link counts as
    /// dead. Default: 10,000.
    pub ping_timeout: u32,
}

impl Default for ConnectOptions<'_> {
    fn default() -> Self {
        Self {
            client_id: "",
            user_name: None,
            password: None,
            will: None,
            clean_start: true,
            resume_without_state: ResumeWithoutState::Refuse,
            keep_alive: 60,
            session_expiry_interval: 0,
            receive_maximum: u16::MAX,
            topic_alias_maximum: 0,
            maximum_packet_size: u32::MAX,
            send_maximum: u16::MAX,
            request_response_information: false,
            request_problem_information: true,
            properties: Properties::NONE,
            connect_timeout: 20_000,
            ack_timeout: 0,
            ping_timeout: 10_000,
        }
    }
}

/// Does not show the password, nor the user name: with some servers a token is part of it.
impl fmt::Debug for ConnectOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("client_id", &self.client_id)
            .field("user_name", &self.user_name.map(|_| "..."))
            .field("password", &self.password.map(|_| "..."))
            .field("will", &self.will)
            .field("clean_start", &self.clean_start)
            .field("resume_without_state", &self.resume_without_state)
            .field("keep_alive", &self.keep_alive)
            .field("session_expiry_interval", &self.session_expiry_interval)
            .field("receive_maximum", &self.receive_maximum)
            .field("topic_alias_maximum", &self.topic_alias_maximum)
            .field("maximum_packet_size", &self.maximum_packet_size)
            .field("send_maximum", &self.send_maximum)
            .field("request_response_information", &self.request_response_information)
            .field("request_problem_information", &self.request_problem_information)
            .field("properties", &self.properties)
            .field("connect_timeout", &self.connect_timeout)
            .field("ack_timeout", &self.ack_timeout)
            .field("ping_timeout", &self.ping_timeout)
            .finish()
    }
}

/// What to do about a session of which only the server knows: its subscriptions and the messages that wait there are
/// those of an earlier client.
///
/// It is not asked about a session that a CONNECT of ours may have begun, although its CONNACK was lost: that is gone on
/// with as if it were adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResumeWithoutState {
    /// End the connection: [`SessionPresentUnexpected`], 0x82 in 5.0 [MQTT-3.2.2-4]. What helps is
    /// [`clean_start`](ConnectOptions::clean_start), or a store.
    ///
    /// [`SessionPresentUnexpected`]: dunlin_codec::ProtocolViolation::SessionPresentUnexpected
    #[default]
    Refuse,
    /// Go on with empty state, as if the server had begun a new session. The server may remember packet identifiers, and
    /// would take a QoS 2 message with one of them for a repetition: so a PUBREL and its PUBCOMP go before the first such
    /// message with each identifier.
    Adopt,
}

/// How to publish.
#[derive(Debug, Clone, Copy, Default)]
pub struct PublishOptions<'o> {
    /// How often the message may arrive.
    pub qos: Qos,
    /// Whether the server keeps it for later subscribers.
    pub retain: bool,
    /// What is said about it (5.0), made for a PUBLISH.
    ///
    /// The time it waits is taken off a Message Expiry Interval: the server is told the rest in seconds, at least 1
    /// and never more than was given. What ran out unsent is settled as
    /// [`Rejection::Expired`](crate::Rejection::Expired), never too early and at most a second too late. A message that
    /// was begun does not expire any more, and is repeated as it was [MQTT-4.3.3-7] [MQTT-4.3.3-13]. An interval of 0
    /// counts as 1. Such a message takes an identifier while it waits, QoS 0 too. Without the feature `expiry` the server is told what was given, and nothing runs out here.
    pub properties: Properties<'o>,
    /// Tell the outcome of a QoS 0 message too; it then has an identifier, which does not go over the wire.
    pub tracked: bool,
}

impl PublishOptions<'_> {
    /// With this QoS, not retained, without properties.
    pub const fn qos(qos: Qos) -> Self {
        Self { qos, retain: false, properties: Properties::NONE, tracked: false }
    }
}

/// Why a connection cannot begin. The caller is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// One is open: end it first [MQTT-3.1.0-2].
    AlreadyConnected,
    /// 3.1.1 has no password without a user name [MQTT-3.1.2-22].
    PasswordAlone,
    /// In 3.1.1 a session that outlives its connection needs a client identifier [MQTT-3.1.3-7], in 3.1 every one.
    ClientIdEmpty,
    /// Receive Maximum or Maximum Packet Size is 0 [U5-3.1.2.11-a].
    Zero,
    /// The client identifier or user name holds U+0000, or a field is longer than 65,535 bytes.
    Text,
    /// There are properties, of CONNECT or the will, which 3.1.1 cannot say.
    NeedsV5,
    /// A property stands among the others that has an option of its own.
    PropertyNotAllowed,
    /// Properties of CONNECT need the feature `authentication`.
    NeedsAuthentication,
    /// This build does not speak the version of the session (features `v3`, `v5`, `v3_1`).
    NotBuiltIn,
    /// A session that outlives its connection needs the feature `resume`.
    NeedsResume,
    /// The control lane has no room for the CONNECT; so many bytes are needed.
    NoRoom(usize),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyConnected => f.write_str("a connection is open already: end it before the next"),
            Self::PasswordAlone => f.write_str("MQTT 3.1.1 has no password without a user name: give one, or use 5.0"),
            Self::ClientIdEmpty => {
                f.write_str("MQTT 3.1.1 needs a client identifier for a session that is kept, and 3.1 always")
            }
            Self::Zero => f.write_str("Receive Maximum and Maximum Packet Size must not be 0"),
            Self::Text => f.write_str("a field of CONNECT holds U+0000 or is longer than 65,535 bytes"),
            Self::NeedsV5 => f.write_str("MQTT 3.1.1 has no properties: leave them out, or use 5.0"),
            Self::PropertyNotAllowed => f.write_str("a property of CONNECT has an option of its own: set that instead"),
            Self::NeedsAuthentication => {
                f.write_str("this build says no more in CONNECT (feature `authentication`): leave its properties out")
            }
            Self::NotBuiltIn => f.write_str(
                "this build does not speak that version of MQTT (features `v3`, `v5`, `v3_1`): take another",
            ),
            Self::NeedsResume => f.write_str("this build keeps no session (feature `resume`): leave the expiry at 0"),
            Self::NoRoom(needed) => write!(f, "the control lane needs {needed} bytes for this CONNECT"),
        }
    }
}

impl core::error::Error for ConnectError {}

impl From<EncodeError> for ConnectError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::NoRoom(needed) => Self::NoRoom(needed),
            EncodeError::PasswordAlone => Self::PasswordAlone,
            EncodeError::NeedsV5 => Self::NeedsV5,
            EncodeError::NotBuiltIn => Self::NotBuiltIn,
            _ => Self::Text,
        }
    }
}

/// Why a message was not accepted. It is still the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// The memory is full, or every packet identifier in use: try again when something was settled.
    Full,
    /// It is longer than MQTT, the memory, or this server allows; it will never fit.
    TooLarge,
    /// It has properties, which 3.1.1 cannot say.
    NeedsV5,
    /// It has a Subscription Identifier, which only a server may give [MQTT-3.3.4-6], or a Topic Alias, which holds for
    /// one connection.
    PropertyNotAllowed,
    /// The server does not take this QoS [MQTT-3.2.2-11], or it is 2 in a build without the feature `exactly-once`.
    QosNotSupported,
    /// The server keeps no retained messages [MQTT-3.2.2-14].
    RetainNotSupported,
    /// There is no connection, and this build keeps nothing for the next one (feature `resume`).
    NotConnected,
    /// The application has called [`disconnect`](crate::Session::disconnect), and the connection is not gone yet.
    Closed,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the queue is full: wait until messages are settled",
            Self::TooLarge => "the message is larger than MQTT, the queue or this server allows",
            Self::NeedsV5 => "MQTT 3.1.1 has no message properties: leave them out, or use 5.0",
            Self::PropertyNotAllowed => {
                "a message to a server has no Subscription Identifier and no Topic Alias: leave them out"
            }
            Self::QosNotSupported => "the server does not accept this QoS: publish with a lower one",
            Self::RetainNotSupported => "the server does not keep retained messages: publish without retain",
            Self::NotConnected => "there is no connection, and this build keeps nothing for the next one",
            Self::Closed => "the session is being closed",
        })
    }
}

impl core::error::Error for PublishError {}

impl From<EncodeError> for PublishError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::NeedsV5 => Self::NeedsV5,
            _ => Self::TooLarge,
        }
    }
}

/// Why a SUBSCRIBE or UNSUBSCRIBE was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// There is no connection: such a request lives and dies with one.
    NotConnected,
    /// The control lane is full, or every packet identifier in use: transmit and try again.
    Full,
    /// The packet would be larger than MQTT, the memory, or this server allows: ask for less at once.
    TooLarge,
    /// 3.1.1 cannot say it: properties, or an option other than the QoS.
    NeedsV5,
    /// The server has no wildcard subscriptions [U5-3.2.2.3.11-a].
    WildcardNotSupported,
    /// The server has no shared subscriptions [U5-3.2.2.3.13-a].
    SharedNotSupported,
    /// The server has no subscription identifiers [U5-3.2.2.3.12-a].
    IdentifierNotSupported,
    /// There is no filter [MQTT-3.8.3-2] [MQTT-3.10.3-2].
    NoFilters,
    /// No Local may not stand on a shared subscription [MQTT-3.8.3-4].
    SharedNoLocal,
    /// QoS 2 needs the feature `exactly-once`.
    QosNotSupported,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "there is no connection",
            Self::Full => "the control lane is full: transmit, then try again",
            Self::TooLarge => "the request is larger than MQTT, the memory or this server allows: ask for less at once",
            Self::NeedsV5 => "MQTT 3.1.1 knows no subscription option but the QoS: leave it out, or use 5.0",
            Self::WildcardNotSupported => "the server has no wildcard subscriptions: name each topic",
            Self::SharedNotSupported => "the server has no shared subscriptions: subscribe without $share",
            Self::IdentifierNotSupported => "the server has no subscription identifiers: leave it out",
            Self::NoFilters => "give at least one topic filter",
            Self::SharedNoLocal => "No Local is not allowed on a shared subscription",
            Self::QosNotSupported => "this build has no QoS 2 (feature `exactly-once`)",
        })
    }
}

impl core::error::Error for RequestError {}

impl From<EncodeError> for RequestError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::NoRoom(_) => Self::Full,
            EncodeError::NeedsV5 => Self::NeedsV5,
            EncodeError::NoFilters => Self::NoFilters,
            EncodeError::SharedNoLocal => Self::SharedNoLocal,
            _ => Self::TooLarge,
        }
    }
}

/// Why an acknowledgement cannot say this. The caller is at fault, and the message is still to be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcknowledgeError {
    /// 3.1.1 can only acknowledge: to refuse a message is to close the connection.
    NeedsV5,
    /// To refuse a message needs the feature `refusals`.
    NeedsRefusals,
    /// PUBACK and PUBREC have no such reason code [MQTT-3.4.2-1] [MQTT-3.5.2-1].
    NotAllowed,
}

impl fmt::Display for AcknowledgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeedsV5 => "MQTT 3.1.1 cannot refuse a message: acknowledge it, or use 5.0",
            Self::NeedsRefusals => "this build refuses no message (feature `refusals`): acknowledge it",
            Self::NotAllowed => "an acknowledgement of a message cannot have this reason code",
        })
    }
}

impl core::error::Error for AcknowledgeError {}

/// Why a DISCONNECT cannot say this. The caller is at fault, and the connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectError {
    /// 3.1.1 says nothing in its DISCONNECT.
    NeedsV5,
    /// The reason code or a property is one that only a server may send [MQTT-3.14.2-1].
    NotAllowed,
    /// A session that CONNECT let end with its connection cannot be kept after all [U5-3.14.2.2.2-a].
    SessionExpiry,
}

impl fmt::Display for DisconnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeedsV5 => "MQTT 3.1.1 says nothing in its DISCONNECT: leave properties out, or use 5.0",
            Self::NotAllowed => "only a server may send this reason code or property in DISCONNECT",
            Self::SessionExpiry => "the session ends with the connection, as CONNECT said: it cannot be kept after all",
        })
    }
}

impl core::error::Error for DisconnectError {}
