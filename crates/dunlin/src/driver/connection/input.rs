use core::{
    future::Future,
    pin::pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes, BytesMut};
use dunlin_codec::{FixedHeader, PacketType};
use dunlin_session::{Event as Told, Instant, Progress, State, Succeeded};
use tokio::io::AsyncReadExt;

use super::{Connection, Ended, Step};
use crate::{Said, engine::Engine};

/// What comes in.
impl Connection<'_> {
    pub(super) fn read(&mut self, now: Instant, blocked: bool, cx: &mut Context<'_>) -> Result<Step, Ended> {
        if self.ending.is_some() || self.reads_no_more() || self.must_stop_reading(now, blocked) {
            return Ok(Step::Nothing);
        }
        if core::mem::take(&mut self.input_waits) {
            self.handle_input(now);
            return Ok(if self.input_waits { Step::Nothing } else { Step::Progress });
        }
        if self.read.capacity() - self.read.len() < self.read_size / 4 {
            // What is left of a packet has its place in that, so that memory that nobody refers to any more is used again
            // as it is.
            self.read.reserve(self.read_size.saturating_sub(self.read.len()).max(self.read_size / 4));
        }
        let free = self.read.capacity() - self.read.len();
        match pin!(self.stream.read_buf(&mut self.read)).poll(cx) {
            Poll::Pending => Ok(Step::Nothing),
            Poll::Ready(Ok(0)) => Err(self.closed()),
            Poll::Ready(Ok(len)) => {
                self.turn_bytes += len;
                self.read_size = match self.read_size {
                    FIRST_READ if len == free => SMALL_READ,
                    _ if len == free => LARGE_READ,
                    size if len < SMALL_READ / 4 => size.min(SMALL_READ),
                    size => size,
                };
                self.handle_input(now);
                Ok(Step::Progress)
            }
            Poll::Ready(Err(error)) => Err(self.ended_by(&error)),
        }
    }

    /// Reading stops while the application is behind, but never while the server owes us an answer, which could not
    /// come, or takes nothing more from us: it may wait for us to read.
    fn must_stop_reading(&mut self, now: Instant, blocked: bool) -> bool {
        let behind = self.shared.is_behind() || self.skipping;
        if !behind && !self.reading_stopped {
            return false;
        }
        let mut engine = self.shared.lock();
        let connected = engine.session.state() == State::Connected;
        let stop = behind && connected && !blocked && !engine.session.awaits_answer();
        if stop != self.reading_stopped {
            self.reading_stopped = stop;
            self.shared.set_reading_stopped(stop || self.skipping);
            match stop {
                true => engine.session.handle_reading_stopped(),
                false => engine.session.handle_reading_resumed(now),
            }
        }
        // Looked at once more after the flag is up: whoever took the last message before saw no need to wake us.
        stop && (self.shared.is_behind() || self.skipping)
    }

    /// Takes every whole packet that was read, at most [`PACKETS`] under one lock.
    fn handle_input(&mut self, now: Instant) {
        let mut used = 0;
        let mut result = Ok(true);
        while matches!(result, Ok(true)) {
            let shared = self.shared;
            let mut engine = shared.lock();
            let (overfull, before) = (shared.is_overfull(), used);
            result = self.handle_packets(&mut engine, now, overfull, &mut used);
            engine.statistics.received_bytes += (used - before) as u64;
            if let Some(tap) = &mut self.tap {
                // What ends the connection is worth seeing, too.
                let seen = if result.is_err() { self.read.len() } else { used };
                tap.receive(self.read.get(before..seen).unwrap_or_default());
            }
            if !matches!(result, Ok(true)) {
                let told = engine.has_told();
                if told {
                    let chunk = take_front(&mut self.read, used);
                    let unread = engine.pass_on(chunk, &mut self.wakers);
                    shared.add_unread(unread);
                    shared.remove_unread(engine.take_freed());
                } else {
                    self.read.advance(used);
                }
            }
            engine.take_space_wakers(&mut self.wakers);
            let handled = engine.filters.has_due_handlers();
            drop(engine);
            self.wake();
            if handled {
                shared.run_handlers();
            }
            self.show();
            if let Some(said) = self.said.take() {
                result = self.converse(*said);
            }
        }
        if let Err(ended) = result {
            self.end(ended);
        }
    }

    /// `Ok(true)`: there is more.
    fn handle_packets(
        &mut self,
        engine: &mut Engine,
        now: Instant,
        overfull: bool,
        used: &mut usize,
    ) -> Result<bool, Ended> {
        // What is told borrows it, and not the connection.
        let read = core::mem::take(&mut self.read);
        let result = self.handle_bytes(&read, engine, now, overfull, used);
        self.read = read;
        result
    }

    /// What comes often is done here, and the rest elsewhere: a small loop is a fast one.
    fn handle_bytes(
        &mut self,
        read: &[u8],
        engine: &mut Engine,
        now: Instant,
        overfull: bool,
        used: &mut usize,
    ) -> Result<bool, Ended> {
        let skips = (overfull || self.skipping) && self.is_unlimited();
        let plain = !skips && engine.delivers_plainly();
        for _ in 0..PACKETS {
            let input = read.get(*used..).unwrap_or_default();
            if skips && let Some(len) = acknowledged_publish(input) {
                self.skip(engine);
                *used += len;
                continue;
            }
            if plain && let Some(arrived) = engine.session.handle_message(input, engine.filters.known_topic()) {
                *used += arrived.consumed;
                engine.deliver_plain(read.as_ptr(), &arrived, overfull);
                continue;
            }
            if let Some(Succeeded { settled, consumed }) = engine.session.handle_success(input) {
                *used += consumed;
                if let Some((id, outcome)) = settled {
                    engine.round_trip.handle_answered(id, self.round);
                    engine.settle(id, outcome, Said::NOTHING, &mut self.wakers);
                }
                continue;
            }
            if !self.handle_packet(read, engine, now, overfull, used)? {
                return Ok(false);
            }
            if self.said.is_some() {
                break;
            }
        }
        Ok(true)
    }

    /// The server was told no Receive Maximum, as 3.1.1 cannot: nothing holds it back but our not reading.
    fn is_unlimited(&self) -> bool {
        self.options.settings().receive_maximum == u16::MAX || !self.options.settings().version.is_v5()
    }

    /// A message is thrown away: it will come again on the next connection.
    #[cold]
    fn skip(&mut self, engine: &mut Engine) {
        if !core::mem::replace(&mut self.skipping, true) {
            self.shared.set_reading_stopped(true);
        }
        engine.session.handle_packet_skipped();
    }

    /// Takes the next packet, whatever it is. False: there is none to be taken.
    #[inline(never)]
    fn handle_packet(
        &mut self,
        read: &[u8],
        engine: &mut Engine,
        now: Instant,
        overfull: bool,
        used: &mut usize,
    ) -> Result<bool, Ended> {
        let input = read.get(*used..).unwrap_or_default();
        let (consumed, told) = match engine.session.handle_input(now, input) {
            Progress::Packet { consumed, event } => (consumed, event),
            halt => return self.handle_halt(&halt, input).map(|()| false),
        };
        *used += consumed;
        match told {
            None if input.starts_with(&PINGRESP) => engine.round_trip.handle_ping_answered(self.round),
            None => {}
            Some(Told::Message { publish, delivery }) => engine.deliver(read.as_ptr(), &publish, delivery, overfull),
            Some(Told::Settled { id, outcome, properties }) => {
                engine.round_trip.handle_answered(id, self.round);
                engine.settle(id, outcome, Said::of(PacketType::Puback, properties), &mut self.wakers);
            }
            Some(told) => self.handle_told(engine, &told)?,
        }
        Ok(true)
    }
}

