use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::io::{self, IoSlice};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    WebSocketError,
    input::{End, Input, NORMAL},
    output::Output,
};
use crate::connector::Stream;

/// A WebSocket as a stream of bytes. To be read and written by one task: answers to pings leave when it reads.
///
/// Written bytes wait for a flush, or until there is a frame's worth of them. Shutting down sends a close frame;
/// reading ends with the server's.
pub(crate) struct WebSocketStream {
    stream: Pin<Box<dyn Stream>>,
    /// What came together with the answer to the handshake.
    unread: BytesMut,
    input: Input,
    output: Output,
}

impl WebSocketStream {
    pub(super) fn new(stream: Pin<Box<dyn Stream>>, unread: BytesMut) -> Self {
        Self { stream, unread, input: Input::default(), output: Output::default() }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.poll_flush(self.stream.as_mut(), &mut self.input.ping, cx)
    }

    /// Answers a ping. What goes wrong with it is told when something else is written.
    fn answer(&mut self, cx: &mut Context<'_>) {
        if self.input.ping.is_some() || self.output.is_answering() {
            let _ = self.output.poll_answer(self.stream.as_mut(), &mut self.input.ping, cx);
        }
    }

    /// Reads more, and gives how many bytes of payload that were; `None`: nothing comes any more.
    fn poll_payload(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<Option<usize>>> {
        let before = buffer.filled().len();
        if self.unread.is_empty() {
            ready!(self.stream.as_mut().poll_read(cx, buffer))?;
        } else {
            let length = self.unread.len().min(buffer.remaining());
            buffer.put_slice(&self.unread.split_to(length));
        }
        let new = buffer.filled_mut().get_mut(before..).unwrap_or_default();
        if new.is_empty() {
            return Poll::Ready(Ok(None));
        }
        let payload = self.input.read(new);
        buffer.set_filled(before + payload);
        Poll::Ready(Ok(Some(payload)))
    }
}

impl AsyncRead for WebSocketStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        for _ in 0..ROUNDS {
            self.answer(cx);
            match &self.input.end {
                None if buffer.remaining() == 0 => return Poll::Ready(Ok(())),
                None => {}
                Some(End::Closed(_)) => {
                    // Both have said goodbye: what is below may do so too.
                    if self.output.is_closing() {
                        let _ = self.stream.as_mut().poll_shutdown(cx);
                    }
                    return Poll::Ready(Ok(()));
                }
                Some(End::Fault(error)) => return Poll::Ready(Err(error.clone().into())),
            }
            match ready!(self.poll_payload(cx, buffer))? {
                Some(0) => {}
                Some(_) | None => {
                    self.answer(cx);
                    return Poll::Ready(Ok(()));
                }
            }
        }
        // A server that sends nothing but control frames: others on this thread come first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl AsyncWrite for WebSocketStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.output.is_closing() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        loop {
            let mut taken = 0;
            for slice in slices {
                let length = self.output.push(slice);
                taken += length;
                if length < slice.len() {
                    break;
                }
            }
            if taken > 0 || slices.iter().all(|slice| slice.is_empty()) {
                return Poll::Ready(Ok(taken));
            }
            // The frame is full, or on its way.
            ready!(self.poll_send(cx))?;
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(cx)
    }

    /// Sends what is left and a close frame. The stream below is shut down only when the server has closed too, as it is
    /// the server that should close it (RFC 6455 section 7.1.1); whoever does not want to wait for that drops it.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let code = match &self.input.end {
            None | Some(End::Closed(None)) => NORMAL,
            Some(End::Closed(Some(code)) | End::Fault(WebSocketError::Closed { code, .. })) => *code,
            Some(End::Fault(WebSocketError::TextFrame)) => UNSUPPORTED_DATA,
            Some(End::Fault(_)) => PROTOCOL_ERROR,
        };
        self.output.close(code);
        ready!(self.poll_send(cx))?;
        match self.input.end {
            None => Poll::Ready(Ok(())),
            Some(_) => self.stream.as_mut().poll_shutdown(cx),
        }
    }
}

/// Reads in a row that gave no payload.
const ROUNDS: usize = 32;
/// Close codes (RFC 6455 section 7.4.1).
const PROTOCOL_ERROR: u16 = 1002;
const UNSUPPORTED_DATA: u16 = 1003;

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    fn websocket(buffer: usize) -> (WebSocketStream, DuplexStream) {
        let (ours, theirs) = duplex(buffer);
        (WebSocketStream::new(Box::pin(ours), BytesMut::new()), theirs)
    }

    /// The next frame, which must be a short one.
    async fn frame(stream: &mut DuplexStream) -> (u8, Vec<u8>) {
        let mut head = [0; 6];
        stream.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; usize::from(head[1] & 0x7F)];
        stream.read_exact(&mut payload).await.unwrap();
        payload.iter_mut().zip(head[2..].iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        (head[0], payload)
    }

    #[tokio::test]
    async fn what_is_written_while_a_frame_is_on_its_way_is_the_next_frame() {
        let (mut ours, mut theirs) = websocket(3);
        ours.write_all(b"one").await.unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut ours).poll_flush(&mut cx).is_pending());
        assert!(Pin::new(&mut ours).poll_write(&mut cx, b"other").is_pending());
        let writing = tokio::spawn(async move {
            ours.write_all(b"other").await?;
            ours.flush().await
        });
        assert_eq!(frame(&mut theirs).await, (0x82, b"one".to_vec()));
        assert_eq!(frame(&mut theirs).await, (0x82, b"other".to_vec()));
        writing.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_ping_that_comes_inside_a_frame_of_ours_is_answered_behind_it() {
        let (mut ours, mut theirs) = websocket(3);
        ours.write_all(b"one").await.unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut ours).poll_flush(&mut cx).is_pending());
        theirs.write_all(b"\x89\x01p").await.unwrap();
        let reading = tokio::spawn(async move { ours.read_u8().await });
        assert_eq!(frame(&mut theirs).await, (0x82, b"one".to_vec()));
        assert_eq!(frame(&mut theirs).await, (0x8A, b"p".to_vec()));
        theirs.write_all(b"\x82\x01x").await.unwrap();
        assert_eq!(reading.await.unwrap().unwrap(), b'x');
    }

    #[tokio::test]
    async fn what_is_below_is_shut_down_when_both_have_said_goodbye() {
        for ours_is_first in [true, false] {
            let (mut ours, mut theirs) = websocket(64);
            if ours_is_first {
                ours.shutdown().await.unwrap();
            }
            theirs.write_all(b"\x88\x02\x03\xE8").await.unwrap();
            assert_eq!(ours.read(&mut [0]).await.unwrap(), 0);
            if !ours_is_first {
                ours.shutdown().await.unwrap();
            }
            assert_eq!(frame(&mut theirs).await, (0x88, b"\x03\xE8".to_vec()));
            assert_eq!(theirs.read(&mut [0]).await.unwrap(), 0, "while the stream still lives");
            assert!(ours.write_all(b"more").await.is_err());
        }
    }
}
