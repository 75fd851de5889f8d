use core::fmt;

use super::{Properties, PropertyId, PropertyOwner, Raw};
use crate::{DecodeError, TextError, VARIABLE_BYTE_INTEGER_MAX, check_text, text, varint, writer::Writer};

/// One property with its value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Property<'a> {
    /// The payload is UTF-8.
    PayloadFormatIndicator(bool),
    /// Seconds after which the server drops a message that it has not begun to deliver.
    MessageExpiryInterval(u32),
    /// A description of the payload, such as a media type.
    ContentType(&'a str),
    /// Where to publish the response to.
    ResponseTopic(&'a str),
    /// What the response must carry so that its request is found.
    CorrelationData(&'a [u8]),
    /// The number given to the subscription that this message came for: 1 to 268,435,455.
    SubscriptionIdentifier(u32),
    /// Seconds that the session outlives its connection; `u32::MAX`: for ever.
    SessionExpiryInterval(u32),
    /// The client identifier that the server chose.
    AssignedClientIdentifier(&'a str),
    /// The Keep Alive that the server demands, in seconds.
    ServerKeepAlive(u16),
    /// The name of the authentication method.
    AuthenticationMethod(&'a str),
    /// What the authentication method exchanges.
    AuthenticationData(&'a [u8]),
    /// Whether reason strings and user properties are wanted in acknowledgements.
    RequestProblemInformation(bool),
    /// Seconds the server waits before it publishes the will.
    WillDelayInterval(u32),
    /// Whether Response Information is wanted in CONNACK.
    RequestResponseInformation(bool),
    /// What to make a response topic from.
    ResponseInformation(&'a str),
    /// Another server to use.
    ServerReference(&'a str),
    /// A sentence for people.
    ReasonString(&'a str),
    /// How many QoS 1 and 2 messages the sender takes at once: 1 to 65,535.
    ReceiveMaximum(u16),
    /// The highest topic alias the sender takes.
    TopicAliasMaximum(u16),
    /// The number that stands for the topic: 1 and above.
    TopicAlias(u16),
    /// The highest QoS the server takes: `false` 0, `true` 1.
    MaximumQos(bool),
    /// Whether the server keeps retained messages.
    RetainAvailable(bool),
    /// A name and a value.
    UserProperty(&'a str, &'a str),
    /// The largest packet the sender takes, in bytes: 1 and above.
    MaximumPacketSize(u32),
    /// Whether the server has wildcard subscriptions.
    WildcardSubscriptionAvailable(bool),
    /// Whether the server has subscription identifiers.
    SubscriptionIdentifierAvailable(bool),
    /// Whether the server has shared subscriptions.
    SharedSubscriptionAvailable(bool),
}

impl<'a> Property<'a> {
    /// Its identifier.
    pub const fn id(self) -> PropertyId {
        self.parts().0
    }

    /// Bytes it takes on the wire, its identifier included.
    pub fn encoded_len(self) -> usize {
        1 + match self.parts().1 {
            Form::Byte(_) => 1,
            Form::U16(_) => 2,
            Form::U32(_) => 4,
            Form::Variable(value) => crate::variable_byte_integer_len(value as usize),
            Form::Bytes(bytes) => 2 + bytes.len(),
            Form::Pair(name, value) => 4 + name.len() + value.len(),
        }
    }

    /// Writes it to the front of `out` and tells how many bytes that took.
    pub fn encode(self, out: &mut [u8]) -> Result<usize, PropertyError> {
        self.check()?;
        let len = self.encoded_len();
        let mut writer = Writer::new(out.get_mut(..len).ok_or(PropertyError::NoRoom)?);
        let (id, form) = self.parts();
        writer.u8(id as u8);
        match form {
            Form::Byte(value) => writer.u8(value.into()),
            Form::U16(value) => writer.u16(value),
            Form::U32(value) => writer.put(&value.to_be_bytes()),
            Form::Variable(value) => varint::write(&mut writer, value as usize),
            Form::Bytes(bytes) => writer.binary(bytes),
            Form::Pair(name, value) => {
                writer.binary(name.as_bytes());
                writer.binary(value.as_bytes());
            }
        }
        Ok(len)
    }

    /// Whether the value may be sent.
    pub fn check(self) -> Result<(), PropertyError> {
        match self {
            Self::ReceiveMaximum(0) | Self::MaximumPacketSize(0) | Self::TopicAlias(0) => Err(PropertyError::Zero),
            Self::SubscriptionIdentifier(id) if id == 0 || id > VARIABLE_BYTE_INTEGER_MAX => Err(PropertyError::Zero),
            Self::CorrelationData(bytes) | Self::AuthenticationData(bytes) if bytes.len() > 0xFFFF => {
                Err(PropertyError::Text(TextError::TooLong))
            }
            Self::ResponseTopic(topic) if !topic.contains('\0') && !text::is_topic(topic.as_bytes()) => {
                Err(PropertyError::ResponseTopicWildcard)
            }
            Self::UserProperty(name, value) => {
                check_text(name).and_then(|()| check_text(value)).map_err(PropertyError::Text)
            }
            Self::ContentType(text)
            | Self::ResponseTopic(text)
            | Self::AssignedClientIdentifier(text)
            | Self::AuthenticationMethod(text)
            | Self::ResponseInformation(text)
            | Self::ServerReference(text)
            | Self::ReasonString(text) => check_text(text).map_err(PropertyError::Text),
            _ => Ok(()),
        }
    }

    const fn parts(self) -> (PropertyId, Form<'a>) {
        use PropertyId as Id;
        match self {
            Self::PayloadFormatIndicator(value) => (Id::PayloadFormatIndicator, Form::Byte(value)),
            Self::MessageExpiryInterval(value) => (Id::MessageExpiryInterval, Form::U32(value)),
            Self::ContentType(value) => (Id::ContentType, Form::Bytes(value.as_bytes())),
            Self::ResponseTopic(value) => (Id::ResponseTopic, Form::Bytes(value.as_bytes())),
            Self::CorrelationData(value) => (Id::CorrelationData, Form::Bytes(value)),
            Self::SubscriptionIdentifier(value) => (Id::SubscriptionIdentifier, Form::Variable(value)),
            Self::SessionExpiryInterval(value) => (Id::SessionExpiryInterval, Form::U32(value)),
            Self::AssignedClientIdentifier(value) => (Id::AssignedClientIdentifier, Form::Bytes(value.as_bytes())),
            Self::ServerKeepAlive(value) => (Id::ServerKeepAlive, Form::U16(value)),
            Self::AuthenticationMethod(value) => (Id::AuthenticationMethod, Form::Bytes(value.as_bytes())),
            Self::AuthenticationData(value) => (Id::AuthenticationData, Form::Bytes(value)),
            Self::RequestProblemInformation(value) => (Id::RequestProblemInformation, Form::Byte(value)),
            Self::WillDelayInterval(value) => (Id::WillDelayInterval, Form::U32(value)),
            Self::RequestResponseInformation(value) => (Id::RequestResponseInformation, Form::Byte(value)),
            Self::ResponseInformation(value) => (Id::ResponseInformation, Form::Bytes(value.as_bytes())),
            Self::ServerReference(value) => (Id::ServerReference, Form::Bytes(value.as_bytes())),
            Self::ReasonString(value) => (Id::ReasonString, Form::Bytes(value.as_bytes())),
            Self::ReceiveMaximum(value) => (Id::ReceiveMaximum, Form::U16(value)),
            Self::TopicAliasMaximum(value) => (Id::TopicAliasMaximum, Form::U16(value)),
            Self::TopicAlias(value) => (Id::TopicAlias, Form::U16(value)),
            Self::MaximumQos(value) => (Id::MaximumQos, Form::Byte(value)),
            Self::RetainAvailable(value) => (Id::RetainAvailable, Form::Byte(value)),
            Self::UserProperty(name, value) => (Id::UserProperty, Form::Pair(name, value)),
            Self::MaximumPacketSize(value) => (Id::MaximumPacketSize, Form::U32(value)),
            Self::WildcardSubscriptionAvailable(value) => (Id::WildcardSubscriptionAvailable, Form::Byte(value)),
            Self::SubscriptionIdentifierAvailable(value) => (Id::SubscriptionIdentifierAvailable, Form::Byte(value)),
            Self::SharedSubscriptionAvailable(value) => (Id::SharedSubscriptionAvailable, Form::Byte(value)),
        }
    }

    /// Names a value that was checked before.
    pub(super) fn of_raw(id: u8, value: Raw<'a>) -> Option<Self> {
        match value {
            Raw::Number(number) => Self::of_number(id, number),
            Raw::Bytes(bytes) => Self::of_bytes(id, bytes),
            Raw::Pair(name, value) => {
                Some(Self::UserProperty(core::str::from_utf8(name).ok()?, core::str::from_utf8(value).ok()?))
            }
        }
    }

    fn of_number(id: u8, number: u32) -> Option<Self> {
        let flag = number != 0;
        Some(match id {
            0x01 => Self::PayloadFormatIndicator(flag),
            0x02 => Self::MessageExpiryInterval(number),
            0x0B => Self::SubscriptionIdentifier(number),
            0x11 => Self::SessionExpiryInterval(number),
            0x13 => Self::ServerKeepAlive(number as u16),
            0x17 => Self::RequestProblemInformation(flag),
            0x18 => Self::WillDelayInterval(number),
            0x19 => Self::RequestResponseInformation(flag),
            0x21 => Self::ReceiveMaximum(number as u16),
            0x22 => Self::TopicAliasMaximum(number as u16),
            0x23 => Self::TopicAlias(number as u16),
            0x24 => Self::MaximumQos(flag),
            0x25 => Self::RetainAvailable(flag),
            0x27 => Self::MaximumPacketSize(number),
            0x28 => Self::WildcardSubscriptionAvailable(flag),
            0x29 => Self::SubscriptionIdentifierAvailable(flag),
            0x2A => Self::SharedSubscriptionAvailable(flag),
            _ => return None,
        })
    }

    fn of_bytes(id: u8, bytes: &'a [u8]) -> Option<Self> {
        match id {
            0x09 => return Some(Self::CorrelationData(bytes)),
            0x16 => return Some(Self::AuthenticationData(bytes)),
            _ => {}
        }
        let text = core::str::from_utf8(bytes).ok()?;
        Some(match id {
            0x03 => Self::ContentType(text),
            0x08 => Self::ResponseTopic(text),
            0x12 => Self::AssignedClientIdentifier(text),
            0x15 => Self::AuthenticationMethod(text),
            0x1A => Self::ResponseInformation(text),
            0x1C => Self::ServerReference(text),
            0x1F => Self::ReasonString(text),
            _ => return None,
        })
    }
}

/// Does not show authentication data.
impl fmt::Debug for Property<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, form) = self.parts();
        write!(f, "{id:?}(")?;
        match (self, form) {
            (Self::AuthenticationData(_), _) => f.write_str("..."),
            (Self::CorrelationData(data), _) => write!(f, "{data:?}"),
            (_, Form::Byte(value)) => write!(f, "{value}"),
            (_, Form::U16(value)) => write!(f, "{value}"),
            (_, Form::U32(value) | Form::Variable(value)) => write!(f, "{value}"),
            (_, Form::Bytes(text)) => write!(f, "{:?}", core::str::from_utf8(text).unwrap_or_default()),
            (_, Form::Pair(name, value)) => write!(f, "{name:?}, {value:?}"),
        }?;
        f.write_str(")")
    }
}

/// How a value is written.
enum Form<'a> {
    Byte(bool),
    U16(u16),
    U32(u32),
    Variable(u32),
    Bytes(&'a [u8]),
    Pair(&'a str, &'a str),
}

/// Writes properties for a packet into memory of the caller.
///
/// ```
/// use dunlin_codec::{PacketType, Property, PropertyOwner, PropertyWriter};
///
/// let mut memory = [0; 32];
/// let properties = PropertyWriter::new(PropertyOwner::Packet(PacketType::Publish), &mut memory)
///     .push(Property::ContentType("text/plain"))?
///     .push(Property::MessageExpiryInterval(60))?
///     .finish()?;
/// assert_eq!(properties.iter().count(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the properties are made by `finish`"]
pub struct PropertyWriter<'a> {
    owner: PropertyOwner,
    memory: &'a mut [u8],
    len: usize,
}

impl<'a> PropertyWriter<'a> {
    /// Begins at the front of `memory`.
    pub fn new(owner: PropertyOwner, memory: &'a mut [u8]) -> Self {
        Self { owner, memory, len: 0 }
    }

    /// Adds `property` at the end.
    pub fn push(mut self, property: Property<'_>) -> Result<Self, PropertyError> {
        let free = self.memory.get_mut(self.len..).unwrap_or_default();
        self.len = self.len.saturating_add(property.encode(free)?);
        Ok(self)
    }

    /// Checks that all of them may stand together in this packet.
    pub fn finish(self) -> Result<Properties<'a>, PropertyError> {
        let bytes = self.memory.get(..self.len).unwrap_or_default();
        Properties::check(self.owner, bytes).map_err(PropertyError::NotAllowed)
    }
}

/// Why a property cannot be sent. The caller's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PropertyError {
    /// The memory given is full.
    NoRoom,
    /// The value is 0, or above the largest allowed, where the standard forbids it [U5-3.1.2.11-a] [MQTT-3.3.2-8]
    /// [U5-3.8.2.1.2-a].
    Zero,
    /// The string or data may not be sent.
    Text(TextError),
    /// A Response Topic has a wildcard [MQTT-3.3.2-14].
    ResponseTopicWildcard,
    /// It may not stand in this packet, or not beside another one there.
    NotAllowed(DecodeError),
}

impl fmt::Display for PropertyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom => f.write_str("the memory for properties is full"),
            Self::Zero => f.write_str("the value of the property is out of range"),
            Self::Text(error) => write!(f, "the value of the property {error}"),
            Self::ResponseTopicWildcard => f.write_str("a response topic holds '#' or '+'"),
            Self::NotAllowed(error) => {
                write!(f, "the property may not stand in this packet [{}]", error.statement())
            }
        }
    }
}

