mod property;
mod table;

pub use property::{Property, PropertyError, PropertyWriter};
pub use table::{PropertyId, PropertyOwner};

use core::fmt;

use crate::{DecodeError, Malformed, ProtocolViolation, reader::Reader, text, varint, writer::Writer};
use table::Kind;

/// The properties of a packet: a slice of the packet, checked once and read on demand.
///
/// The check was: every identifier is known and allowed in this packet, none stands twice that may not, every value
/// is complete and in range, every string is UTF-8. A 3.1.1 packet has none. To write some, see [`PropertyWriter`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Properties<'a> {
    bytes: &'a [u8],
}

impl<'a> Properties<'a> {
    /// No properties.
    pub const NONE: Self = Self { bytes: &[] };

    /// Checks the properties of a packet, without the length before them.
    pub fn check(owner: PropertyOwner, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (mut reader, mut seen) = (Reader::new(bytes), table::Ids::default());
        while !reader.is_empty() {
            let id = reader.variable_byte_integer()?;
            let row = table::row(id).filter(|row| row.may_stand_in(owner)).ok_or(Malformed::PropertyId)?;
            if !seen.insert(id) && !table::may_repeat(id, owner) {
                return Err(ProtocolViolation::DuplicateProperty.into());
            }
            check_value(row.kind(), read_value(row.kind(), &mut reader)?)?;
        }
        if seen.has(PropertyId::AuthenticationData) && !seen.has(PropertyId::AuthenticationMethod) {
            return Err(ProtocolViolation::AuthenticationDataAlone.into());
        }
        Ok(Self { bytes })
    }

    /// Takes the length and the properties off the front of `reader`.
    #[inline]
    pub(crate) fn read(reader: &mut Reader<'a>, owner: PropertyOwner) -> Result<Self, DecodeError> {
        let len = reader.variable_byte_integer()?;
        let bytes = reader.take(len)?;
        if bytes.is_empty() { Ok(Self::NONE) } else { Self::check(owner, bytes) }
    }

    /// Bytes of the length and the properties together.
    #[inline]
    pub(crate) fn encoded_len(self) -> usize {
        crate::variable_byte_integer_len(self.bytes.len()).wrapping_add(self.bytes.len())
    }

    #[inline]
    pub(crate) fn write(self, out: &mut Writer<'_>) {
        varint::write(out, self.bytes.len());
        out.put(self.bytes);
    }

    /// Their bytes, without the length before them.
    #[inline]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Whether there are none.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// Them all, in the order of the wire, which for user properties means something [MQTT-3.3.2-18].
    pub const fn iter(self) -> PropertiesIter<'a> {
        PropertiesIter { rest: self.bytes }
    }

    /// The first value of `id`, if it is a number: integers as they are, flags as 0 and 1.
    pub fn number(self, id: PropertyId) -> Option<u32> {
        match self.find(id)? {
            Raw::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The first value of `id`, if it is a string.
    pub fn text(self, id: PropertyId) -> Option<&'a str> {
        core::str::from_utf8(self.binary(id)?).ok()
    }

    /// The first value of `id`, if it is a string or binary data, as bytes.
    pub fn binary(self, id: PropertyId) -> Option<&'a [u8]> {
        match self.find(id)? {
            Raw::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The user properties, in order; names may repeat [MQTT-3.3.2-17] [MQTT-3.3.2-18].
    pub fn user_properties(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.iter().filter_map(|property| match property {
            Property::UserProperty(name, value) => Some((name, value)),
            _ => None,
        })
    }

    fn find(self, id: PropertyId) -> Option<Raw<'a>> {
        let mut reader = Reader::new(self.bytes);
        while let Some((found, value)) = next_raw(&mut reader) {
            if found == id as u8 {
                return Some(value);
            }
        }
        None
    }
}

impl fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertiesIter<'a>;

    fn into_iter(self) -> PropertiesIter<'a> {
        self.iter()
    }
}

/// See [`Properties::iter`].
#[derive(Debug, Clone)]
pub struct PropertiesIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for PropertiesIter<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        let mut reader = Reader::new(self.rest);
        let (id, value) = next_raw(&mut reader)?;
        self.rest = reader.rest();
        Property::of_raw(id, value)
    }
}

/// A value before it has its name.
#[derive(Clone, Copy)]
pub(crate) enum Raw<'a> {
    Number(u32),
    Bytes(&'a [u8]),
    Pair(&'a [u8], &'a [u8]),
}

/// The next of properties that were checked: anything amiss would end the list.
fn next_raw<'a>(reader: &mut Reader<'a>) -> Option<(u8, Raw<'a>)> {
    let id = reader.u8().ok()?;
    let value = read_value(table::row(id.into())?.kind(), reader).ok()?;
    Some((id, value))
}

fn read_value<'a>(kind: Kind, reader: &mut Reader<'a>) -> Result<Raw<'a>, Malformed> {
    Ok(match kind {
        Kind::Flag => Raw::Number(reader.u8()?.into()),
        Kind::U16 | Kind::U16NotZero | Kind::TopicAlias => Raw::Number(reader.u16()?.into()),
        Kind::U32 | Kind::U32NotZero => Raw::Number(reader.u32()?),
        Kind::VariableNotZero => Raw::Number(reader.variable_byte_integer()? as u32),
        Kind::Binary | Kind::Text | Kind::Topic => Raw::Bytes(reader.binary()?),
        Kind::Pair => Raw::Pair(reader.binary()?, reader.binary()?),
    })
}

fn check_value(kind: Kind, value: Raw<'_>) -> Result<(), DecodeError> {
    let fault = match (kind, value) {
        (Kind::Flag, Raw::Number(2..)) => ProtocolViolation::PropertyValue,
        (Kind::TopicAlias, Raw::Number(0)) => ProtocolViolation::TopicAliasZero,
        (Kind::U16NotZero | Kind::U32NotZero | Kind::VariableNotZero, Raw::Number(0)) => {
            ProtocolViolation::PropertyValue
        }
        (Kind::Text | Kind::Topic, Raw::Bytes(bytes)) if !text::is_text(bytes) => return Err(Malformed::Text.into()),
        (Kind::Topic, Raw::Bytes(topic)) if !text::is_topic(topic) => ProtocolViolation::ResponseTopicWildcard,
        (Kind::Pair, Raw::Pair(name, value)) if !(text::is_text(name) && text::is_text(value)) => {
            return Err(Malformed::Text.into());
        }
        _ => return Ok(()),
    };
    Err(fault.into())
}
