use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::carry::Resettable;

/// One end of a stream in memory that, unlike [`DuplexStream`], can be reset: then this end reads
/// what had arrived and after it gets [`io::ErrorKind::ConnectionReset`].
///
/// Dropping it closes it in order: the other end reads the end of the stream.
#[derive(Debug)]
pub struct MemoryStream {
    stream: DuplexStream,
    reset: Arc<AtomicBool>,
}

impl MemoryStream {
    /// Two connected ends, each with room for `buffer` bytes that the other has not read yet.
    pub(crate) fn pair(buffer: usize) -> (Self, Self) {
        let (one, other) = tokio::io::duplex(buffer);
        let reset = Arc::new(AtomicBool::new(false));
        let end = |stream| Self { stream, reset: Arc::clone(&reset) };
        (end(one), end(other))
    }

    fn was_reset(&self) -> bool {
        self.reset.load(Ordering::Acquire)
    }
}

impl Resettable for MemoryStream {
    fn prepare_reset(&self) {
        self.reset.store(true, Ordering::Release);
    }
}

impl AsyncRead for MemoryStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let ended = buffer.filled().len() == before && buffer.remaining() > 0;
        if ended && self.was_reset() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        Poll::Ready(match written {
            Err(_) if self.was_reset() => Err(io::ErrorKind::ConnectionReset.into()),
            written => written,
        })
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
