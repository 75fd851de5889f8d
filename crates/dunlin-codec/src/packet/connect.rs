use core::fmt;

use super::{field_len, properties_len, text_len, write_properties};
use crate::{
    DecodeError, EncodeError, MAXIMUM_REMAINING_LENGTH, Malformed, PacketType, Properties, PropertyOwner,
    ProtocolViolation, Qos, TopicName, Version, copy_bytes, reader::Reader, text, variable_byte_integer_len, varint,
    writer::Writer,
};

/// CONNECT: the first packet of a connection [MQTT-3.1.0-1].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Connect<'a> {
    /// The version of this connection.
    pub version: Version,
    /// Begin without the session that the server may have kept; Clean Session in 3.1.1.
    pub clean_start: bool,
    /// Seconds within which the client sends something; 0: no limit.
    pub keep_alive: u16,
    /// Names the session. Empty: the server chooses.
    pub client_id: &'a str,
    /// What the server publishes when the connection breaks.
    pub will: Option<Will<'a>>,
    /// The user name; may be empty.
    pub user_name: Option<&'a str>,
    /// The password; any bytes. Without a user name in 5.0 only [MQTT-3.1.2-22].
    pub password: Option<&'a [u8]>,
    /// What the client allows and asks for.
    pub properties: Properties<'a>,
}

/// The message that the server publishes when the connection ends without a DISCONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Will<'a> {
    /// Where it is published.
    pub topic: TopicName<'a>,
    /// At most 65,535 bytes.
    pub payload: &'a [u8],
    /// How it is published.
    pub qos: Qos,
    /// Whether the server keeps it for later subscribers.
    pub retain: bool,
    /// Will Delay Interval and those of a message.
    pub properties: Properties<'a>,
}

impl<'a> Connect<'a> {
    /// A clean start without will, user name and password, with a keep alive of 60 s.
    pub const fn new(version: Version, client_id: &'a str) -> Self {
        Self {
            version,
            clean_start: true,
            keep_alive: 60,
            client_id,
            will: None,
            user_name: None,
            password: None,
            properties: Properties::NONE,
        }
    }

    /// Reads one from the bytes behind its fixed header; it tells its own version. An unknown protocol level is
    /// [`Malformed::ProtocolName`].
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let version = match (reader.binary(), reader.u8()) {
            (b"MQIsdp", 3) if Version::V3_1.is_built_in() => Version::V3_1,
            (b"MQTT", 4) if Version::V3_1_1.is_built_in() => Version::V3_1_1,
            (b"MQTT", 5) if Version::V5.is_built_in() => Version::V5,
            _ => {
                reader.fail(Malformed::ProtocolName.into());
                Version::V5
            }
        };
        let flags = reader.u8();
        let has = |flag| flags & flag != 0;
        let will_qos = Qos::from_u8(flags >> 3 & 3);
        let idle_will_bits = !has(WILL) && flags & (WILL_QOS | WILL_RETAIN) != 0;
        let lone_password = !version.is_v5() && has(PASSWORD) && !has(USER_NAME);
        if will_qos.is_none() || has(RESERVED) || idle_will_bits || lone_password {
            reader.fail(Malformed::ConnectFlags.into());
        }
        let keep_alive = reader.u16();
        let properties = Properties::read(version, &mut reader, PropertyOwner::Packet(PacketType::Connect));
        let client_id = reader.str();
        let will = match will_qos {
            Some(qos) if has(WILL) => {
                let properties = Properties::read(version, &mut reader, PropertyOwner::Will);
                let topic = reader.text();
                if topic.is_empty() {
                    reader.fail(ProtocolViolation::TopicEmpty.into());
                }
                if !text::is_topic(topic) {
                    reader.fail(ProtocolViolation::TopicWildcard.into());
                }
                let (topic, payload) = (TopicName::of_checked(topic), reader.binary());
                Some(Will { topic, payload, qos, retain: has(WILL_RETAIN), properties })
            }
            _ => None,
        };
        let user_name = has(USER_NAME).then(|| reader.str());
        let password = has(PASSWORD).then(|| reader.binary());
        let clean_start = has(CLEAN_START);
        reader.end(Self { version, clean_start, keep_alive, client_id, will, user_name, password, properties })
    }

    /// Writes it in its own version; see [`crate::Packet::encode`].
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        let (flags, remaining) = self.measure()?;
        let len = 1 + variable_byte_integer_len(remaining) + remaining;
        self.write(flags, remaining, &mut Writer::new(out.get_mut(..len).ok_or(EncodeError::NoRoom(len))?));
        Ok(len)
    }

    /// Writes what stands `from` bytes behind its front, as much of it as there is room for, and tells how much that is: a
    /// password may be longer than any buffer. 0: nothing is left, or there is no room.
    ///
    /// # Errors
    /// The caller is at fault, as with [`Connect::encode`].
    #[inline]
    pub fn encode_part(&self, from: usize, out: &mut [u8]) -> Result<usize, EncodeError> {
        let (flags, remaining) = self.measure()?;
        let room = out.len();
        let mut part = Part { skip: from, free: out };
        self.write(flags, remaining, &mut part);
        Ok(room.wrapping_sub(part.free.len()))
    }

    /// Its flags, and the bytes behind its fixed header.
    #[inline]
    fn measure(&self) -> Result<(u8, usize), EncodeError> {
        let version = self.version;
        if !version.is_built_in() {
            return Err(EncodeError::NotBuiltIn);
        }
        if self.password.is_some() && self.user_name.is_none() && !version.is_v5() {
            return Err(EncodeError::PasswordAlone);
        }
        let name = version.protocol_name();
        let mut remaining = 6 + name.len() + properties_len(version, self.properties)? + text_len(self.client_id)?;
        let mut flags = if self.clean_start { CLEAN_START } else { 0 };
        if let Some(will) = &self.will {
            if will.topic.is_empty() {
                return Err(EncodeError::TopicEmpty);
            }
            remaining += properties_len(version, will.properties)?
                + field_len(will.topic.as_bytes())?
                + field_len(will.payload)?;
            flags |= WILL | (will.qos as u8) << 3 | if will.retain { WILL_RETAIN } else { 0 };
        }
        if let Some(user_name) = self.user_name {
            remaining += text_len(user_name)?;
            flags |= USER_NAME;
        }
        if let Some(password) = self.password {
            remaining += field_len(password)?;
            flags |= PASSWORD;
        }
        if remaining > MAXIMUM_REMAINING_LENGTH { Err(EncodeError::TooLarge) } else { Ok((flags, remaining)) }
    }

    #[inline]
    fn write(&self, flags: u8, remaining: usize, out: &mut impl Sink) {
        let version = self.version;
        out.put(&[PacketType::Connect.first_byte()]);
        out.variable_byte_integer(remaining);
        out.binary(version.protocol_name());
        let [high, low] = self.keep_alive.to_be_bytes();
        out.put(&[version.level(), flags, high, low]);
        out.properties(version, self.properties);
        out.binary(self.client_id.as_bytes());
        if let Some(will) = &self.will {
            out.properties(version, will.properties);
            out.binary(will.topic.as_bytes());
            out.binary(will.payload);
        }
        if let Some(user_name) = self.user_name {
            out.binary(user_name.as_bytes());
        }
        if let Some(password) = self.password {
            out.binary(password);
        }
    }
}

