use crate::writer::Writer;

/// The largest Variable Byte Integer: four bytes of seven bits.
pub const VARIABLE_BYTE_INTEGER_MAX: u32 = 268_435_455;

/// How many bytes (1 to 4) `value` takes as a Variable Byte Integer [MQTT-1.5.5-1].
#[inline]
pub const fn variable_byte_integer_len(value: usize) -> usize {
    1 + (value > 0x7F) as usize + (value > 0x3FFF) as usize + (value > 0x1F_FFFF) as usize
}

/// The Variable Byte Integer at the front of some bytes. (Two words are returned in registers.)
#[derive(Clone, Copy)]
pub(crate) struct Varint {
    pub(crate) value: usize,
    /// The bytes it takes, 1 to 4; 0: it goes on behind the end; [`MALFORMED`].
    pub(crate) len: usize,
}

/// The length of what is not one: a fifth byte, or a last byte that adds nothing [MQTT-1.5.5-1] [U5-1.5.5-a].
pub(crate) const MALFORMED: usize = 5;

/// Reads the one at the front of `input`.
#[inline]
pub(crate) fn read(input: &[u8]) -> Varint {
    match input {
        [byte @ 0..=0x7F, ..] if crate::MEMCPY => Varint { value: *byte as usize, len: 1 },
        _ => read_long(input),
    }
}

#[inline(never)]
fn read_long(input: &[u8]) -> Varint {
    let (mut value, mut shift) = (0, 0);
    for (len, &byte) in (1..MALFORMED).zip(input) {
        value |= ((byte & 0x7F) as usize) << shift;
        if byte < 0x80 {
            let padded = byte == 0 && shift > 0;
            return Varint { value, len: if padded { MALFORMED } else { len } };
        }
        shift += 7;
    }
    Varint { value: 0, len: if shift < 28 { 0 } else { MALFORMED } }
}

#[inline]
pub(crate) fn write(out: &mut Writer<'_>, mut value: usize) {
    while value > 0x7F {
        out.u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.u8(value as u8);
}
