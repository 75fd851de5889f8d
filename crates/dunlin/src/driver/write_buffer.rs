use core::task::{Context, Poll, ready};
use std::{collections::VecDeque, io, io::IoSlice, pin::Pin};

use bytes::Bytes;
use dunlin_session::{Chunk, Instant, Session};
use tokio::io::AsyncWrite;

use crate::memory::Heap;

/// Bytes between the session and the socket: what is small is copied under the engine's lock, large payloads ride
/// along by reference, and all of it is written by vectored writes without the lock.
#[derive(Debug, Default)]
pub(super) struct WriteBuffer {
    copied: Vec<u8>,
    /// Copied bytes that are written.
    written: usize,
    /// Payloads, each with the number of copied bytes that come before it.
    shared: VecDeque<(usize, Bytes)>,
    shared_bytes: usize,
    /// The stream took bytes that it may still hold, as TLS does.
    unflushed: bool,
    /// The stream took something since this was looked at.
    moved: bool,
}

impl WriteBuffer {
    pub(super) fn is_empty(&self) -> bool {
        self.is_taken() && !self.unflushed
    }

    fn is_taken(&self) -> bool {
        self.written == self.copied.len() && self.shared.is_empty()
    }

    /// The memory for bytes that are copied, which is empty when it has none that are to be written.
    pub(super) fn copied(&mut self) -> &mut Vec<u8> {
        if self.is_empty() {
            self.copied.clear();
            self.written = 0;
        }
        &mut self.copied
    }

    /// Whether the stream took something since this was asked last.
    pub(super) fn take_moved(&mut self) -> bool {
        core::mem::take(&mut self.moved)
    }

    /// Takes what the session has, up to a limit; gives the number of bytes.
    pub(super) fn fill(&mut self, session: &mut Session<Heap>, now: Instant) -> usize {
        self.copied();
        let mut filled = 0;
        while self.copied.len() < COPIED_LIMIT && self.shared_bytes < SHARED_LIMIT && self.shared.len() < SLICES / 2 {
            let taken = match session.poll_transmit(now) {
                None => break,
                Some(Chunk::Copy(bytes)) => {
                    let bytes = &bytes[..bytes.len().min(COPIED_LIMIT - self.copied.len())];
                    self.copied.extend_from_slice(bytes);
                    bytes.len()
                }
                Some(Chunk::Share(bytes)) => {
                    self.shared_bytes += bytes.len();
                    self.shared.push_back((self.copied.len(), bytes.clone()));
                    bytes.len()
                }
            };
            session.transmitted(taken);
            filled += taken;
        }
        filled
    }

    /// Writes until all is with the operating system, or the socket takes no more.
    pub(super) fn poll_flush<S>(&mut self, mut stream: Pin<&mut S>, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        S: AsyncWrite + ?Sized,
    {
        while !self.is_taken() {
            let len = match (self.shared.is_empty(), self.copied.get(self.written..)) {
                (true, Some(bytes)) => ready!(stream.as_mut().poll_write(cx, bytes))?,
                _ => {
                    let mut slices = [IoSlice::new(&[]); SLICES];
                    let count = self.slices(&mut slices);
                    ready!(stream.as_mut().poll_write_vectored(cx, &slices[..count]))?
                }
            };
            if len == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            (self.unflushed, self.moved) = (true, true);
            self.advance(len);
        }
        ready!(stream.poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    /// Shows everything that is to be written, in order.
    pub(super) fn each(&self, mut show: impl FnMut(&[u8])) {
        let mut at = self.written;
        for (before, payload) in &self.shared {
            show(self.copied.get(at..*before).unwrap_or_default());
            show(payload);
            at = *before;
        }
        show(self.copied.get(at..).unwrap_or_default());
    }

    /// What is to be written, in order.
    fn slices<'b>(&'b self, slices: &mut [IoSlice<'b>; SLICES]) -> usize {
        let (mut count, mut at) = (0, self.written);
        for (before, payload) in self.shared.iter().take(SLICES / 2 - 1) {
            for bytes in [self.copied.get(at..*before).unwrap_or_default(), payload] {
                if !bytes.is_empty() {
                    slices[count] = IoSlice::new(bytes);
                    count += 1;
                }
            }
            at = *before;
        }
        let rest = self.copied.get(at..).unwrap_or_default();
        if self.shared.len() < SLICES / 2 && !rest.is_empty() {
            slices[count] = IoSlice::new(rest);
            count += 1;
        }
        count
    }

    fn advance(&mut self, mut len: usize) {
        while len > 0 {
            let next_shared = self.shared.front().map_or(self.copied.len(), |(before, _)| *before);
            let copied = len.min(next_shared.saturating_sub(self.written));
            self.written += copied;
            len -= copied;
            let Some((_, payload)) = self.shared.front_mut().filter(|_| len > 0) else { return };
            let taken = len.min(payload.len());
            bytes::Buf::advance(payload, taken);
            self.shared_bytes -= taken;
            len -= taken;
            if payload.is_empty() {
                self.shared.pop_front();
            }
        }
    }
}

/// Copied under one lock: more than may wait to be transmitted as a rule, so that it goes out as one write and not with a
/// few bytes behind it.
const COPIED_LIMIT: usize = 192 << 10;
const SHARED_LIMIT: usize = 1 << 20;
/// Slices in one write.
const SLICES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    /// Takes everything, and holds it back until it is asked to flush a second time, as TLS may.
    #[derive(Default)]
    struct Holding {
        flushes: usize,
    }

    impl AsyncWrite for Holding {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.flushes += 1;
            if self.flushes == 1 { Poll::Pending } else { Poll::Ready(Ok(())) }
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// The last message that the queue has room for may begin where it is all but full.
    #[test]
    fn a_full_queue_goes_out_as_one_write() {
        let options = crate::ConnectOptions::new("localhost");
        assert!(COPIED_LIMIT >= options.settings().queue_bytes + crate::memory::SHARED_FROM);
    }

    #[test]
    fn what_the_stream_holds_back_is_not_written() {
        let mut cx = Context::from_waker(Waker::noop());
        let (mut buffer, mut stream) =
            (WriteBuffer { copied: b"PINGREQ".to_vec(), ..Default::default() }, Holding::default());
        assert!(buffer.poll_flush(Pin::new(&mut stream), &mut cx).is_pending());
        assert!(!buffer.is_empty(), "nobody would ask the stream again");
        assert!(buffer.poll_flush(Pin::new(&mut stream), &mut cx).is_ready());
        assert!(buffer.is_empty());
    }
}
