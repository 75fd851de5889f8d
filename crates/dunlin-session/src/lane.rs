use dunlin_codec::{PacketId, ReasonCode, Version, copy_bytes};

use crate::Buffer;

/// The control lane: what goes out between PUBLISH packets, so that no queue of messages can hold it back.
#[derive(Debug)]
pub(crate) struct Lane<B> {
    buffer: B,
    cursor: usize,
    tail: usize,
    /// Something in here must be answered by the server.
    asks: bool,
}

impl<B: Buffer> Lane<B> {
    #[inline(always)]
    pub(crate) fn new(buffer: B) -> Self {
        Self { buffer, cursor: 0, tail: 0, asks: false }
    }

    pub(crate) fn clear(&mut self) {
        (self.cursor, self.tail, self.asks) = (0, 0, false);
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.cursor == self.tail
    }

    /// Whether an acknowledgement fits. To be asked before a packet that needs one is taken.
    #[inline]
    pub(crate) fn has_room(&mut self) -> bool {
        self.room(LONGEST_ACK).is_some()
    }

    /// Memory for `len` bytes; [`Lane::commit`] makes it part of the lane.
    #[inline]
    pub(crate) fn room(&mut self, len: usize) -> Option<&mut [u8]> {
        if self.is_empty() {
            (self.cursor, self.tail) = (0, 0);
        }
        let end = self.tail.wrapping_add(len);
        if self.buffer.bytes().len() < end && !self.buffer.grow(end) {
            self.compact();
        }
        let end = self.tail.wrapping_add(len);
        self.buffer.bytes_mut().get_mut(self.tail..end)
    }

    /// Makes [`Lane::free`] `len` bytes long or longer. False: it cannot.
    #[inline]
    pub(crate) fn grow(&mut self, len: usize) -> bool {
        self.buffer.grow(self.tail.wrapping_add(len))
    }

    /// The most that [`Lane::room`] could give without growing.
    pub(crate) fn free(&mut self) -> &mut [u8] {
        self.compact();
        self.buffer.bytes_mut().get_mut(self.tail..).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn commit(&mut self, len: usize, asks: bool) {
        self.tail = self.tail.wrapping_add(len);
        self.asks |= asks;
    }

    #[inline]
    pub(crate) fn put(&mut self, packet: &[u8], asks: bool) -> bool {
        let Some(room) = self.room(packet.len()) else { return false };
        copy_bytes(room, packet);
        self.commit(packet.len(), asks);
        true
    }

    /// An acknowledgement in its shortest form: the code only where it is not success, and 3.1.1 never.
    #[inline]
    pub(crate) fn acknowledge(&mut self, version: Version, first_byte: u8, id: PacketId, reason: ReasonCode) -> bool {
        let [high, low] = id.get().to_be_bytes();
        let asks = first_byte == PUBREL;
        if reason == ReasonCode::SUCCESS || !version.is_v5() {
            self.put(&[first_byte, 2, high, low], asks)
        } else {
            self.put(&[first_byte, 3, high, low, reason.get()], asks)
        }
    }

    /// What to transmit, and whether an answer must come.
    #[inline]
    pub(crate) fn pending(&self) -> Option<(&[u8], bool)> {
        let pending = self.buffer.bytes().get(self.cursor..self.tail)?;
        if pending.is_empty() { None } else { Some((pending, self.asks)) }
    }

    #[inline]
    pub(crate) fn transmitted(&mut self, len: usize) {
        self.cursor = self.cursor.wrapping_add(len).min(self.tail);
        if self.is_empty() {
            self.asks = false;
        }
    }

    #[cold]
    fn compact(&mut self) {
        let pending = self.tail.wrapping_sub(self.cursor);
        dunlin_codec::move_bytes_down(self.buffer.bytes_mut(), self.cursor, 0, pending);
        (self.cursor, self.tail) = (0, pending);
    }
}

pub(crate) const PUBACK: u8 = 0x40;
pub(crate) const PUBREC: u8 = 0x50;
pub(crate) const PUBREL: u8 = 0x62;
pub(crate) const PUBCOMP: u8 = 0x70;

const LONGEST_ACK: usize = 5;
