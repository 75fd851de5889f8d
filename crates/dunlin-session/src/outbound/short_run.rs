use core::cmp::Ordering;

use dunlin_codec::{PacketId, PublishHead, Qos, Version};

use super::Outbound;
use crate::{Buffer, Instant, Limits, Memory, OutboundAliases, Outcome, Rejection, Segments};

/// Runs where some messages are not sent as they stand in the log: a message that expires, or whose topic may be named
/// by an alias, is a run of its own. The others go together up to the next such message. (3.1.1 has neither.)
impl<M: Memory> Outbound<M> {
    /// Begins the next run.
    #[cold]
    pub(super) fn begin_short_run(&mut self, now: Instant, limits: &Limits) -> Option<bool> {
        loop {
            let record = self.unsent_record(self.cursor)?;
            let deadline = self.deadline_place(&record);
            if deadline.is_some_and(|place| !self.begin_aging(place, now)) {
                self.drop_first(&record);
                continue;
            }
            let aliased = record.is_worth_an_alias && self.make_head(&record, limits);
            return Some(match aliased || deadline.is_some() {
                true => self.begin_run_of(&record),
                false => self.begin_run_from(record),
            });
        }
    }

    fn begin_run_of(&mut self, record: &Record) -> bool {
        self.run_end = record.end;
        record.qos != Qos::AtMostOnce
    }

    /// With this record and those behind it, up to one that is a run of its own, or a payload beside the log.
    fn begin_run_from(&mut self, mut record: Record) -> bool {
        let mut asks = false;
        loop {
            asks |= self.begin_run_of(&record);
            if record.beside {
                return asks;
            }
            match self.unsent_record(record.end) {
                Some(next) if !next.is_worth_an_alias && self.deadline_place(&next).is_none() => record = next,
                _ => return asks,
            }
        }
    }

    /// The record at the cursor is not sent.
    fn drop_first(&mut self, record: &Record) {
        (self.run_start, self.cursor, self.run_end) = (record.end, record.end, record.end);
        if record.beside {
            self.segments.pop();
        }
        let id = if record.id == 0 { self.watched_at(record.at) } else { record.id };
        if id == 0 {
            return;
        }
        if id == self.watched {
            self.watched = self.next_watched(id);
        }
        self.slots.unlink(&mut self.published, id);
        self.settle_later(id, Outcome::Rejected(Rejection::Expired));
        if record.qos != Qos::AtMostOnce {
            self.grant();
        }
    }

    /// The slot of the QoS 0 record at `at`; 0: it has none.
    fn watched_at(&mut self, at: usize) -> u16 {
        let mut id = self.watched;
        while let Some(slot) = self.slots.at(id) {
            match (slot.at as usize).cmp(&at) {
                Ordering::Less => id = slot.next,
                Ordering::Equal => return id,
                Ordering::Greater => return 0,
            }
        }
        0
    }

    /// The record at `at`, from the cursor on and before what waits for the quota. No payload beside the log may be
    /// between the cursor and it.
    pub(super) fn unsent_record(&mut self, at: usize) -> Option<Record> {
        let end = self.sendable_end().0;
        let head = PublishHead::read(Version::V5, self.log.bytes().get(at..end)?)?;
        let head_end = at.wrapping_add(head.len);
        let beside = self.segments.first().is_some_and(|(payload_at, _)| payload_at == head_end);
        Some(Record {
            at,
            end: if beside { head_end } else { at.wrapping_add(head.packet_len) },
            beside,
            is_worth_an_alias: self.aliases.are_allowed() && head.topic.as_bytes().len() > ALIAS_COST,
            qos: head.qos,
            id: head.packet_id.map_or(0, PacketId::get),
        })
    }
}

/// A record that is not begun.
pub(super) struct Record {
    pub(super) at: usize,
    pub(super) end: usize,
    /// Its payload rides beside the log.
    pub(super) beside: bool,
    /// Aliases are allowed, and it has a topic that is longer than one.
    is_worth_an_alias: bool,
    pub(super) qos: Qos,
    /// 0: it has none in the packet.
    pub(super) id: u16,
}

/// Bytes that a Topic Alias takes in the packet.
const ALIAS_COST: usize = 3;
