mod ack;
mod auth;
mod connack;
mod connect;
mod disconnect;
mod publish;
mod suback;
mod subscribe;
mod unsubscribe;

pub use ack::Ack;
pub use auth::Auth;
pub use connack::Connack;
pub use connect::{Connect, Will};
pub use disconnect::Disconnect;
pub use publish::{Publish, PublishHead};
pub use suback::{Suback, Unsuback};
pub use subscribe::{Filters, Subscribe, SubscriptionFilter, SubscriptionOptions};
pub use unsubscribe::{Unsubscribe, UnsubscribeFilters};

use crate::{
    DecodeError, EncodeError, FixedHeader, MAXIMUM_REMAINING_LENGTH, PacketType, Properties, TextError, Version,
    check_text, reader::Reader, variable_byte_integer_len, varint, writer::Writer,
};

/// What [`decode`] found at the front of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// The packet is not all there: call again with at least so many bytes.
    Incomplete {
        /// Bytes that the packet needs, as far as can be told yet; always more than there were.
        needed: usize,
    },
    /// A whole packet.
    Packet {
        /// The packet, which borrows the input.
        packet: Packet<'a>,
        /// Bytes that it took off the front of the input.
        consumed: usize,
    },
}

/// Reads the packet at the front of `input`. Nothing is copied; the time taken is bounded by the packet's length.
///
/// A CONNECT tells its own version; every other packet is read as one of `version`.
///
/// # Errors
/// The peer is at fault; see [`DecodeError`]. Nothing behind a packet that failed can be read.
pub fn decode(version: Version, input: &[u8]) -> Result<Decoded<'_>, DecodeError> {
    let Some(header) = FixedHeader::read(input)? else {
        return incomplete(version, input, input.len().saturating_add(1).max(2));
    };
    let needed = header.packet_len();
    let Some(body) = input.get(header.len..needed) else { return incomplete(version, input, needed) };
    let packet = Packet::decode(version, header.first_byte, body)?;
    Ok(Decoded::Packet { packet, consumed: needed })
}

/// What is no packet fails at its first byte, rather than after a wait for a length that means nothing: so an HTTP
/// server on the other side is told at once.
fn incomplete<'a>(version: Version, input: &[u8], needed: usize) -> Result<Decoded<'a>, DecodeError> {
    if let Some(&first_byte) = input.first() {
        PacketType::from_first_byte(version, first_byte)?;
    }
    Ok(Decoded::Incomplete { needed })
}

