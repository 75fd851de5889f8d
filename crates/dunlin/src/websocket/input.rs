//! What a server sends: payloads in a row, with everything between them taken out.

use std::mem;

use super::{
    WebSocketError, WebSocketViolation,
    frame::{Header, LONGEST_HEADER, MOST_IN_CONTROL, Opcode},
};

/// Where in the frames of the server we are.
///
/// ```text
///            head of binary or continuation             its last byte
///  Header --------------------------------> Data { left } -----------> Header
///     |      head of ping, pong or close                its last byte
///     +-----------------------------------> Control ------------------> Header, or the end
/// ```
#[derive(Debug, Default)]
pub(super) struct Input {
    part: Part,
    /// A message began, and its last frame has not come.
    in_message: bool,
    /// The payload of the last ping that has no answer yet: earlier ones need none (RFC 6455 section 5.5.3).
    pub(super) ping: Option<Control>,
    /// Nothing that comes later counts.
    pub(super) end: Option<End>,
}

/// Why there is nothing more to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The server closed, in the usual way, with this code if with any.
    Closed(Option<u16>),
    /// It broke a rule, or closed and said why.
    Fault(WebSocketError),
}

#[derive(Debug)]
enum Part {
    Header(Gathered<LONGEST_HEADER>),
    Data { left: u64 },
    Control { opcode: Opcode, length: usize, payload: Control },
}

/// The payload of a control frame.
pub(super) type Control = Gathered<MOST_IN_CONTROL>;

impl Input {
    /// Reads what has come. The payload in it is moved to its front; gives how much that is.
    pub(super) fn read(&mut self, bytes: &mut [u8]) -> usize {
        let (mut at, mut kept) = (0, 0);
        while at < bytes.len() && self.end.is_none() {
            match self.step(&mut at, &mut kept, bytes) {
                Ok(()) => {}
                Err(error) => self.end = Some(End::Fault(error)),
            }
        }
        kept
    }