/// What a packet is written to: as a whole, or a part of it.
trait Sink {
    fn put(&mut self, bytes: &[u8]);
    fn binary(&mut self, bytes: &[u8]);
    fn properties(&mut self, version: Version, properties: Properties<'_>);
    fn variable_byte_integer(&mut self, value: usize);
}

impl Sink for Writer<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.u8(*byte));
    }

    #[inline]
    fn binary(&mut self, bytes: &[u8]) {
        Writer::binary(self, bytes);
    }

    #[inline]
    fn properties(&mut self, version: Version, properties: Properties<'_>) {
        write_properties(version, properties, self);
    }

    #[inline]
    fn variable_byte_integer(&mut self, value: usize) {
        varint::write(self, value);
    }
}

/// Takes a part of a packet: what comes before it is passed over, what comes behind it is left out.
struct Part<'o> {
    skip: usize,
    free: &'o mut [u8],
}

impl Sink for Part<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let wanted = bytes.get(self.skip..).unwrap_or_default();
        self.skip = self.skip.saturating_sub(bytes.len());
        let len = wanted.len().min(self.free.len());
        let (taken, free) = core::mem::take(&mut self.free).split_at_mut_checked(len).unwrap_or_default();
        copy_bytes(taken, wanted);
        self.free = free;
    }

    fn binary(&mut self, bytes: &[u8]) {
        self.put(&(bytes.len() as u16).to_be_bytes());
        self.put(bytes);
    }

    fn properties(&mut self, version: Version, properties: Properties<'_>) {
        if version.is_v5() {
            self.variable_byte_integer(properties.as_bytes().len());
            self.put(properties.as_bytes());
        }
    }

    fn variable_byte_integer(&mut self, value: usize) {
        let mut bytes = [0; 4];
        varint::write(&mut Writer::new(&mut bytes), value);
        self.put(bytes.get(..variable_byte_integer_len(value)).unwrap_or_default());
    }
}

/// Does not show the password, nor the user name: with some servers a token is part of it.
impl fmt::Debug for Connect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("clean_start", &self.clean_start)
            .field("keep_alive", &self.keep_alive)
            .field("client_id", &self.client_id)
            .field("will", &self.will)
            .field("user_name", &self.user_name.map(|_| "..."))
            .field("password", &self.password.map(|_| "..."))
            .field("properties", &self.properties)
            .finish()
    }
}

const RESERVED: u8 = 0x01;
const CLEAN_START: u8 = 0x02;
const WILL: u8 = 0x04;
const WILL_QOS: u8 = 0x18;
const WILL_RETAIN: u8 = 0x20;
const PASSWORD: u8 = 0x40;
const USER_NAME: u8 = 0x80;