/// A control packet whose contents borrow the bytes it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the standard's own names; each type says what it is")]
pub enum Packet<'a> {
    Connect(Connect<'a>),
    Connack(Connack<'a>),
    Publish(Publish<'a>),
    Puback(Ack<'a>),
    Pubrec(Ack<'a>),
    Pubrel(Ack<'a>),
    Pubcomp(Ack<'a>),
    Subscribe(Subscribe<'a>),
    Suback(Suback<'a>),
    Unsubscribe(Unsubscribe<'a>),
    Unsuback(Unsuback<'a>),
    Pingreq,
    Pingresp,
    Disconnect(Disconnect<'a>),
    Auth(Auth<'a>),
}

impl<'a> Packet<'a> {
    /// Reads a packet from its first byte and the bytes behind its fixed header.
    pub fn decode(version: Version, first_byte: u8, body: &'a [u8]) -> Result<Self, DecodeError> {
        let packet_type = PacketType::from_first_byte(version, first_byte)?;
        let ack = || Ack::decode(version, packet_type, body);
        Ok(match packet_type {
            PacketType::Connect => Self::Connect(Connect::decode(body)?),
            PacketType::Connack => Self::Connack(Connack::decode(version, body)?),
            PacketType::Publish => Self::Publish(Publish::decode(version, first_byte, body)?),
            PacketType::Puback => Self::Puback(ack()?),
            PacketType::Pubrec => Self::Pubrec(ack()?),
            PacketType::Pubrel => Self::Pubrel(ack()?),
            PacketType::Pubcomp => Self::Pubcomp(ack()?),
            PacketType::Subscribe => Self::Subscribe(Subscribe::decode(version, body)?),
            PacketType::Suback => Self::Suback(Suback::decode(version, body)?),
            PacketType::Unsubscribe => Self::Unsubscribe(Unsubscribe::decode(version, body)?),
            PacketType::Unsuback => Self::Unsuback(Unsuback::decode(version, body)?),
            PacketType::Pingreq => empty(body).map(|()| Self::Pingreq)?,
            PacketType::Pingresp => empty(body).map(|()| Self::Pingresp)?,
            PacketType::Disconnect => Self::Disconnect(Disconnect::decode(version, body)?),
            PacketType::Auth => Self::Auth(Auth::decode(body)?),
        })
    }

    /// Its type.
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::Connack(_) => PacketType::Connack,
            Self::Publish(_) => PacketType::Publish,
            Self::Puback(_) => PacketType::Puback,
            Self::Pubrec(_) => PacketType::Pubrec,
            Self::Pubrel(_) => PacketType::Pubrel,
            Self::Pubcomp(_) => PacketType::Pubcomp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::Suback(_) => PacketType::Suback,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::Unsuback(_) => PacketType::Unsuback,
            Self::Pingreq => PacketType::Pingreq,
            Self::Pingresp => PacketType::Pingresp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }

    /// Writes the packet to the front of `out` in its shortest legal form and tells its length. A CONNECT is written
    /// in its own version.
    ///
    /// # Errors
    /// The caller is at fault; nothing was written. [`EncodeError::NoRoom`] tells the exact length.
    pub fn encode(&self, version: Version, out: &mut [u8]) -> Result<usize, EncodeError> {
        match self {
            Self::Connect(connect) => connect.encode(out),
            Self::Connack(connack) => connack.encode(version, out),
            Self::Publish(publish) => publish.encode(version, out),
            Self::Puback(ack) | Self::Pubrec(ack) | Self::Pubrel(ack) | Self::Pubcomp(ack) => {
                ack.encode(version, self.packet_type(), out)
            }
            Self::Subscribe(subscribe) => subscribe.encode(version, out),
            Self::Suback(suback) => suback.encode(version, out),
            Self::Unsubscribe(unsubscribe) => unsubscribe.encode(version, out),
            Self::Unsuback(unsuback) => unsuback.encode(version, out),
            Self::Pingreq | Self::Pingresp => begin(out, self.packet_type().first_byte(), 0).map(|(_, len)| len),
            Self::Disconnect(disconnect) => disconnect.encode(version, out),
            Self::Auth(auth) => auth.encode(version, out),
        }
    }

    /// The exact length that [`Packet::encode`] will write.
    pub fn encoded_len(&self, version: Version) -> Result<usize, EncodeError> {
        match self.encode(version, &mut []) {
            Err(EncodeError::NoRoom(len)) => Ok(len),
            other => other,
        }
    }
}

/// Writes a fixed header, if `out` has room for the whole packet, and gives the rest of `out` and the packet's length.
#[inline]
fn begin(out: &mut [u8], first_byte: u8, remaining_length: usize) -> Result<(Writer<'_>, usize), EncodeError> {
    if remaining_length > MAXIMUM_REMAINING_LENGTH {
        return Err(EncodeError::TooLarge);
    }
    let len = 1 + variable_byte_integer_len(remaining_length) + remaining_length;
    let mut writer = Writer::new(out.get_mut(..len).ok_or(EncodeError::NoRoom(len))?);
    writer.u8(first_byte);
    varint::write(&mut writer, remaining_length);
    Ok((writer, len))
}

/// Bytes of the property section: none in 3.1.1, which cannot say properties.
#[inline]
fn properties_len(version: Version, properties: Properties<'_>) -> Result<usize, EncodeError> {
    if version.is_v5() {
        Ok(properties.encoded_len())
    } else if properties.is_empty() {
        Ok(0)
    } else {
        Err(EncodeError::NeedsV5)
    }
}

#[inline]
fn write_properties(version: Version, properties: Properties<'_>, out: &mut Writer<'_>) {
    if version.is_v5() {
        properties.write(out);
    }
}

/// Bytes of a string field that has no type of its own.
fn text_len(text: &str) -> Result<usize, EncodeError> {
    match check_text(text) {
        Err(TextError::Nul) => Err(EncodeError::Nul),
        _ => field_len(text.as_bytes()),
    }
}

/// Bytes of a string or binary field.
#[inline]
fn field_len(bytes: &[u8]) -> Result<usize, EncodeError> {
    if bytes.len() > 0xFFFF { Err(EncodeError::TooLarge) } else { Ok(2 + bytes.len()) }
}

fn empty(body: &[u8]) -> Result<(), DecodeError> {
    Reader::new(body).end(())
}
