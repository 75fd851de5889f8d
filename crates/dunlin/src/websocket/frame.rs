//! The head of a frame (RFC 6455 section 5.2), and masks.

use super::WebSocketViolation;

/// The kinds of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

impl Opcode {
    fn new(code: u8) -> Result<Self, WebSocketViolation> {
        Ok(match code {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return Err(WebSocketViolation::Opcode(code)),
        })
    }

    pub(super) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The head of a frame that a server sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The last frame of its message.
    pub(super) last: bool,
    pub(super) opcode: Opcode,
    /// Bytes of payload behind it.
    pub(super) length: u64,
}

impl Header {
    /// The head at the front of `bytes` and its length; `None` if more bytes are needed to tell.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, WebSocketViolation> {
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        let opcode = Opcode::new(first & 0x0F)?;
        let last = first & 0x80 != 0;
        if first & 0x70 != 0 {
            return Err(WebSocketViolation::ReservedBit);
        }
        if second & 0x80 != 0 {
            return Err(WebSocketViolation::Masked);
        }
        if opcode.is_control() && (!last || usize::from(second) > MOST_IN_CONTROL) {
            return Err(WebSocketViolation::ControlFrame);
        }
        let (length, len) = match (second, rest) {
            (126, &[a, b, ..]) => (u16::from_be_bytes([a, b]).into(), 4),
            (127, rest) => match rest.first_chunk() {
                Some(&length) => (u64::from_be_bytes(length), 10),
                None => return Ok(None),
            },
            (126, _) => return Ok(None),
            (length, _) => (length.into(), 2),
        };
        if length > i64::MAX as u64 {
            return Err(WebSocketViolation::Length);
        }
        Ok(Some((Self { last, opcode, length }, len)))
    }
}

/// Makes a masked, unfragmented frame of a payload that stands behind [`ROOM`] bytes for its head. Gives where the
/// frame begins.
pub(super) fn seal(opcode: Opcode, mask: [u8; 4], frame: &mut [u8]) -> usize {
    let Some((room, payload)) = frame.split_first_chunk_mut::<ROOM>() else { return 0 };
    let first = 0x80 | opcode as u8;
    let [.., a, b, c, d] = mask;
    let begin = match payload.len() {
        length @ ..=MOST_IN_CONTROL => {
            *room = [0, 0, first, 0x80 | length as u8, a, b, c, d];
            2
        }
        length => {
            let [high, low] = (length as u16).to_be_bytes();
            *room = [first, 0x80 | 126, high, low, a, b, c, d];
            0
        }
    };
    apply(mask, payload);
    begin
}

/// Masks, or unmasks: 16 bytes at a time, for the compiler to make one step of.
fn apply(mask: [u8; 4], payload: &mut [u8]) {
    let [a, b, c, d] = mask;
    let wide = [a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d];
    for chunk in payload.chunks_mut(wide.len()) {
        chunk.iter_mut().zip(wide).for_each(|(byte, mask)| *byte ^= mask);
    }
}

/// The longest head that a frame of a server has.
pub(super) const LONGEST_HEADER: usize = 10;
/// The longest payload of a control frame.
pub(super) const MOST_IN_CONTROL: usize = 125;
/// Bytes in front of a payload of at most [`MOST_IN_FRAME`] bytes.
pub(super) const ROOM: usize = 8;
/// The longest payload that we send in a frame. Many servers take none above 64 KiB unless they are told to, and a frame
/// more costs 8 bytes.
pub(super) const MOST_IN_FRAME: usize = 0xFFFF;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<(Header, usize)>, WebSocketViolation> {
        Header::read(bytes)
    }

    #[test]
    fn the_heads_of_the_standard() {
        for (bytes, last, opcode, length) in [
            (&b"\x81\x05"[..], true, Opcode::Text, 5),
            (b"\x01\x03", false, Opcode::Text, 3),
            (b"\x80\x02", true, Opcode::Continuation, 2),
            (b"\x89\x05", true, Opcode::Ping, 5),
            (b"\x8A\x00", true, Opcode::Pong, 0),
            (b"\x88\x7D", true, Opcode::Close, 125),
            (b"\x82\x7E\x01\x00", true, Opcode::Binary, 256),
            (b"\x82\x7F\0\0\0\0\0\x01\0\0", true, Opcode::Binary, 65_536),
            (b"\x02\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", false, Opcode::Binary, i64::MAX as u64),
        ] {
            assert_eq!(read(bytes), Ok(Some((Header { last, opcode, length }, bytes.len()))), "{bytes:02x?}");
            for cut in 0..bytes.len() {
                assert_eq!(read(&bytes[..cut]), Ok(None), "{bytes:02x?} cut at {cut}");
            }
        }
    }

    #[test]
    fn heads_that_break_a_rule() {
        for (bytes, rule) in [
            (&b"\x82\x85"[..], WebSocketViolation::Masked),
            (b"\xC2\x05", WebSocketViolation::ReservedBit),
            (b"\x92\x05", WebSocketViolation::ReservedBit),
            (b"\x83\x05", WebSocketViolation::Opcode(3)),
            (b"\x8B\x05", WebSocketViolation::Opcode(0xB)),
            (b"\x09\x05", WebSocketViolation::ControlFrame),
            (b"\x88\x7E\0\x7E", WebSocketViolation::ControlFrame),
            (b"\x82\x7F\x80\0\0\0\0\0\0\0", WebSocketViolation::Length),
        ] {
            assert_eq!(read(bytes), Err(rule), "{bytes:02x?}");
        }
    }

    #[test]
    fn a_sealed_frame_has_the_shortest_head_and_is_masked() {
        const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
        let sealed = |opcode, payload: &[u8]| {
            let mut frame = [&[0; ROOM], payload].concat();
            let begin = seal(opcode, MASK, &mut frame);
            frame.split_off(begin)
        };
        // The example of section 5.7.
        assert_eq!(sealed(Opcode::Pong, b"Hello"), b"\x8A\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58");
        assert_eq!(sealed(Opcode::Close, b""), b"\x88\x80\x37\xFA\x21\x3D");
        for (length, head) in
            [(125, &b"\x82\xFD"[..]), (126, b"\x82\xFE\x00\x7E"), (MOST_IN_FRAME, b"\x82\xFE\xFF\xFF")]
        {
            let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let frame = sealed(Opcode::Binary, &payload);
            let (masked, rest) = frame[head.len()..].split_at(4);
            assert_eq!((&frame[..head.len()], masked), (head, &MASK[..]));
            let unmasked: Vec<u8> = rest.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
            assert_eq!(unmasked, payload);
        }
    }
}
