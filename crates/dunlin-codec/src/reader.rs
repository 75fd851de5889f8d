use crate::{
    DecodeError, Malformed, PacketId, ProtocolViolation, text,
    varint::{self, MALFORMED, Varint},
};

/// Takes fields off the front of a packet's bytes.
///
/// The first fault is kept, and behind it there is nothing left to read: every later field is empty or 0. So a packet is
/// read without a branch for each of its fields, and [`Reader::result`] or [`Reader::end`] tell at last what was wrong.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    fault: Option<DecodeError>,
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest, fault: None }
    }

    #[inline]
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Also after a fault.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is wrong with the packet, unless that is known already.
    #[cold]
    #[inline(never)]
    pub(crate) fn fail(&mut self, fault: DecodeError) {
        self.fault = self.fault.or(Some(fault));
        self.rest = &[];
    }

    /// As the reader of a part of the packet did, if it did.
    #[inline]
    pub(crate) fn fail_with(&mut self, part: Reader<'_>) {
        if let Some(fault) = part.fault {
            self.fail(fault);
        }
    }

    #[cold]
    #[inline(never)]
    fn fail_truncated(&mut self) {
        self.fail(Malformed::Truncated.into());
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        match self.rest.split_at_checked(len) {
            Some((taken, rest)) => {
                self.rest = rest;
                taken
            }
            None => {
                self.fail_truncated();
                &[]
            }
        }
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> u8 {
        match self.rest.split_first() {
            Some((&byte, rest)) => {
                self.rest = rest;
                byte
            }
            None => {
                self.fail_truncated();
                0
            }
        }
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> u16 {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                u16::from_be_bytes(*bytes)
            }
            None => {
                self.fail_truncated();
                0
            }
        }
    }

    #[inline]
    pub(crate) fn variable_byte_integer(&mut self) -> usize {
        let Varint { value, len } = varint::read(self.rest);
        match len {
            0 => self.fail_truncated(),
            MALFORMED => self.fail(Malformed::VariableByteInteger.into()),
            _ => self.rest = self.rest.get(len..).unwrap_or_default(),
        }
        value
    }

    /// Binary Data: a two byte length, then the bytes.
    #[inline]
    pub(crate) fn binary(&mut self) -> &'a [u8] {
        let len = self.u16();
        self.take(len as usize)
    }

    /// The bytes of a UTF-8 Encoded String, checked [MQTT-1.5.4-1] [MQTT-1.5.4-2].
    pub(crate) fn text(&mut self) -> &'a [u8] {
        let bytes = self.binary();
        if !text::is_text(bytes) {
            self.fail(Malformed::Text.into());
        }
        bytes
    }

    /// A UTF-8 Encoded String.
    pub(crate) fn str(&mut self) -> &'a str {
        core::str::from_utf8(self.text()).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn packet_id(&mut self) -> PacketId {
        match PacketId::new(self.u16()) {
            Some(id) => id,
            None => {
                self.fail(ProtocolViolation::PacketIdZero.into());
                PacketId::FIRST
            }
        }
    }

    /// The packet that was read, unless there was a fault.
    #[inline]
    pub(crate) fn result<T>(self, packet: T) -> Result<T, DecodeError> {
        match self.fault {
            None => Ok(packet),
            Some(fault) => Err(fault),
        }
    }

    /// As [`Reader::result`]; every byte must belong to a field.
    #[inline]
    pub(crate) fn end<T>(mut self, packet: T) -> Result<T, DecodeError> {
        if !self.rest.is_empty() {
            self.fail(Malformed::TrailingBytes.into());
        }
        self.result(packet)
    }
}
