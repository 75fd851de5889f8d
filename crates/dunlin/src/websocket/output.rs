//! What we send: binary frames, one for a flush, and between them the few control frames of a client.

use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::io;

use tokio::io::AsyncWrite;

use super::{
    frame::{self, MOST_IN_FRAME, Opcode, ROOM},
    input::Control,
};
use crate::random;

/// At most one frame of each kind, each in a buffer that is used again.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Room for the head, then the payload, which is masked when the frame is sealed.
    data: Vec<u8>,
    control: Vec<u8>,
    sending: Sending,
    /// The stream below took bytes that it may still hold.
    unflushed: bool,
    answering: bool,
    close: Close,
}

/// What is on its way, and from where on it still has to go: frames are not interleaved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sending {
    #[default]
    Nothing,
    Data(usize),
    Control(usize),
}

/// ```text
///  Open --close()--> Due(code) --its frame is made--> Done
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Close {
    #[default]
    Open,
    Due(u16),
    Done,
}

impl Output {
    /// Takes from the front of `bytes` what fits into the frame; gives how much that is. Nothing, while a frame is on
    /// its way or the frame is full.
    pub(super) fn push(&mut self, bytes: &[u8]) -> usize {
        if let Sending::Data(_) = self.sending {
            return 0;
        }
        if self.data.is_empty() {
            self.data.resize(ROOM, 0);
        }
        let taken = bytes.len().min(ROOM + MOST_IN_FRAME - self.data.len());
        self.data.extend_from_slice(bytes.split_at(taken).0);
        taken
    }

    /// Whether a frame waits to be filled further.
    fn is_begun(&self) -> bool {
        self.data.len() > ROOM && !matches!(self.sending, Sending::Data(_))
    }

    /// Says goodbye with this code, once; nothing can be sent after it.
    pub(super) fn close(&mut self, code: u16) {
        if self.close == Close::Open {
            self.close = Close::Due(code);
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.close != Close::Open
    }

    /// Whether an answer to a ping has not left.
    pub(super) fn is_answering(&self) -> bool {
        self.answering
    }

    /// Sends what was pushed, as one frame, and what control frames there are, `ping` answered.
    pub(super) fn poll_flush<S>(
        &mut self,
        stream: Pin<&mut S>,
        ping: &mut Option<Control>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>>
    where
        S: AsyncWrite + ?Sized,
    {
        self.poll_out(stream, ping, true, cx)
    }

    /// Answers `ping`, and leaves a frame that is being filled to be filled.
    pub(super) fn poll_answer<S>(
        &mut self,
        stream: Pin<&mut S>,
        ping: &mut Option<Control>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>>
    where
        S: AsyncWrite + ?Sized,
    {
        self.poll_out(stream, ping, false, cx)
    }

    fn poll_out<S>(
        &mut self,
        mut stream: Pin<&mut S>,
        ping: &mut Option<Control>,
        all: bool,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>>
    where
        S: AsyncWrite + ?Sized,
    {
        loop {
            ready!(self.poll_send(stream.as_mut(), cx))?;
            if let Some(ping) = ping.take().filter(|_| self.close != Close::Done) {
                self.answering = true;
                self.make_control(Opcode::Pong, ping.bytes());
            } else if all && self.is_begun() {
                self.sending = Sending::Data(frame::seal(Opcode::Binary, mask(), &mut self.data));
            } else if all && let Close::Due(code) = self.close {
                self.close = Close::Done;
                self.make_control(Opcode::Close, &code.to_be_bytes());
            } else {
                break;
            }
        }
        if self.unflushed {
            ready!(stream.poll_flush(cx))?;
            self.unflushed = false;
        }
        self.answering = false;
        Poll::Ready(Ok(()))
    }

    fn make_control(&mut self, opcode: Opcode, payload: &[u8]) {
        self.control.clear();
        self.control.resize(ROOM, 0);
        self.control.extend_from_slice(payload);
        self.sending = Sending::Control(frame::seal(opcode, mask(), &mut self.control));
    }

    /// Sends the frame that is on its way, if there is one.
    fn poll_send<S>(&mut self, mut stream: Pin<&mut S>, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        S: AsyncWrite + ?Sized,
    {
        loop {
            let (frame, at) = match &mut self.sending {
                Sending::Nothing => return Poll::Ready(Ok(())),
                Sending::Data(at) => (&mut self.data, at),
                Sending::Control(at) => (&mut self.control, at),
            };
            let rest = frame.get(*at..).unwrap_or_default();
            if rest.is_empty() {
                frame.clear();
                self.sending = Sending::Nothing;
                continue;
            }
            let written = ready!(stream.as_mut().poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *at += written;
            self.unflushed = true;
        }
    }
}

/// A mask that nobody can foretell who does not see into this process (RFC 6455 section 10.3): keyed hashes.
fn mask() -> [u8; 4] {
    (random::seed() as u32).to_be_bytes()
}
