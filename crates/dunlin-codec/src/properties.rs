mod property;
mod table;

pub use property::{Property, PropertyError, PropertyWriter};
pub use table::{PropertyId, PropertyOwner};

use core::fmt;

use crate::{
    DecodeError, MEMCPY, Malformed, ProtocolViolation, V5, Version, reader::Reader, text, varint, writer::Writer,
};
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
        if !V5 && !bytes.is_empty() {
            return Err(Malformed::PropertyId.into());
        }
        let mut reader = Reader::new(bytes);
        check(owner, &mut reader);
        reader.result(Self { bytes })
    }

    /// Bytes that were checked when they were first read or written.
    pub(crate) const fn of_checked(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Takes the length and the properties off the front of `reader`; 3.1.1 has neither.
    #[inline]
    pub(crate) fn read(version: Version, reader: &mut Reader<'a>, owner: PropertyOwner) -> Self {
        if MEMCPY { Self::read_here(version, reader, owner) } else { Self::read_there(version, reader, owner) }
    }

    /// A function of its own: a microcontroller has one copy for all packets.
    #[inline(never)]
    fn read_there(version: Version, reader: &mut Reader<'a>, owner: PropertyOwner) -> Self {
        Self::read_here(version, reader, owner)
    }

    #[inline]
    fn read_here(version: Version, reader: &mut Reader<'a>, owner: PropertyOwner) -> Self {
        if !version.is_v5() {
            return Self::NONE;
        }
        let len = reader.variable_byte_integer();
        let bytes = reader.take(len);
        if bytes.is_empty() {
            return Self::NONE;
        }
        let mut inside = Reader::new(bytes);
        check(owner, &mut inside);
        reader.fail_with(inside);
        Self { bytes }
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
        !V5 || self.bytes.is_empty()
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

    /// Where in [`Properties::as_bytes`] the first value of `id` begins.
    pub fn place(self, id: PropertyId) -> Option<usize> {
        if !V5 {
            return None;
        }
        let mut reader = Reader::new(self.bytes);
        while !reader.is_empty() {
            let found = reader.u8();
            if found == id as u8 {
                return Some(self.bytes.len().wrapping_sub(reader.rest().len()));
            }
            // Not by `next_raw`: with two callers it would be no part of either, and its result a `memcpy`.
            read_value(table::row(found.into())?.kind(), &mut reader, false);
        }
        None
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

/// Bytes that the property at the front of `bytes` takes, of which not all need be there; of a user property those up to
/// its value, a string more. 0: there is no such property. `None`: not enough is there to tell.
pub fn property_len(bytes: &[u8]) -> Option<usize> {
    let (&id, value) = bytes.split_first()?;
    let Some(row) = table::row(id.into()) else { return Some(0) };
    Some(match row.kind() {
        Kind::Flag => 2,
        Kind::U16 | Kind::U16NotZero | Kind::TopicAlias => 3,
        Kind::U32 | Kind::U32NotZero => 5,
        Kind::VariableNotZero => match varint::read(value).len {
            0 => return None,
            // What is wrong with it is found when it is read.
            len => 1 + len.min(4),
        },
        Kind::Binary | Kind::Text | Kind::Topic | Kind::Pair => {
            3 + value.first_chunk().copied().map(u16::from_be_bytes)? as usize
        }
    })
}

/// Reads every property and judges it.
fn check(owner: PropertyOwner, reader: &mut Reader<'_>) {
    let mut seen = table::Ids::default();
    while V5 && !reader.is_empty() {
        let id = reader.variable_byte_integer();
        let Some(row) = table::row(id).filter(|row| row.may_stand_in(owner)) else {
            return reader.fail(Malformed::PropertyId.into());
        };
        if !seen.insert(id) && !table::may_repeat(id, owner) {
            reader.fail(ProtocolViolation::DuplicateProperty.into());
        }
        read_value(row.kind(), reader, true);
    }
    if seen.has(PropertyId::AuthenticationData) && !seen.has(PropertyId::AuthenticationMethod) {
        reader.fail(ProtocolViolation::AuthenticationDataAlone.into());
    }
}

/// The next of properties that were checked: anything amiss would end the list.
fn next_raw<'a>(reader: &mut Reader<'a>) -> Option<(u8, Raw<'a>)> {
    if !V5 || reader.is_empty() {
        return None;
    }
    let id = reader.u8();
    Some((id, read_value(table::row(id.into())?.kind(), reader, false)))
}

/// Takes a value off the front. Its text is judged only if `check`, numbers always are.
fn read_value<'a>(kind: Kind, reader: &mut Reader<'a>, check: bool) -> Raw<'a> {
    let number = match kind {
        Kind::Flag => reader.u8().into(),
        Kind::U16 | Kind::U16NotZero | Kind::TopicAlias => reader.u16().into(),
        Kind::U32 | Kind::U32NotZero => (reader.u16() as u32) << 16 | reader.u16() as u32,
        Kind::VariableNotZero => reader.variable_byte_integer() as u32,
        Kind::Binary | Kind::Text | Kind::Topic | Kind::Pair => {
            let text = |reader: &mut Reader<'a>| match check && kind != Kind::Binary {
                true => reader.text(),
                false => reader.binary(),
            };
            let bytes = text(reader);
            if kind == Kind::Pair {
                return Raw::Pair(bytes, text(reader));
            }
            if check && kind == Kind::Topic && !text::is_topic(bytes) {
                reader.fail(ProtocolViolation::ResponseTopicWildcard.into());
            }
            return Raw::Bytes(bytes);
        }
    };
    let fault = match kind {
        Kind::Flag if number > 1 => ProtocolViolation::PropertyValue,
        Kind::TopicAlias if number == 0 => ProtocolViolation::TopicAliasZero,
        Kind::U16NotZero | Kind::U32NotZero | Kind::VariableNotZero if number == 0 => ProtocolViolation::PropertyValue,
        _ => return Raw::Number(number),
    };
    reader.fail(fault.into());
    Raw::Number(number)
}
