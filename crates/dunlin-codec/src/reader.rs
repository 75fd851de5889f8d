use crate::{DecodeError, Malformed, PacketId, ProtocolViolation, text, varint};

/// Takes fields off the front of a packet's bytes.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    #[inline]
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.rest.split_first().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(byte)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    #[inline]
    pub(crate) fn variable_byte_integer(&mut self) -> Result<usize, Malformed> {
        let (value, rest) = varint::read(self.rest)?.ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(value)
    }

    /// Binary Data: a two byte length, then the bytes.
    #[inline]
    pub(crate) fn binary(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.u16()?;
        self.take(len as usize)
    }

    /// The bytes of a UTF-8 Encoded String, checked [MQTT-1.5.4-1] [MQTT-1.5.4-2].
    pub(crate) fn text(&mut self) -> Result<&'a [u8], Malformed> {
        let bytes = self.binary()?;
        if text::is_text(bytes) { Ok(bytes) } else { Err(Malformed::Text) }
    }

    /// A UTF-8 Encoded String.
    pub(crate) fn str(&mut self) -> Result<&'a str, Malformed> {
        let bytes = self.text()?;
        core::str::from_utf8(bytes).map_err(|_| Malformed::Text)
    }

    #[inline]
    pub(crate) fn packet_id(&mut self) -> Result<PacketId, DecodeError> {
        PacketId::new(self.u16()?).ok_or(ProtocolViolation::PacketIdZero.into())
    }

    /// Every byte of the packet belongs to a field.
    #[inline]
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::TrailingBytes) }
    }
}
