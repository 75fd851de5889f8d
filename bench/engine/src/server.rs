use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bench_yardstick::{Publish, TOPIC, header, packet};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A server of MQTT 5.0 that is a stream of bytes: what is written to it is answered by what is then read from it. It
/// accepts everything, and sends its messages once something is subscribed to.
#[derive(Clone)]
pub(crate) struct Server {
    /// Of a packet that is not all there yet.
    input: Vec<u8>,
    output: Vec<u8>,
    /// What of the output was read.
    start: usize,
    reader: Option<Waker>,
    is_subscribed: bool,
    message: Vec<u8>,
    /// Where in the message its packet identifier is, if it has one.
    identifier_at: Option<usize>,
    left: u64,
    unacknowledged: u64,
    last_id: u16,
}

impl Server {
    /// One that sends so many messages.
    pub(crate) fn new(qos: u8, payload: &[u8], count: u64) -> Self {
        let mut message = Vec::new();
        let at = Publish { topic: TOPIC, qos, id: 1, payload, v5: true }.put(&mut message);
        Self {
            input: Vec::new(),
            output: Vec::with_capacity(2 * BLOCK),
            start: 0,
            reader: None,
            is_subscribed: false,
            message,
            identifier_at: (qos > 0).then_some(at),
            left: count,
            unacknowledged: 0,
            last_id: 0,
        }
    }

    /// Answers every packet that is all there, and keeps the rest.
    fn take(&mut self, bytes: &[u8]) {
        if self.input.is_empty() {
            let taken = self.handle_packets(bytes);
            self.input.extend_from_slice(&bytes[taken..]);
        } else {
            let mut input = std::mem::take(&mut self.input);
            input.extend_from_slice(bytes);
            let taken = self.handle_packets(&input);
            input.drain(..taken);
            self.input = input;
        }
    }

    fn handle_packets(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while let Some((first_byte, header_len, len)) = header(&bytes[at..])
            && bytes.len() - at >= len
        {
            self.handle(first_byte, &bytes[at + header_len..at + len]);
            at += len;
        }
        at
    }

    fn handle(&mut self, first_byte: u8, body: &[u8]) {
        match first_byte >> 4 {
            CONNECT => self.output.extend_from_slice(&[0x20, 3, 0, 0, 0]),
            SUBSCRIBE => {
                let granted = body.last().copied().unwrap_or_default() & 0x03;
                self.output.extend_from_slice(&packet(0x90, &[body[0], body[1], 0, granted]));
                self.is_subscribed = true;
            }
            PUBLISH => {
                let id_at = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
                match first_byte >> 1 & 0x03 {
                    0 => {}
                    1 => self.answer(0x40, &body[id_at..]),
                    _ => self.answer(0x50, &body[id_at..]),
                }
            }
            PUBREC => self.answer(0x62, body),
            PUBREL => self.answer(0x70, body),
            PUBACK | PUBCOMP => self.unacknowledged -= 1,
            _ => {}
        }
    }

    /// A packet with the identifier that these bytes begin with.
    fn answer(&mut self, first_byte: u8, id: &[u8]) {
        self.output.extend_from_slice(&[first_byte, 2, id[0], id[1]]);
    }

    /// As many messages as may be under way, or as there is room for.
    fn send(&mut self) {
        while self.is_subscribed && self.left > 0 && self.unacknowledged < WINDOW && self.output.len() < BLOCK {
            let at = self.output.len();
            self.output.extend_from_slice(&self.message);
            if let Some(identifier_at) = self.identifier_at {
                self.last_id = self.last_id.checked_add(1).unwrap_or(1);
                self.output[at + identifier_at..][..2].copy_from_slice(&self.last_id.to_be_bytes());
                self.unacknowledged += 1;
            }
            self.left -= 1;
        }
    }

    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl AsyncRead for Server {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.start == this.output.len() {
            this.output.clear();
            this.start = 0;
        }
        this.send();
        let unread = &this.output[this.start..];
        if unread.is_empty() {
            this.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let now = unread.len().min(to.remaining());
        to.put_slice(&unread[..now]);
        this.start += now;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Server {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.take(bytes);
        this.wake_reader();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        slices.iter().for_each(|bytes| this.take(bytes));
        this.wake_reader();
        Poll::Ready(Ok(slices.iter().map(|bytes| bytes.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const PUBREC: u8 = 5;
const PUBREL: u8 = 6;
const PUBCOMP: u8 = 7;
const SUBSCRIBE: u8 = 8;

/// Messages that are sent and not acknowledged.
const WINDOW: u64 = 1_000;
/// Bytes that are made at once.
const BLOCK: usize = 64 << 10;
