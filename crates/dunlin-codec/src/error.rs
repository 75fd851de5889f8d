use core::fmt;

use crate::ReasonCode;

/// Why bytes from the other side are not a packet this side may take. The peer's doing: the connection ends, in 5.0
/// with a DISCONNECT that bears [`DecodeError::reason`] [MQTT-4.8.0-1] [U5-4.13.1-a].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes cannot be read as a packet.
    Malformed(Malformed),
    /// They can be read, but say what the standard forbids.
    Violation(ProtocolViolation),
}

macro_rules! faults {
    (
        $(#[$outer:meta])* $kind:ident, $reason:ident;
        $($(#[$doc:meta])* $name:ident = $statement:literal, $text:literal;)*
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $kind {
            $(#[doc = concat!("The peer sent ", $text, " [", $statement, "].")] $name,)*
        }

        impl $kind {
            /// The identifier of the statement that was broken.
            pub const fn statement(self) -> &'static str {
                match self { $(Self::$name => $statement,)* }
            }

            /// What the peer sent.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "the peer sent {} [{}]", self.text(), self.statement())
            }
        }

        impl core::error::Error for $kind {}

        impl From<$kind> for DecodeError {
            #[inline]
            fn from(fault: $kind) -> Self {
                Self::$reason(fault)
            }
        }
    };
}

faults! {
    /// Ways for bytes not to be a packet. All are answered with 0x81.
    Malformed, Malformed;
    PacketType = "MQTT-2.1.2-U", "a packet type that does not exist in this version";
    HeaderFlags = "MQTT-2.1.3-1", "a packet whose reserved header flags are wrong";
    VariableByteInteger = "MQTT-1.5.5-1", "a Variable Byte Integer that is padded or longer than four bytes";
    Truncated = "U5-2.2.2.2-b", "a packet that ends inside a field";
    TrailingBytes = "U5-2.2.2.2-b", "a packet with bytes behind its last field";
    Text = "MQTT-1.5.4-1", "a string that is not UTF-8, or holds U+0000";
    Qos = "MQTT-3.3.1-4", "a PUBLISH with QoS 3";
    PropertyId = "U5-2.2.2.2-a", "a property that this packet may not have";
    ReasonCode = "MQTT-3.2.2-8", "a reason code that is not listed for its packet";
    AcknowledgeFlags = "MQTT-3.2.2-1", "a CONNACK whose reserved flags are not 0";
    ProtocolName = "MQTT-3.1.2-1", "a CONNECT whose protocol name is not MQTT";
    ConnectFlags = "MQTT-3.1.2-3", "a CONNECT with reserved or contradicting flags";
    SubscriptionOptions = "MQTT-3.8.3-5", "a SUBSCRIBE whose options have reserved bits, or QoS 3 in 3.1.1";
}

faults! {
    /// What a packet may not say, or not now. Each is answered with the code of [`ProtocolViolation::reason`].
    ProtocolViolation, Violation;
    PacketIdZero = "MQTT-2.2.1-3", "packet identifier 0";
    DuplicateProperty = "U5-3.4.2.2-a", "a property twice";
    PropertyValue = "U5-3.2.2.3.3-a", "a property with a value that is not allowed";
    TopicAliasZero = "MQTT-3.3.2-8", "topic alias 0";
    TopicAliasTooLarge = "MQTT-3.1.2-26", "a topic alias above our Topic Alias Maximum";
    TopicAliasUnbound = "U5-3.3.4-b", "a topic alias that it never bound to a topic";
    TopicEmpty = "U5-3.3.2.1-a", "a PUBLISH or a will without a topic";
    TopicWildcard = "MQTT-3.3.2-2", "a PUBLISH or a will whose topic holds a wildcard";
    ResponseTopicWildcard = "MQTT-3.3.2-14", "a Response Topic with a wildcard";
    DupOnQos0 = "MQTT-3.3.1-2", "DUP in a PUBLISH with QoS 0";
    AuthenticationDataAlone = "U5-3.1.2.11-a", "authentication data without a method";
    AuthenticationMethodMissing = "U5-3.15-a", "an AUTH without an authentication method";
    AuthenticationNotAsked = "MQTT-4.12.0-6", "an AUTH that nothing asked for";
    AuthenticationMethodDiffers = "MQTT-4.12.0-5", "another authentication method than the one asked for, or none";
    AuthenticationReason = "MQTT-4.12.0-2", "an AUTH with a reason code that does not belong here";
    ProblemInformation = "MQTT-3.1.2-29", "a reason string or user property that was asked not to be sent";
    NoFilters = "MQTT-3.8.3-2", "a SUBSCRIBE or UNSUBSCRIBE without a topic filter";
    FilterInvalid = "MQTT-4.7.1-2", "a topic filter that is not valid";
    SubscriptionOptionValue = "U5-3.8.3.1-a", "a SUBSCRIBE with QoS 3 or Retain Handling 3";
    SharedNoLocal = "MQTT-3.8.3-4", "No Local on a shared subscription";
    SessionPresentOnRefusal = "MQTT-3.2.2-6", "a refusing CONNACK with Session Present";
    SessionPresentUnexpected = "MQTT-3.2.2-4", "Session Present for a session that this client does not have";
    FirstPacketNotConnack = "MQTT-3.2.0-1", "another packet before CONNACK";
    PacketSizeUseless = "MQTT-3.2.2-15", "a Maximum Packet Size that leaves no room for any answer to it";
    SecondConnack = "MQTT-3.2.0-2", "a second CONNACK";
    UnexpectedPacket = "MQTT-4.8.0-1", "a packet that only the other side may send";
    PacketTooLarge = "MQTT-3.1.2-24", "a packet above our Maximum Packet Size";
    TopicTooLong = "U5-3.3.4-a", "a topic for a topic alias that our memory has no room for";
    ReceiveMaximumExceeded = "MQTT-3.3.4-9", "more QoS 1 and 2 messages at once than our Receive Maximum";
    AcknowledgedEarly = "MQTT-4.3.2-3", "an acknowledgement of a packet that was not wholly sent";
    AcknowledgedWrongly = "MQTT-2.2.1-5", "an acknowledgement of the wrong kind for its packet identifier";
    AcknowledgedUnknown = "MQTT-2.2.1-6", "a SUBACK or UNSUBACK for no request of ours";
    QosNotGranted = "MQTT-3.8.4-8", "a message with a QoS that was not asked for";
    VerdictCount = "MQTT-3.8.4-6", "not one reason code for each topic filter";
    DisconnectSessionExpiry = "MQTT-3.14.2-2", "a DISCONNECT with a Session Expiry Interval";
}

impl ProtocolViolation {
    /// The reason code of the DISCONNECT that answers it (5.0).
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::TopicAliasZero | Self::TopicAliasTooLarge => ReasonCode::TOPIC_ALIAS_INVALID,
            Self::TopicWildcard => ReasonCode::TOPIC_NAME_INVALID,
            Self::FilterInvalid => ReasonCode::TOPIC_FILTER_INVALID,
            Self::PacketTooLarge => ReasonCode::PACKET_TOO_LARGE,
            Self::TopicTooLong => ReasonCode::QUOTA_EXCEEDED,
            Self::ReceiveMaximumExceeded => ReasonCode::RECEIVE_MAXIMUM_EXCEEDED,
            _ => ReasonCode::PROTOCOL_ERROR,
        }
    }
}

