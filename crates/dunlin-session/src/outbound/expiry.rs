use dunlin_codec::{Properties, PropertyId, PublishHead, Version};

use super::Outbound;
use crate::{Buffer, EXPIRY, Instant, Memory, Outcome, Rejection};

/// Messages that expire, while no byte of them has left. Each has a slot, whatever its QoS:
///
/// ```text
///            publish             stamp               a run begins
///   slot:  --------> interval --------> deadline
///   log:   --------> interval as given ------------> the rest, as the interval that is sent
/// ```
///
/// A deadline is in whole seconds of the session's clock, rounded up: no message is dropped early, and each at most a
/// second late.
#[derive(Debug)]
pub(super) struct Aging {
    /// The first unsent record that expires; 0: there is none, and nothing here costs anything.
    next: u16,
    /// From this record on, slots have intervals that wait for the time; 0: none does. Without a `next` it means nothing.
    fresh: u16,
    /// No deadline is before this one.
    earliest: u32,
}

impl Aging {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self { next: 0, fresh: 0, earliest: NEVER }
    }
}

impl<M: Memory> Outbound<M> {
    /// Whether a message waits that expires.
    #[inline]
    pub(crate) fn ages(&self) -> bool {
        EXPIRY && self.aging.next != 0
    }

    /// The unsent record that was listed last expires after so many seconds; 0: never.
    #[inline]
    pub(super) fn note_expiry(&mut self, id: u16, interval: u32) {
        if !EXPIRY || interval == 0 {
            return;
        }
        let Some(slot) = self.slots.at(id) else { return };
        slot.deadline = [interval; _];
        if interval == 1 {
            // It may have been 0, with which a server would throw a repetition away that the first one has reached.
            let at = slot.at as usize;
            self.set_interval(at, 1);
        }
        if self.aging.next == 0 {
            self.aging = Aging { next: id, fresh: id, earliest: NEVER };
        } else if self.aging.fresh == 0 {
            self.aging.fresh = id;
        }
    }

    /// Gives what was published since the last call its deadline.
    pub(crate) fn stamp(&mut self, now: Instant) {
        let mut id = core::mem::take(&mut self.aging.fresh);
        while let Some(slot) = self.slots.at(id) {
            id = slot.next;
            if slot.deadline() != 0 {
                let deadline = round_up(now).saturating_add(slot.deadline().into()).min(NEVER.into()) as u32;
                slot.deadline = [deadline; _];
                self.aging.earliest = self.aging.earliest.min(deadline);
            }
        }
    }

    /// The record will not be begun. It is listed still.
    pub(super) fn forget_expiry(&mut self, id: u16) {
        if !EXPIRY {
            return;
        }
        if id == self.aging.fresh {
            self.aging.fresh = self.slots.next_of(id);
        }
        if id == self.aging.next {
            self.pass_expiring();
        }
    }

    /// From the beginning of the list: what was begun may be unsent again.
    pub(super) fn find_expiring(&mut self) {
        if EXPIRY {
            self.aging.next = self.expiring_from(self.published.first);
        }
    }

    fn pass_expiring(&mut self) {
        let next = self.slots.next_of(self.aging.next);
        self.aging.next = self.expiring_from(next);
    }

    fn expiring_from(&mut self, mut id: u16) -> u16 {
        while let Some(slot) = self.slots.at(id).filter(|slot| slot.deadline() == 0 || !slot.is_unsent()) {
            id = slot.next;
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
        if !has_passed(self.aging.earliest, now) {
            return;
        }
        self.rebuild(&|message| has_passed(message.deadline, now).then_some(Outcome::Rejected(Rejection::Expired)));
        self.aging.earliest = NEVER;
        let mut id = self.aging.next;
        while let Some(slot) = self.slots.at(id) {
            self.aging.earliest = self.aging.earliest.min(slot.deadline());
            id = slot.next;
            id = self.expiring_from(id);
        }
    }

    /// A run that would end at `end`, behind the listed record `last`, ends before the next record that expires, which is
    /// a run of its own: it goes out with what is left of its time. `None`: that was to be begun, but its time is over.
    #[cold]
    pub(super) fn cut_before_expiring(&mut self, end: usize, last: u16, now: Instant) -> Option<(usize, u16)> {
        let id = self.aging.next;
        let Some(slot) = self.slots.at(id).filter(|slot| (slot.at as usize) < end) else { return Some((end, last)) };
        let (at, len, deadline) = (slot.at as usize, slot.len as usize, slot.deadline());
        if at > self.cursor {
            return Some((at, slot.previous));
        }
        let end = at.wrapping_add(len);
        if has_passed(deadline, now) {
            self.pass(end);
            self.unlist(id, Outcome::Rejected(Rejection::Expired));
            return None;
        }
        self.pass_expiring();
        if deadline != NEVER {
            let rest = (deadline as u64).saturating_sub(round_up(now)).max(1);
            self.set_interval(at, rest as u32);
        }
        Some((end, id))
    }

    /// Of the record at `at`, which has one.
    fn set_interval(&mut self, at: usize, interval: u32) {
        let bytes = self.log.bytes_mut().get_mut(at..).unwrap_or_default();
        let Some(head) = PublishHead::read(Version::V5, bytes) else { return };
        let (end, properties) = (head.len, head.properties);
        let Some(place) = properties.place(PropertyId::MessageExpiryInterval) else { return };
        let place = end.wrapping_sub(properties.as_bytes().len()).wrapping_add(place);
        if let Some(bytes) = bytes.get_mut(place..).and_then(<[u8]>::first_chunk_mut) {
            *bytes = interval.to_be_bytes();
        }
    }
}

/// The Message Expiry Interval, where 0 is as good as 1; 0: there is none.
#[inline]
pub(super) fn interval(properties: Properties<'_>) -> u32 {
    if !EXPIRY || properties.is_empty() {
        return 0;
    }
    properties.number(PropertyId::MessageExpiryInterval).map_or(0, |interval| interval.max(1))
}

/// Whole seconds of the clock.
fn round_up(now: Instant) -> u64 {
    Instant::from_millis(now.as_millis().saturating_add(999)).as_secs()
}

fn has_passed(deadline: u32, now: Instant) -> bool {
    deadline != 0 && deadline != NEVER && deadline as u64 <= now.as_secs()
}

/// A clock that has run for 136 years, or a message that shall live as long.
const NEVER: u32 = u32::MAX;
