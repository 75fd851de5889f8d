use crate::{Malformed, writer::Writer};

/// The largest Variable Byte Integer: four bytes of seven bits.
pub const VARIABLE_BYTE_INTEGER_MAX: u32 = 268_435_455;

/// How many bytes (1 to 4) `value` takes as a Variable Byte Integer [MQTT-1.5.5-1].
#[inline]
pub const fn variable_byte_integer_len(value: usize) -> usize {
    1 + (value > 0x7F) as usize + (value > 0x3FFF) as usize + (value > 0x1F_FFFF) as usize
}

/// Takes a Variable Byte Integer off the front. `Ok(None)`: it goes on behind the end of `input`.
///
/// A fifth byte, or a last byte that adds nothing, is malformed [MQTT-1.5.5-1] [U5-1.5.5-a].
#[inline]
pub(crate) fn read(input: &[u8]) -> Result<Option<(usize, &[u8])>, Malformed> {
    match input {
        [byte @ 0..=0x7F, rest @ ..] => Ok(Some((*byte as usize, rest))),
        _ => read_long(input),
    }
}

fn read_long(input: &[u8]) -> Result<Option<(usize, &[u8])>, Malformed> {
    let (mut value, mut shift, mut rest) = (0, 0, input);
    while shift < 28 {
        let Some((&byte, tail)) = rest.split_first() else { return Ok(None) };
        value |= ((byte & 0x7F) as usize) << shift;
        if byte < 0x80 {
            let padded = byte == 0 && shift > 0;
            return if padded { Err(Malformed::VariableByteInteger) } else { Ok(Some((value, tail))) };
        }
        (rest, shift) = (tail, shift + 7);
    }
    Err(Malformed::VariableByteInteger)
}

#[inline]
pub(crate) fn write(out: &mut Writer<'_>, mut value: usize) {
    while value > 0x7F {
        out.u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.u8(value as u8);
}
