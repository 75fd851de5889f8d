use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::io;

use quinn::{Connection, ConnectionError as QuicError, Endpoint, ReadError, RecvStream, SendStream, WriteError};
use rustls::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::alert;

/// The two directions of the one stream, and what they live on.
pub(crate) struct QuicStream {
    send: SendStream,
    receive: RecvStream,
    /// Until the server has all that was sent, once there is no more.
    arrived: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    _connection: Connection,
    _endpoint: Endpoint,
}

impl QuicStream {
    pub(super) fn new(send: SendStream, receive: RecvStream, connection: Connection, endpoint: Endpoint) -> Self {
        Self { send, receive, arrived: None, _connection: connection, _endpoint: endpoint }
    }
}

impl AsyncRead for QuicStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut self.receive), cx, buffer).map_err(explained)
    }
}

impl AsyncWrite for QuicStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.send), cx, bytes).map_err(explained)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Waits until the server has it all: the end of the connection would overtake it.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.arrived.is_none() {
            // It fails where there is nothing left to end.
            let _ = self.send.finish();
            let stopped = self.send.stopped();
            self.arrived = Some(Box::pin(async move {
                // Whether the server has it or wants no more: there is no more to wait for.
                let _ = stopped.await;
            }));
        }
        if let Some(arrived) = &mut self.arrived {
            ready!(arrived.as_mut().poll(cx));
        }
        Poll::Ready(Ok(()))
    }
}

/// A connection that is gone is cut, and of a server that refuses the client's certificate TLS knows why.
fn explained(error: io::Error) -> io::Error {
    let inner = error.get_ref();
    let read = inner.and_then(|inner| inner.downcast_ref()).and_then(|error| match error {
        ReadError::ConnectionLost(lost) => Some(lost),
        _ => None,
    });
    let written = inner.and_then(|inner| inner.downcast_ref()).and_then(|error| match error {
        WriteError::ConnectionLost(lost) => Some(lost),
        _ => None,
    });
    let Some(lost): Option<&QuicError> = read.or(written) else { return error };
    match alert(lost) {
        Some(alert) => io::Error::other(Error::AlertReceived(alert)),
        None => io::ErrorKind::ConnectionReset.into(),
    }
}
