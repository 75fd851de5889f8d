use dunlin_codec::{FixedHeader, Properties, PropertyId, PublishHead, Qos, Version};

use super::{Outbound, short_run::Record};
use crate::{Buffer, EXPIRY, Instant, Memory, Outcome, Rejection, list::State};

/// Messages that expire, while no byte of them has left. Nothing is remembered of each: the four bytes of the Message
/// Expiry Interval in its record mean something else on the way out.
///
/// ```text
///             publish                  a run begins
///   interval ---------> as given          ^      \
///                          | stamp        |       v
///                          +--------> deadline   the rest, as the interval that is sent: it stays what it is
///                                         ^       |
///                                         +-------+ the connection was lost before a byte of it left
/// ```
///
/// A deadline is in whole seconds of the session's clock, rounded up: no message is dropped early, and each at most a
/// second late.
#[derive(Debug)]
pub(super) struct Aging {
    /// Unsent records with an interval; where there are none, nothing here costs anything.
    count: u32,
    /// Intervals of the records from here on are as they were given.
    stamped: usize,
    /// The message that was not stored when stamping came to it.
    waits: u16,
    /// No deadline is before this one.
    earliest: u32,
    /// That of the message which begins the run.
    begun: u32,
}

impl Aging {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self { count: 0, stamped: 0, waits: 0, earliest: NEVER, begun: 0 }
    }

    /// The log moved down by so many bytes.
    #[inline]
    pub(super) fn shift(&mut self, distance: usize) {
        if EXPIRY {
            self.stamped = self.stamped.wrapping_sub(distance);
        }
    }

    /// Nothing before `end` is begun any more.
    #[inline]
    pub(super) fn pass(&mut self, end: usize) {
        if EXPIRY {
            self.stamped = self.stamped.max(end);
        }
    }

    /// Of the records from here on one of so many bytes was taken out.
    #[inline]
    pub(super) fn cut(&mut self, at: usize, len: usize) {
        if EXPIRY && at < self.stamped {
            self.stamped = self.stamped.wrapping_sub(len);
        }
    }

    /// The record that was at `at` in the log before ends now at `end` in the one that is made anew.
    #[inline]
    pub(super) fn keep(&mut self, before: &Self, at: usize, deadline: Option<u32>, end: usize) {
        if let Some(deadline) = deadline.filter(|_| EXPIRY) {
            self.count = self.count.wrapping_add(1);
            self.earliest = self.earliest.min(deadline);
        }
        if EXPIRY && at < before.stamped {
            self.stamped = end;
        }
    }
}

impl<M: Memory> Outbound<M> {
    /// Whether a message waits that expires.
    #[inline]
    pub(crate) fn ages(&self) -> bool {
        EXPIRY && self.aging.count != 0
    }

    /// An unsent record with these properties was appended at `at`.
    #[inline]
    pub(super) fn note_expiry(&mut self, at: usize, properties: Properties<'_>) {
        if !EXPIRY || properties.is_empty() {
            return;
        }
        let Some(interval) = properties.number(PropertyId::MessageExpiryInterval) else { return };
        if self.aging.count == 0 {
            (self.aging.stamped, self.aging.earliest) = (at, NEVER);
        }
        self.aging.count = self.aging.count.wrapping_add(1);
        // Here and not when it is stamped: a store that has 0 would give it back as something that was sent.
        if interval == 0
            && let Some(place) = self.interval_at(at)
        {
            self.set_number_at(place, 1);
        }
    }

    /// Gives what was published since the last call its deadline, up to the first message that is not stored: a store
    /// is never given a deadline, which means nothing to another process.
    pub(crate) fn stamp(&mut self, now: Instant) {
        if self.aging.stamped == self.tail {
            return;
        }
        let mut id = self.first_unstamped();
        while self.aging.stamped < self.tail {
            let at = self.aging.stamped;
            let Some((len, next)) = self.step(at, id) else { return };
            if next != id && !self.may_be_stamped(id) {
                self.aging.waits = id;
                return;
            }
            if (next == id || self.is_unsent(id))
                && let Some(place) = self.interval_at(at)
            {
                let deadline = round_up(now).saturating_add(self.number_at(place).into()).min(NEVER.into());
                self.set_number_at(place, deadline as u32);
                self.aging.earliest = self.aging.earliest.min(deadline as u32);
            }
            (self.aging.stamped, id) = (at.wrapping_add(len), next);
        }
    }

    /// The unsent record at `at` will not be begun.
    pub(super) fn forget_expiry(&mut self, at: usize) {
        if self.deadline_at(at).is_some() {
            self.aging.count = self.aging.count.wrapping_sub(1);
        }
    }

