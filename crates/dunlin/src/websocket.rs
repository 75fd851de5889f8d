//! MQTT over WebSocket, for `ws://` and `wss://`: section 6 of the standard over RFC 6455.
//!
//! ```text
//!             [ handshake ]  one HTTP request and its answer, then
//!  driver                                                                            server
//!    |-- poll_write, poll_flush --> [ output: one masked binary frame for a flush ] --> |
//!    |<-- poll_read -- [ input: headers taken out in place, no frame is waited for ] <--|
//! ```
//!
//! To MQTT a WebSocket is a stream of bytes: packets and frames need not begin or end together [MQTT-6.0.0-2]. So
//! nothing is gathered here. What is read is read into the memory of whoever reads, and only the headers between
//! payloads are squeezed out there; what is written is copied once, to be masked. Frames and messages may be of any size
//! and take no memory; the limit of packets is the session's.

mod error;
mod frame;
mod handshake;
mod input;
mod options;
mod output;
mod stream;

use std::{io, pin::Pin};

pub use self::error::{WebSocketError, WebSocketNotSpoken, WebSocketSetupError, WebSocketViolation};
pub use self::options::WebSocketOptions;

use self::stream::WebSocketStream;
use crate::connector::Stream;

/// Does the handshake over `stream` with the server that HTTP calls `host`.
///
/// Waits for the server as long as it takes: the caller owns the clock. What is WebSocket's own is a
/// [`WebSocketError`] inside the error.
pub(crate) async fn connect(
    mut stream: Pin<Box<dyn Stream>>,
    options: &WebSocketOptions,
    host: &str,
) -> io::Result<WebSocketStream> {
    let unread = handshake::run(&mut stream, options, host).await?;
    Ok(WebSocketStream::new(stream, unread))
}