impl core::error::Error for PropertyError {}

#[cfg(test)]
mod tests {
    use std::{fmt::Write, string::String};

    use super::*;
    use crate::properties::{
        property_len,
        table::{self, Kind},
    };

    #[test]
    fn a_number_a_string_and_a_pair_have_a_name_exactly_if_the_table_says_so() {
        for id in 0..=0xFF_u8 {
            let kind = table::row(id.into()).map(table::Row::kind);
            let is_bytes = matches!(kind, Some(Kind::Binary | Kind::Text | Kind::Topic));
            let is_number = kind.is_some_and(|kind| !is_bytes && kind != Kind::Pair);
            for (raw, expected) in [(Raw::Number(1), is_number), (Raw::Bytes(b"a"), is_bytes)] {
                let named = Property::of_raw(id, raw);
                assert_eq!(named.is_some(), expected, "0x{id:02X}");
                assert!(named.is_none_or(|property| property.id() as u8 == id), "0x{id:02X}");
            }
        }
        let pair = Property::of_raw(PropertyId::UserProperty as u8, Raw::Pair(b"a", b"b"));
        assert_eq!(pair, Some(Property::UserProperty("a", "b")));
        assert_eq!(pair.map(Property::id), Some(PropertyId::UserProperty));
    }

    /// Each property tells its length as soon as the bytes are there that say it, and not before.
    #[test]
    fn the_length_of_a_property_is_told_by_its_front() {
        for id in 0..=0xFF_u8 {
            let kind = table::row(id.into()).map(table::Row::kind);
            let (value, says_it): (&[u8], usize) = match kind {
                None => (b"", 0),
                Some(Kind::Flag) => (b"\x01", 0),
                Some(Kind::U16 | Kind::U16NotZero | Kind::TopicAlias) => (b"\x03\x03", 0),
                Some(Kind::U32 | Kind::U32NotZero) => (b"\x03\x03\x03\x03", 0),
                Some(Kind::VariableNotZero) => (b"\x83\x83\x03", 3),
                Some(Kind::Binary | Kind::Text | Kind::Topic | Kind::Pair) => (b"\0\x03abc", 2),
            };
            let bytes: std::vec::Vec<u8> = [&[id], value].concat();
            let len = if kind.is_some() { bytes.len() } else { 0 };
            for there in 0..=bytes.len() {
                let expected = (there > says_it).then_some(len);
                assert_eq!(property_len(&bytes[..there]), expected, "{there} bytes of 0x{id:02X}");
            }
        }
        assert_eq!(property_len(b"\x0B\xFF\xFF\xFF\xFF\xFF"), Some(5), "it is wrong, which is found when it is read");
    }

    #[test]
    fn what_cannot_be_shown_is_an_error() {
        /// Takes so many more strings.
        struct Takes(usize);

        impl Write for Takes {
            fn write_str(&mut self, _: &str) -> fmt::Result {
                self.0 = self.0.checked_sub(1).ok_or(fmt::Error)?;
                Ok(())
            }
        }

        let property = Property::AuthenticationData(b"a");
        let mut text = String::new();
        assert!(write!(text, "{property:?}").is_ok());
        assert_eq!(text, "AuthenticationData(...)");
        assert!((0..4).all(|strings| write!(Takes(strings), "{property:?}").is_err()));
    }
}