/// The bytes that messages refer to. Few of them are copied: whoever keeps one of these messages does not keep all the
/// memory for reading, which the next bytes are read into.
fn take_front(read: &mut BytesMut, len: usize) -> Bytes {
    if len > COPIED {
        return read.split_to(len).freeze();
    }
    let chunk = Bytes::copy_from_slice(read.get(..len).unwrap_or_default());
    // What is empty begins at its beginning again.
    if len == read.len() {
        read.clear();
    } else {
        read.advance(len);
    }
    chunk
}

/// The length of a PUBLISH with QoS 1 or 2 at the front, if it is all there: it will come again on the next connection
/// if it is not taken.
fn acknowledged_publish(input: &[u8]) -> Option<usize> {
    let header = FixedHeader::read(input).ok()??;
    let asks = header.first_byte >> 4 == PacketType::Publish as u8 && header.first_byte & 0x06 != 0;
    (asks && header.packet_len() <= input.len()).then(|| header.packet_len())
}

const PINGRESP: [u8; 2] = [0xD0, 0];
/// Packets handled under one lock.
const PACKETS: usize = 128;
/// Copied, and not referred to.
const COPIED: usize = 2 << 10;
/// Until more comes: most connections of a fleet say little.
pub(super) const FIRST_READ: usize = 1 << 10;
pub(super) const SMALL_READ: usize = 64 << 10;
/// While reads fill the buffer.
pub(super) const LARGE_READ: usize = 256 << 10;
/// So much is read in a turn, and then the application is to have it: then the next read finds the same memory, in the
/// cache.
pub(super) const TURN_BYTES: usize = LARGE_READ / 2;
/// Room that is made at once for a packet that says it is large.
pub(super) const LARGEST_READ: usize = 1 << 20;
