use dunlin_codec::Qos;

use super::{Account, Fate};

/// A message that expires. Seconds are whole ones of the client's clock, and the end of its time is rounded up; all else
/// is in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expiry {
    /// Seconds.
    given: u32,
    /// Its time counts from here at the earliest.
    since: u64,
    /// And from here at the latest: the session was told the time, and the store had the message.
    counted: Option<u64>,
    /// When the client began to send it, as far as its driver knows.
    begun_at: Option<u64>,
    /// A byte of it has left.
    has_left: bool,
    /// A process that crashed may have begun it, and nobody knows when. So it is sent again, even if it had run out.
    is_old: bool,
    /// What it arrived with; so it comes again.
    sent: Option<u32>,
}

/// What the store has of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored {
    /// It may have been begun.
    pub(crate) begun: bool,
    /// The Message Expiry Interval in its packet, in seconds.
    pub(crate) interval: Option<u32>,
}

impl Expiry {
    /// The process crashed, and the next one has the message. It cannot know how long that took.
    pub(super) fn restart(&mut self, now: u64, stored: Stored) {
        let given = stored.interval.map_or(self.given, |interval| interval.max(1));
        let is_old = stored.begun;
        *self = Self { given, since: now, counted: None, begun_at: None, has_left: is_old, is_old, sent: None };
    }

    /// So short that it may run out even where nothing goes wrong.
    pub(super) fn is_short(&self) -> bool {
        self.given < 60
    }

    /// The second in which its time is over, if that counts from `since`.
    fn deadline(&self, since: u64) -> u64 {
        since.div_ceil(1_000) + u64::from(self.given)
    }

    /// What is left of it, if it is begun then.
    fn rest(&self, since: u64, begun_at: u64) -> u64 {
        let rest = self.deadline(since).saturating_sub(begun_at.div_ceil(1_000));
        rest.clamp(1, self.given.into())
    }
}

impl Account {
    /// The message was accepted just now, with an interval in seconds.
    pub(crate) fn expires(&mut self, now: u64, number: u32, interval: Option<u32>) {
        self.uncounted.push_back(number);
        // 0 counts as 1.
        self.published[number as usize].expiry = interval.map(|interval| Expiry {
            given: interval.max(1),
            since: now,
            counted: None,
            begun_at: None,
            has_left: false,
            is_old: false,
            sent: None,
        });
    }

    /// The session is told the time. With a store, what is not stored does not count yet, nor does what is behind it.
    pub(crate) fn count(&mut self, now: u64, has_store: bool) {
        while let Some(number) = self.uncounted.front() {
            let published = &mut self.published[*number as usize];
            let is_stored = published.qos == Qos::AtMostOnce || published.is_stored;
            if has_store && published.fate == Fate::Open && !is_stored {
                return;
            }
            if let Some(expiry) = &mut published.expiry {
                expiry.counted.get_or_insert(now);
            }
            self.uncounted.pop_front();
        }
    }

    /// The session gives the first bytes of a message to its driver; `left`: some of them are on the link.
    pub(crate) fn give_first_bytes(&mut self, now: u64, number: u32, left: bool) {
        if let Some(expiry) = self.published[number as usize].expiry.as_mut().filter(|expiry| !expiry.has_left) {
            // As long as the link takes none of them, the same are given again.
            expiry.begun_at.get_or_insert(now);
            expiry.has_left = left;
        }
    }

    /// The connection is lost: what had not begun is to be begun anew.
    pub(crate) fn lose_connection(&mut self) {
        let waiting = self.published.iter_mut().filter_map(|published| published.expiry.as_mut());
        waiting.filter(|expiry| !expiry.has_left).for_each(|expiry| expiry.begun_at = None);
    }

    /// A message arrived on a connection that was accepted at `accepted_at`: its interval is what was left of it when the
    /// client began to send it, and it was not over.
    pub(crate) fn check_interval(&mut self, now: u64, accepted_at: u64, number: u32, interval: Option<u32>) {
        let Some(expiry) = self.published.get_mut(number as usize).and_then(|published| published.expiry.as_mut())
        else {
            return assert_eq!(interval, None, "message {number} expires, and nobody said so");
        };
        let Some(interval) = interval else { panic!("message {number} does not expire: was {expiry:?}") };
        if let Some(sent) = expiry.sent {
            return assert_eq!(interval, sent, "message {number} comes again with another interval");
        }
        expiry.sent = Some(interval);
        let (least, most) = match expiry.begun_at {
            _ if expiry.is_old => (1, expiry.given.into()),
            begun_at => {
                let (first, last) = (begun_at.unwrap_or(accepted_at), begun_at.unwrap_or(now));
                let counted = expiry.counted.unwrap_or(first);
                assert!(
                    first / 1_000 < expiry.deadline(counted),
                    "message {number} was begun when its time was over: {expiry:?}"
                );
                (expiry.rest(expiry.since, last), expiry.rest(counted, first))
            }
        };
        let as_it_aged = (least..=most).contains(&interval.into());
        assert!(as_it_aged, "message {number} expires after {interval} s, not {least} to {most}: {expiry:?}");
    }

    /// The client says that the message expired.
    pub(crate) fn check_expired(&self, now: u64, number: u32) {
        let expiry = self.published[number as usize].expiry;
        let is_over = expiry.is_some_and(|expiry| !expiry.has_left && expiry.deadline(expiry.since) <= now / 1_000);
        assert!(is_over, "message {number} expired, it says: {expiry:?}");
    }

    /// What is written of a message holds an interval that it was given or sent with, never a time of the clock.
    pub(crate) fn check_record(&self, number: u32, interval: Option<u32>) {
        let Some(expiry) = self.published[number as usize].expiry else {
            return assert_eq!(interval, None, "message {number} is stored with an interval");
        };
        let interval = interval.map(|interval| interval.max(1));
        let is_its_own = interval == Some(expiry.given) || (expiry.has_left && interval <= Some(expiry.given));
        assert!(is_its_own, "message {number} is stored with the interval {interval:?}: {expiry:?}");
    }
}