    /// Bytes of the record at `at`, where `id` is the first listed one from there on, and the first one behind it.
    pub(super) fn step(&mut self, at: usize, id: u16) -> Option<(usize, u16)> {
        if let Some(slot) = self.slots.at(id).filter(|slot| slot.at as usize == at) {
            return Some((slot.len as usize, slot.next));
        }
        let header = FixedHeader::read(self.log.bytes().get(at..)?).ok()??;
        Some((header.packet_len(), id))
    }

    fn is_unsent(&mut self, id: u16) -> bool {
        self.slots.at(id).is_some_and(|slot| matches!(slot.state, State::Queued | State::Foreign))
    }

    fn may_be_stamped(&mut self, id: u16) -> bool {
        self.slots.at(id).is_some_and(|slot| slot.qos == Qos::AtMostOnce) || self.is_stored(id)
    }

    /// The first listed record from [`Aging::stamped`] on.
    fn first_unstamped(&mut self) -> u16 {
        let (stamped, waits) = (self.aging.stamped, self.aging.waits);
        if self.slots.at(waits).is_some_and(|slot| slot.state == State::Queued && slot.at as usize == stamped) {
            return waits;
        }
        let (mut id, mut last) = (0, self.published.last);
        while let Some(slot) = self.slots.at(last).filter(|slot| slot.at as usize >= stamped) {
            (id, last) = (last, slot.previous);
        }
        id
    }

    /// When the next unsent message expires, at the earliest.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        if self.ages() && self.aging.earliest != NEVER {
            Some(Instant::from_millis((self.aging.earliest as u64).wrapping_mul(1_000)))
        } else {
            None
        }
    }

    /// Settles what has expired, while nothing can be sent.
    pub(crate) fn expire(&mut self, now: Instant) {
        if has_passed(self.aging.earliest, now) {
            self.rebuild(&|message| {
                let expired = message.deadline.is_some_and(|deadline| has_passed(deadline, now));
                expired.then_some(Outcome::Rejected(Rejection::Expired))
            });
        }
    }

    /// A record that expires is the next to be begun: if it has time left, it holds the rest from now on as its interval.
    /// False: its time is over.
    pub(super) fn begin_aging(&mut self, place: usize, now: Instant) -> bool {
        let deadline = self.number_at(place);
        self.aging.count = self.aging.count.wrapping_sub(1);
        if has_passed(deadline, now) {
            return false;
        }
        let rest = (deadline as u64).saturating_sub(round_up(now)).max(1);
        self.set_number_at(place, rest as u32);
        self.aging.begun = deadline;
        true
    }

    /// The connection is lost: if no byte has left of the message that begins the run, it expires again.
    pub(super) fn put_deadline_back(&mut self) {
        let deadline = core::mem::take(&mut self.aging.begun);
        if deadline == 0 || self.cursor != self.run_start || self.cursor == self.run_end {
            return;
        }
        let Some(record) = self.unsent_record(self.cursor) else { return };
        let Some(place) = self.deadline_place(&record) else { return };
        self.set_number_at(place, deadline);
        self.aging.count = self.aging.count.wrapping_add(1);
    }

    /// When the unsent record at `at` expires; [`NEVER`] too if that is not known yet.
    pub(super) fn deadline_at(&self, at: usize) -> Option<u32> {
        if !self.ages() {
            return None;
        }
        let place = self.interval_at(at)?;
        Some(if at < self.aging.stamped { self.number_at(place) } else { NEVER })
    }

    /// Where the record's deadline is, if it is unsent and expires. What was sent before holds an interval.
    pub(super) fn deadline_place(&mut self, record: &Record) -> Option<usize> {
        if record.id == 0 || self.is_unsent(record.id) { self.interval_at(record.at) } else { None }
    }

    fn interval_at(&self, at: usize) -> Option<usize> {
        let head = PublishHead::read(Version::V5, self.log.bytes().get(at..self.tail)?)?;
        let properties = head.properties;
        let place = properties.place(PropertyId::MessageExpiryInterval)?;
        Some(at.wrapping_add(head.len).wrapping_sub(properties.as_bytes().len()).wrapping_add(place))
    }

    fn number_at(&self, place: usize) -> u32 {
        let bytes = self.log.bytes().get(place..).and_then(<[u8]>::first_chunk);
        bytes.copied().map_or(0, u32::from_be_bytes)
    }

    fn set_number_at(&mut self, place: usize, number: u32) {
        if let Some(bytes) = self.log.bytes_mut().get_mut(place..).and_then(<[u8]>::first_chunk_mut) {
            *bytes = number.to_be_bytes();
        }
    }
}

/// Whole seconds of the clock.
fn round_up(now: Instant) -> u64 {
    Instant::from_millis(now.as_millis().saturating_add(999)).as_secs()
}

fn has_passed(deadline: u32, now: Instant) -> bool {
    deadline != NEVER && deadline as u64 <= now.as_secs()
}

/// A clock that has run for 136 years, or a message that shall live as long.
const NEVER: u32 = u32::MAX;