    fn step(&mut self, at: &mut usize, kept: &mut usize, bytes: &mut [u8]) -> Result<(), WebSocketError> {
        let rest = bytes.get(*at..).unwrap_or_default();
        match &mut self.part {
            Part::Header(head) => {
                *at += head.take(rest, LONGEST_HEADER);
                if let Some((header, length)) = Header::read(head.bytes())? {
                    // More was taken than the head: back to behind it.
                    *at = *at + length - head.len;
                    self.part = self.begin(header)?;
                }
            }
            Part::Data { left } => {
                let length = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                bytes.copy_within(*at..*at + length, *kept);
                *at += length;
                *kept += length;
                *left -= length as u64;
                if *left == 0 {
                    self.part = Part::default();
                }
            }
            Part::Control { length, payload, .. } => {
                *at += payload.take(rest, *length);
                self.finish_control()?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, header: Header) -> Result<Part, WebSocketError> {
        match header.opcode {
            Opcode::Binary if !self.in_message => self.in_message = !header.last,
            Opcode::Continuation if self.in_message => self.in_message = !header.last,
            // [MQTT-6.0.0-1]
            Opcode::Text => return Err(WebSocketError::TextFrame),
            Opcode::Binary | Opcode::Continuation => return Err(WebSocketViolation::Fragment.into()),
            opcode @ (Opcode::Close | Opcode::Ping | Opcode::Pong) => {
                // At most 125, by its head.
                let length = header.length as usize;
                self.part = Part::Control { opcode, length, payload: Control::default() };
                self.finish_control()?;
                return Ok(mem::take(&mut self.part));
            }
        }
        Ok(match header.length {
            0 => Part::default(),
            left => Part::Data { left },
        })
    }

    /// Acts on a control frame, if all of it is here.
    fn finish_control(&mut self) -> Result<(), WebSocketError> {
        let Part::Control { opcode, length, payload } = &self.part else { return Ok(()) };
        if payload.len < *length {
            return Ok(());
        }
        let (opcode, payload) = (*opcode, *payload);
        self.part = Part::default();
        match opcode {
            Opcode::Ping => self.ping = Some(payload),
            Opcode::Close => self.end = Some(closed(payload.bytes())?),
            _ => {}
        }
        Ok(())
    }
}

impl Default for Part {
    fn default() -> Self {
        Self::Header(Gathered::default())
    }
}

/// A few bytes that come one by one, at most `N`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gathered<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Gathered<N> {
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Takes from the front of `source` until there are `most`; gives how many those are.
    fn take(&mut self, source: &[u8], most: usize) -> usize {
        let room = self.bytes.get_mut(self.len..most).unwrap_or_default();
        let taken = room.len().min(source.len());
        room[..taken].copy_from_slice(&source[..taken]);
        self.len += taken;
        taken
    }
}

impl<const N: usize> Default for Gathered<N> {
    fn default() -> Self {
        Self { bytes: [0; N], len: 0 }
    }
}

/// What a close frame says (RFC 6455 section 5.5.1).
fn closed(payload: &[u8]) -> Result<End, WebSocketError> {
    let (code, reason) = match payload {
        [] => return Ok(End::Closed(None)),
        [_] => return Err(WebSocketViolation::CloseFrame.into()),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    Ok(match code {
        NORMAL | GOING_AWAY => End::Closed(Some(code)),
        _ => End::Fault(WebSocketError::Closed { code, reason: String::from_utf8_lossy(reason).into() }),
    })
}

/// The close code of a usual end.
pub(super) const NORMAL: u16 = 1000;
/// The close code of a server that is shut down.
const GOING_AWAY: u16 = 1001;

#[cfg(test)]
mod tests {
    use super::*;

    /// What came out of these pieces, and how it ended.
    fn read<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> (Vec<u8>, Input) {
        let (mut input, mut payload) = (Input::default(), Vec::new());
        for piece in pieces {
            let mut piece = piece.to_vec();
            let kept = input.read(&mut piece);
            payload.extend(&piece[..kept]);
        }
        (payload, input)
    }

    fn fault(bytes: &[u8]) -> WebSocketError {
        match read([bytes]).1.end {
            Some(End::Fault(error)) => error,
            other => panic!("{bytes:02x?} gave {other:?}"),
        }
    }

    /// A message of three frames with a ping and a pong inside, an empty frame, a long one, and a close frame.
    fn conversation() -> Vec<u8> {
        let long = [&b"\x82\x7E\x01\x00"[..], &[7; 256]].concat();
        [b"\x02\x03abc\x89\x02hi\x00\x00\x8A\x01x\x80\x02de\x82\x00", &long[..], b"\x88\x05\x03\xE8bye"].concat()
    }

    #[test]
    fn a_conversation_is_read_the_same_wherever_it_is_cut() {
        let bytes = conversation();
        let expected = [b"abcde", &[7; 256][..]].concat();
        for first in 0..bytes.len() {
            for second in first..bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                let (payload, input) = read(pieces);
                assert_eq!(payload, expected, "{first} {second}");
                assert_eq!(input.ping.map(|ping| ping.bytes().to_vec()), Some(b"hi".to_vec()));
                assert_eq!(input.end, Some(End::Closed(Some(1000))));
            }
        }
        assert_eq!(read(bytes.chunks(1)).0, expected);
    }

    #[test]
    fn what_came_before_a_fault_is_kept_and_what_comes_after_is_not() {
        let (payload, input) = read([&b"\x82\x02ok\x81\x02no\x82\x02no"[..], b"\x82\x02no"]);
        assert_eq!((payload, input.end), (b"ok".to_vec(), Some(End::Fault(WebSocketError::TextFrame))));
    }

    #[test]
    fn the_parts_of_messages_keep_their_order() {
        for bytes in [&b"\x80\x01a"[..], b"\x02\x01a\x82\x01b", b"\x02\x01a\x80\x01b\x80\x01c"] {
            assert_eq!(fault(bytes), WebSocketViolation::Fragment.into(), "{bytes:02x?}");
        }
        assert_eq!(fault(b"\x02\x01a\x01\x01b"), WebSocketError::TextFrame);
    }

    #[test]
    fn a_close_frame_may_say_why() {
        let closed = |bytes: &[u8]| read([bytes]).1.end;
        assert_eq!(closed(b"\x88\x00"), Some(End::Closed(None)));
        assert_eq!(closed(b"\x88\x02\x03\xE9"), Some(End::Closed(Some(1001))));
        assert_eq!(fault(b"\x88\x01\x03"), WebSocketViolation::CloseFrame.into());
        let expected = WebSocketError::Closed { code: 1008, reason: "no".into() };
        assert_eq!(fault(b"\x88\x04\x03\xF0no"), expected);
    }

    #[test]
    fn a_frame_of_any_length_takes_no_memory() {
        let (payload, input) = read([&b"\x82\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFFabc"[..], b"def"]);
        assert_eq!((&payload[..], input.end), (&b"abcdef"[..], None));
    }
}
