use std::io::{self, Read, Write};

use bench_yardstick::{header, packet};

use crate::flood::Flood;

/// A client, as the sink sees it.
pub(crate) struct Peer<S> {
    stream: S,
    input: Vec<u8>,
    /// The part of `input` that is filled and not handled.
    start: usize,
    end: usize,
    out: Vec<u8>,
    v5: bool,
    flood: Option<Flood>,
}

impl<S: Read + Write> Peer<S> {
    pub(crate) fn new(stream: S) -> Self {
        // Small at first: most idle connections never send more than CONNECT.
        Self { stream, input: vec![0; SMALL], start: 0, end: 0, out: Vec::new(), v5: false, flood: None }
    }

    /// Until the client leaves.
    pub(crate) fn serve(mut self) -> io::Result<()> {
        loop {
            self.make_room();
            let read = self.stream.read(&mut self.input[self.end..])?;
            if read == 0 {
                return Ok(());
            }
            self.end += read;
            let stays = self.handle_packets()?;
            if let Some(flood) = &mut self.flood {
                flood.send(&mut self.out, &mut self.stream)?;
                if flood.is_over() {
                    self.flood = None;
                }
            }
            if !self.out.is_empty() {
                self.stream.write_all(&self.out)?;
                self.stream.flush()?;
                self.out.clear();
            }
            if !stays {
                return Ok(());
            }
        }
    }

    fn make_room(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.input.len() - self.end < self.input.len() / 4 {
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.input.len() {
            self.input.resize(self.input.len() * 2, 0);
        }
    }

    /// Every packet that is all there; false: the client leaves.
    fn handle_packets(&mut self) -> io::Result<bool> {
        if self.end == self.input.len() && self.input.len() < LARGE {
            self.input.resize(LARGE, 0);
        }
        while let Some((first_byte, header_len, len)) = header(&self.input[self.start..self.end]) {
            if self.end - self.start < len {
                break;
            }
            let at = self.start;
            self.start += len;
            match first_byte >> 4 {
                PUBLISH => self.handle_publish(at, first_byte, header_len, len),
                PUBACK | PUBCOMP => self.flood.iter_mut().for_each(Flood::acknowledged),
                PUBREC => self.answer(0x62, at + header_len),
                PUBREL => self.answer(0x70, at + header_len),
                CONNECT => {
                    self.v5 = self.input[at + header_len + 6] == 5;
                    let connack: &[u8] = if self.v5 { &[0x20, 3, 0, 0, 0] } else { &[0x20, 2, 0, 0] };
                    self.out.extend_from_slice(connack);
                }
                SUBSCRIBE => self.handle_subscribe(at + header_len, at + len),
                UNSUBSCRIBE if self.v5 => {
                    let id = self.identifier(at + header_len);
                    self.out.extend_from_slice(&[0xB0, 4, id[0], id[1], 0, 0]);
                }
                UNSUBSCRIBE => self.answer(0xB0, at + header_len),
                PINGREQ => self.out.extend_from_slice(&[0xD0, 0]),
                DISCONNECT => return Ok(false),
                other => return Err(io::Error::other(format!("a packet of type {other}"))),
            }
        }
        Ok(true)
    }

    #[inline]
    fn handle_publish(&mut self, at: usize, first_byte: u8, header_len: usize, len: usize) {
        let topic_at = at + header_len + 2;
        match first_byte >> 1 & 0x03 {
            0 if self.input[topic_at..at + len].starts_with(b"echo/") => {
                self.out.extend_from_slice(&self.input[at..at + len]);
            }
            0 => {}
            qos => {
                let topic_len = u16::from_be_bytes(self.identifier(at + header_len));
                self.answer(if qos == 1 { 0x40 } else { 0x50 }, topic_at + usize::from(topic_len));
            }
        }
    }

    /// Grants every filter what it asks for.
    fn handle_subscribe(&mut self, mut at: usize, end: usize) {
        let id = self.identifier(at);
        at += 2;
        if self.v5 {
            // What is longer than a byte can say is not asked by any client here.
            at += 1 + usize::from(self.input[at]);
        }
        let mut suback = id.to_vec();
        suback.extend(self.v5.then_some(0));
        while at < end {
            let filter_at = at + 2;
            let options_at = filter_at + usize::from(u16::from_be_bytes(self.identifier(at)));
            let filter = String::from_utf8_lossy(&self.input[filter_at..options_at]);
            self.flood = Flood::asked_by(&filter, self.v5).or(self.flood.take());
            suback.push(self.input[options_at] & 0x03);
            at = options_at + 1;
        }
        self.out.extend_from_slice(&packet(0x90, &suback));
    }

    fn identifier(&self, at: usize) -> [u8; 2] {
        [self.input[at], self.input[at + 1]]
    }

    /// A packet that consists of the identifier that is at `at`.
    #[inline]
    fn answer(&mut self, first_byte: u8, at: usize) {
        self.out.extend_from_slice(&[first_byte, 2, self.input[at], self.input[at + 1]]);
    }
}

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const PUBREC: u8 = 5;
const PUBREL: u8 = 6;
const PUBCOMP: u8 = 7;
const SUBSCRIBE: u8 = 8;
const UNSUBSCRIBE: u8 = 10;
const PINGREQ: u8 = 12;
const DISCONNECT: u8 = 14;

const SMALL: usize = 1 << 10;
/// As soon as a client sends more than fits.
const LARGE: usize = 256 << 10;