impl DecodeError {
    /// The reason code of the DISCONNECT that answers it (5.0).
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::Malformed(_) => ReasonCode::MALFORMED_PACKET,
            Self::Violation(violation) => violation.reason(),
        }
    }

    /// The identifier of the statement that was broken.
    pub const fn statement(self) -> &'static str {
        match self {
            Self::Malformed(fault) => fault.statement(),
            Self::Violation(fault) => fault.statement(),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(fault) => fault.fmt(f),
            Self::Violation(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for DecodeError {}

/// Why a packet cannot be written. The caller's doing: nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// It would be longer than MQTT allows: 268,435,455 bytes behind the fixed header, 65,535 in a string.
    TooLarge,
    /// The memory given is too small; so many bytes are needed.
    NoRoom(usize),
    /// 3.1.1 cannot say it: properties, subscription options, an AUTH or a reason code.
    NeedsV5,
    /// This build does not speak the version (features `v3`, `v5`, `v3_1`).
    NotBuiltIn,
    /// A PUBLISH with QoS 1 or 2 needs a packet identifier, one with QoS 0 has none and no DUP
    /// [MQTT-2.2.1-2] [MQTT-3.3.1-2].
    PacketId,
    /// The client identifier or the user name holds U+0000 [MQTT-1.5.4-2].
    Nul,
    /// A PUBLISH needs a topic, or in 5.0 a topic alias [U5-3.3.2.1-a]: the topic of a received PUBLISH may be empty.
    TopicEmpty,
    /// A password without a user name needs 5.0 [MQTT-3.1.2-22].
    PasswordAlone,
    /// SUBSCRIBE and UNSUBSCRIBE need a topic filter [MQTT-3.8.3-2] [MQTT-3.10.3-2].
    NoFilters,
    /// No Local may not stand on a shared subscription [MQTT-3.8.3-4].
    SharedNoLocal,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom(needed) => write!(f, "the packet needs {needed} bytes and was given less"),
            Self::TooLarge => f.write_str("the packet is larger than MQTT allows (256 MiB, 65,535 bytes a string)"),
            Self::NeedsV5 => f.write_str("MQTT 3.1.1 cannot say this: connect with 5.0, or leave it out"),
            Self::NotBuiltIn => f.write_str(
                "this build does not speak that version of MQTT (features `v3`, `v5`, `v3_1`): take another",
            ),
            Self::PacketId => f.write_str("a packet identifier belongs to QoS 1 and 2, and to them alone"),
            Self::Nul => f.write_str("the client identifier or user name holds U+0000, which MQTT forbids in strings"),
            Self::TopicEmpty => f.write_str("a PUBLISH needs a topic; a received one may have given only an alias"),
            Self::PasswordAlone => f.write_str("MQTT 3.1.1 has no password without a user name: give one, or use 5.0"),
            Self::NoFilters => f.write_str("give at least one topic filter"),
            Self::SharedNoLocal => f.write_str("No Local is not allowed on a shared subscription"),
        }
    }
}

impl core::error::Error for EncodeError {}
