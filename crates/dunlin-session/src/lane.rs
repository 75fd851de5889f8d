use dunlin_codec::{PacketId, ReasonCode, Version, copy_bytes};

use crate::{Buffer, LIMITS};

/// The control lane: what goes out between PUBLISH packets, so that no queue of messages can hold it back.
#[derive(Debug)]
pub(crate) struct Lane<B> {
    buffer: B,
    cursor: usize,
    tail: usize,
    /// Where the last packet ends that must be answered by the server.
    asks_until: usize,
    /// Bytes that were put in since it was made, where [`Lane::has_left`] looks at it.
    put: u32,
}

impl<B: Buffer> Lane<B> {
    #[inline(always)]
    pub(crate) fn new(buffer: B) -> Self {
        Self { buffer, cursor: 0, tail: 0, asks_until: 0, put: 0 }
    }

    pub(crate) fn clear(&mut self) {
        (self.cursor, self.tail, self.asks_until) = (0, 0, 0);
    }

    /// Where the packet ends that was put in last, to ask [`Lane::has_left`] by.
    #[inline]
    pub(crate) fn end(&self) -> u32 {
        self.put
    }

    /// Whether the packet that ends there was wholly transmitted; true where nobody wants to know.
    // After 4 GiB one could be taken for another: nothing waits for its answer for so long.
    #[inline]
    pub(crate) fn has_left(&self, end: u32) -> bool {
        !LIMITS || self.put.wrapping_sub(end) as usize >= self.tail.wrapping_sub(self.cursor)
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
            self.clear();
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
        if LIMITS {
            self.put = self.put.wrapping_add(len as u32);
        }
        if asks {
            self.asks_until = self.tail;
        }
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
            let Some(room) = self.room(SHORTEST_ACK).and_then(|room| room.first_chunk_mut()) else { return false };
            *room = success(first_byte, id);
            self.commit(SHORTEST_ACK, asks);
            return true;
        }
        self.put(&[first_byte, 3, high, low, reason.get()], asks)
    }

    /// What to transmit, and whether an answer to some of it must come.
    #[inline]
    pub(crate) fn pending(&self) -> Option<(&[u8], bool)> {
        let pending = self.buffer.bytes().get(self.cursor..self.tail)?;
        if pending.is_empty() { None } else { Some((pending, self.cursor < self.asks_until)) }
    }

    #[inline]
    pub(crate) fn transmitted(&mut self, len: usize) {
        self.cursor = self.cursor.wrapping_add(len).min(self.tail);
    }

    #[cold]
    fn compact(&mut self) {
        let pending = self.tail.wrapping_sub(self.cursor);
        dunlin_codec::move_bytes_down(self.buffer.bytes_mut(), self.cursor, 0, pending);
        self.asks_until = self.asks_until.saturating_sub(self.cursor);
        (self.cursor, self.tail) = (0, pending);
    }
}

/// An acknowledgement that says "success".
#[inline(always)]
pub(crate) const fn success(first_byte: u8, id: PacketId) -> [u8; SHORTEST_ACK] {
    let [high, low] = id.get().to_be_bytes();
    [first_byte, 2, high, low]
}

pub(crate) const PUBACK: u8 = 0x40;
pub(crate) const PUBREC: u8 = 0x50;
pub(crate) const PUBREL: u8 = 0x62;
pub(crate) const PUBCOMP: u8 = 0x70;

/// Without a reason code.
pub(crate) const SHORTEST_ACK: usize = 4;
/// With a reason code.
pub(crate) const LONGEST_ACK: usize = 5;

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, vec, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Put(Vec<u8>),
        Acknowledge(u16, u8),
        Transmit(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..12).prop_map(Step::Put),
            (1..9_u16, 0..3_u8).prop_map(|(id, reason)| Step::Acknowledge(id, reason)),
            (0..20_usize).prop_map(Step::Transmit),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// What is put in comes out, whole and in order; what is refused had no room, gaps closed.
        #[test]
        fn a_lane_is_a_queue_of_bytes(steps in prop::collection::vec(step(), 0..100)) {
            let mut memory = [0; 24];
            let mut lane = Lane::new(&mut memory[..]);
            let mut model = VecDeque::new();
            for step in steps {
                match step {
                    Step::Put(packet) => {
                        prop_assert_eq!(lane.put(&packet, false), model.len() + packet.len() <= 24);
                        if model.len() + packet.len() <= 24 {
                            model.extend(packet);
                        }
                    }
                    Step::Acknowledge(id, reason) => {
                        let has_room = lane.has_room();
                        prop_assert_eq!(has_room, model.len() + LONGEST_ACK <= 24);
                        if has_room {
                            let id_bytes = id.to_be_bytes();
                            let packet = if reason == 0 { vec![PUBACK, 2] } else { vec![PUBACK, 3] };
                            model.extend(packet.into_iter().chain(id_bytes).chain((reason != 0).then_some(reason)));
                            let id = PacketId::new(id).unwrap();
                            prop_assert!(lane.acknowledge(Version::V5, PUBACK, id, ReasonCode::new(reason)));
                        }
                    }
                    Step::Transmit(len) => {
                        lane.transmitted(len);
                        model.drain(..len.min(model.len()));
                    }
                }
                let pending = lane.pending().map_or(vec![], |(bytes, asks)| {
                    assert!(!asks);
                    bytes.to_vec()
                });
                prop_assert_eq!(pending, model.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(lane.is_empty(), model.is_empty());
            }
        }
    }

    /// What is behind it may wait for long, and nothing is owed for that.
    #[test]
    fn it_asks_until_the_last_packet_that_asks_has_left() {
        let mut memory = [0; 24];
        let mut lane = Lane::new(&mut memory[..]);
        assert!(lane.put(&[1, 2], true) && lane.put(&[3, 4], false));
        assert_eq!(lane.pending(), Some((&[1, 2, 3, 4][..], true)));
        lane.transmitted(1);
        assert_eq!(lane.free().len(), 21, "the gap is closed");
        assert_eq!(lane.pending(), Some((&[2, 3, 4][..], true)));
        lane.transmitted(1);
        assert_eq!(lane.pending(), Some((&[3, 4][..], false)));
        lane.transmitted(2);
        assert!(lane.put(&[5], false));
        assert_eq!(lane.pending(), Some((&[5][..], false)));
    }

    /// A PUBREL asks for its PUBCOMP; 3.1.1 has no codes.
    #[test]
    fn acknowledgements_are_as_short_as_their_version_allows() {
        let mut memory = [0; 24];
        let id = PacketId::new(0x0102).unwrap();
        for (version, first_byte, reason, bytes, asks) in [
            (Version::V5, PUBREC, 0x00, &[0x50, 2, 1, 2][..], false),
            (Version::V5, PUBREL, 0x92, &[0x62, 3, 1, 2, 0x92], true),
            (Version::V3_1_1, PUBCOMP, 0x92, &[0x70, 2, 1, 2], false),
        ] {
            let mut lane = Lane::new(&mut memory[..]);
            assert!(lane.acknowledge(version, first_byte, id, ReasonCode::new(reason)));
            assert_eq!(lane.pending(), Some((bytes, asks)));
        }
    }
}
