mod acceptance;
mod adoption;
mod aliased;
mod connection;
mod count;
mod expiry;
mod log;
mod outcomes;
mod overdue;
mod store;
mod transmission;
mod withdrawal;

use crate::{
    Memory, Segments,
    list::{List, Slots},
};
use acceptance::beyond;
use expiry::Aging;
pub(crate) use outcomes::Acknowledged;

pub(crate) type Payload<'p, M> = <<M as Memory>::Segments as Segments>::Payload<'p>;
pub(crate) type Shared<M> = <<M as Memory>::Segments as Segments>::Shared;
type Kept<M> = <<M as Memory>::Segments as Segments>::Kept;

/// Messages on their way out. A PUBLISH is written once into the log, and the same bytes are queue, transmission and
/// retained copy:
///
/// ```text
///   0 ....... run_start .... cursor .... run_end ....... unsent ....... tail
///   |  sent:    |  this run of packets is     |  next      |  waits for  |
///   |  kept if  |  being transmitted          |  run       |  the quota  |
///   |  listed   |                             |            |             |
/// ```
///
/// QoS 1 and 2 records, and QoS 0 records that expire or whose outcome is wanted, have a slot and are listed in
/// `published`, in the order of their acceptance, which is that of their addresses. The others are known by their bytes
/// alone. A slot whose payload rides beside the log has its head in the log. `run_start` is always where a record begins.
pub(crate) struct Outbound<M: Memory> {
    log: M::Log,
    segments: M::Segments,
    slots: Slots<M::Slots>,
    aliases: M::OutboundAliases,
    published: List,
    released: List,
    settled: List,
    run_start: usize,
    cursor: usize,
    run_end: usize,
    tail: usize,
    /// The first record that waits for the quota; 0: none.
    unsent: u16,
    /// The server may have identifiers in use that we know nothing about.
    adopted: bool,
    /// The first record whose identifier the server may have; 0: none.
    foreign: u16,
    /// The first of them whose PUBREL is not in the lane.
    foreign_next: u16,
    /// The first QoS 0 record whose outcome is wanted and not known; 0: none.
    watched: u16,
    /// PUBRELs to repeat after a resumption: from this one to that one.
    release_again: List,
    /// Messages that may go out; below 0 after a resumption with a lower Receive Maximum.
    quota: i32,
    /// SUBSCRIBEs and UNSUBSCRIBEs that wait for their answer.
    requests: u16,
    /// Messages whose answer was given up.
    given_up: u16,
    aging: Aging,
    pub(crate) journal: M::Journal,
}

impl<M: Memory> Outbound<M> {
    #[inline(always)]
    pub(crate) fn new(
        log: M::Log,
        segments: M::Segments,
        slots: M::Slots,
        aliases: M::OutboundAliases,
        journal: M::Journal,
    ) -> Self {
        // A run of zeros would be made by `memset`, which takes 0.2 KB of flash and is needed for nothing else: so the
        // compiler must not see that these are zeros.
        let zero = core::hint::black_box(0_u16);
        Self {
            log,
            segments,
            slots: Slots::new(slots),
            aliases,
            published: List::default(),
            released: List::default(),
            settled: List::default(),
            run_start: zero.into(),
            cursor: zero.into(),
            run_end: zero.into(),
            tail: zero.into(),
            unsent: zero,
            adopted: false,
            foreign: zero,
            foreign_next: zero,
            watched: zero,
            release_again: List::default(),
            quota: zero.into(),
            requests: 0,
            given_up: 0,
            aging: Aging::new(),
            journal,
        }
    }

    // ---- how much there is ----

    /// Bytes in the log that were not transmitted.
    #[inline]
    pub(crate) fn backlog(&self) -> usize {
        self.tail.wrapping_sub(self.cursor)
    }

    /// Whether the server owes an answer to something other than CONNECT and PINGREQ.
    pub(crate) fn awaits_answer(&self) -> bool {
        !self.published.is_empty() || !self.released.is_empty() || self.requests > 0
    }

    /// Whether the server owes an answer to anything of this connection: as [`awaits_answer`](Outbound::awaits_answer),
    /// without the messages of which no byte has left.
    pub(crate) fn is_drained(&mut self) -> bool {
        let first = self.slots.at(self.published.first).map(|slot| slot.at as usize);
        let has_begun = !self.is_between_packets() || first.is_some_and(|at| at < self.cursor);
        !has_begun && self.released.is_empty() && self.requests == 0
    }

    /// Whether every message that was published is settled.
    pub(crate) fn is_idle(&self) -> bool {
        self.cursor == self.tail && self.published.is_empty() && self.released.is_empty()
    }
}

const RETAIN: u8 = 0x01;
