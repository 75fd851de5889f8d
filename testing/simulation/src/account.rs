mod expiry;

use std::collections::VecDeque;

use dunlin_codec::{Qos, ReasonCode};
use dunlin_session::{Outcome, Rejection, Uncertainty};

use crate::{message::topic, tally::Tally};
use expiry::Expiry;
pub(crate) use expiry::Stored;

/// What became of every message, both ways. What the standard or our design forbids ends the run where it happens; the
/// rest is looked at in the end.
#[derive(Debug, Default)]
pub(crate) struct Account {
    published: Vec<Published>,
    accepted: u32,
    /// Messages whose time does not count yet, in the order of acceptance.
    uncounted: VecDeque<u32>,
    offered: Vec<Offered>,
    /// Topics whose subscription was given up for a while.
    skipped: [bool; 3],
    /// The sequence of the newest message that arrived for the first time, by topic and QoS.
    newest_arrived: [[Option<u32>; 3]; 3],
    newest_told: [[Option<u32>; 3]; 3],
    /// The server has forgotten a session.
    pub(crate) session_was_lost: bool,
    /// The server has lowered its limits.
    pub(crate) limits_were_lowered: bool,
    /// The client was closed for good.
    pub(crate) was_closed: bool,
    /// A full queue drops what was not begun.
    pub(crate) drops: bool,
    /// Between the session and the link there is a driver's buffer: what is in it has begun. And QoS 0 messages that the
    /// application does not take in time are dropped.
    pub(crate) has_a_driver: bool,
}

/// A message of the client.
#[derive(Debug, Clone, Copy)]
struct Published {
    /// The order of acceptance.
    sequence: u32,
    qos: Qos,
    retain: bool,
    len: usize,
    /// Its outcome is told.
    tracked: bool,
    /// Some of it was transmitted.
    begun: bool,
    /// Some of it may have been.
    perhaps_begun: bool,
    /// How often the server accepted it.
    arrived: u32,
    refused: Option<ReasonCode>,
    fate: Fate,
    /// The client knows that its store has it.
    is_stored: bool,
    /// It has a Message Expiry Interval.
    expiry: Option<Expiry>,
    /// What an event said of it.
    heard: Option<Outcome>,
    /// Nobody waits for its outcome but who listens to events.
    by_event: bool,
    /// The client crashed before it was stored that it is not delivered, and so tries once more.
    again: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It was made and is not accepted.
    Reserved,
    /// Nobody knows whether it was accepted.
    Perhaps,
    Open,
    Settled(Outcome),
    /// The client crashed with it, and had no store.
    Crashed,
    /// The client crashed before it was stored: no byte of it had left, unless it was QoS 0.
    Forgotten,
}

/// A message of the server.
#[derive(Debug, Clone, Copy)]
struct Offered {
    qos: Qos,
    len: usize,
    /// There was a subscription.
    wanted: bool,
    told: u32,
    /// The client crashed before it was stored that it has it, or declined it, which makes its identifier free: it may be
    /// told once more.
    may_repeat: bool,
    /// The client crashed between storing that it has it and handing it over.
    lost_in_hand: bool,
    /// The client has stored that it has it.
    is_stored: bool,
}

impl Offered {
    /// What nobody subscribed to.
    const NOBODY: Self = Self {
        qos: Qos::AtMostOnce,
        len: 0,
        wanted: false,
        told: 0,
        may_repeat: false,
        lost_in_hand: false,
        is_stored: false,
    };
}

impl Account {
    // ---- messages of the client ----

    /// The number of the next message.
    pub(crate) fn next_number(&self) -> u32 {
        self.published.len() as u32
    }

    /// The client accepted the message with the next number.
    pub(crate) fn accept(&mut self, qos: Qos, retain: bool, len: usize, tracked: bool) {
        let number = self.reserve(qos, retain, len);
        self.accept_reserved(number, tracked);
    }

    /// Makes a message that may be accepted later.
    pub(crate) fn reserve(&mut self, qos: Qos, retain: bool, len: usize) -> u32 {
        self.published.push(Published {
            sequence: u32::MAX,
            qos,
            retain,
            len: len.max(4),
            tracked: false,
            begun: false,
            perhaps_begun: false,
            arrived: 0,
            refused: None,
            fate: Fate::Reserved,
            is_stored: false,
            expiry: None,
            heard: None,
            by_event: false,
            again: false,
        });
        self.next_number() - 1
    }

    /// The client has just accepted it.
    pub(crate) fn accept_reserved(&mut self, number: u32, tracked: bool) {
        let published = &mut self.published[number as usize];
        (published.sequence, published.tracked, published.fate) = (self.accepted, tracked, Fate::Open);
        self.accepted += 1;
    }

    /// The client may have accepted it just now, and nobody is told.
    pub(crate) fn accept_perhaps(&mut self, number: u32) {
        let published = &mut self.published[number as usize];
        (published.sequence, published.fate) = (self.accepted, Fate::Perhaps);
        self.accepted += 1;
    }

    /// When it was accepted, compared with others.
    pub(crate) fn sequence(&self, number: u32) -> u32 {
        self.published.get(number as usize).map_or(u32::MAX, |published| published.sequence)
    }

    /// Nobody waits for its outcome any more; an event tells it.
    pub(crate) fn drop_receipt(&mut self, number: u32) {
        let published = &mut self.published[number as usize];
        published.by_event = true;
        if let Some(outcome) = published.heard {
            self.settle(number, outcome);
        }
    }

    /// An event tells its outcome.
    pub(crate) fn hear(&mut self, number: u32, outcome: Outcome) {
        let published = &mut self.published[number as usize];
        assert_eq!(published.heard, None, "an event tells of message {number} again: {outcome:?}");
        published.heard = Some(outcome);
        if published.by_event {
            self.settle(number, outcome);
        }
    }

    /// Messages without an outcome.
    pub(crate) fn open(&self) -> String {
        let is_open = |published: &Published| published.fate == Fate::Open && published.tracked;
        let open = self.published.iter().enumerate().filter(|(_, published)| is_open(published));
        open.map(|(number, _)| number.to_string()).collect::<Vec<_>>().join(" ")
    }

    /// The first byte of the message has left, or more.
    pub(crate) fn begin(&mut self, number: u32) {
        self.published[number as usize].begun = true;
    }

    /// A part of a PUBLISH has left that is too short to say which: one behind the one that left before it. `is_exact`:
    /// outcomes are told at once.
    pub(crate) fn begin_unnamed(&mut self, behind: Option<u32>, qos: Qos, retain: bool, is_exact: bool) {
        for published in &mut self.published {
            let may_be = published.fate == Fate::Open && behind < Some(published.sequence);
            if may_be && published.qos == qos && published.retain == retain {
                // One that was begun before may be withdrawn by now, and is not sent again.
                let was_begun = published.begun || core::mem::replace(&mut published.perhaps_begun, true);
                // A QoS 0 message that nobody asks about may have been lost before; one that expires may have run out, and
                // its outcome is told only later.
                if is_exact && !was_begun && published.tracked && published.expiry.is_none() {
                    return;
                }
            }
        }
    }

    /// The server has the whole of a message and accepts it. For QoS 2: its identifier was not known.
    pub(crate) fn arrive(&mut self, number: u32, qos: Qos, retain: bool, len: usize) {
        let Some(published) = self.published.get_mut(number as usize) else {
            panic!("message {number} was never published");
        };
        assert!(published.fate != Fate::Reserved, "message {number} was never accepted");
        let as_published = published.qos == qos && published.retain == retain && published.len == len;
        assert!(as_published, "message {number} is {qos}, retain {retain}, {len} bytes: was {published:?}");
        published.begun = true;
        published.arrived += 1;
        match qos {
            Qos::AtMostOnce => assert!(published.arrived == 1, "message {number} of QoS 0 arrived twice"),
            Qos::ExactlyOnce => assert!(published.arrived == 1, "message {number} of QoS 2 arrived twice"),
            Qos::AtLeastOnce => {}
        }
        if published.arrived == 1 {
            let newest = &mut self.newest_arrived[qos as usize][number as usize % 3];
            let sequence = published.sequence;
            let in_order = published.again || *newest < Some(sequence);
            assert!(in_order, "message {number}, {qos}, arrived behind a newer one of its topic");
            *newest = (*newest).max(Some(sequence));
        }
    }

    /// The server answers the message with an error.
    pub(crate) fn refuse(&mut self, number: u32, reason: ReasonCode) {
        self.published[number as usize].refused = Some(reason);
    }

    pub(crate) fn settle(&mut self, number: u32, outcome: Outcome) {
        let published = &mut self.published[number as usize];
        assert_eq!(published.fate, Fate::Open, "message {number} is settled again, as {outcome:?}");
        assert!(published.heard.is_none_or(|heard| heard == outcome), "an event told another outcome: {published:?}");
        published.fate = Fate::Settled(outcome);
    }

    /// The client crashed and has no store: its open messages have no outcome, and it does not know what it was told.
    pub(crate) fn crash(&mut self, tally: &mut Tally) {
        for published in &mut self.published {
            if published.fate == Fate::Open {
                published.fate = Fate::Crashed;
                tally.crashed_with += 1;
            }
        }
        self.offered.iter_mut().for_each(|offered| offered.may_repeat = true);
    }

    /// The client crashed and goes on with what it stored. `stored`: whether it has a message, and whether that one may
    /// have been begun, as far as the store knows.
    pub(crate) fn restart(&mut self, now: u64, stored: impl Fn(u32) -> Option<Stored>) {
        self.uncounted.clear();
        for (number, published) in self.published.iter_mut().enumerate() {
            let stored = stored(number as u32);
            if let (Some(expiry), Some(stored)) = (&mut published.expiry, stored) {
                expiry.restart(now, stored);
            }
            if stored.is_some() {
                published.is_stored = true;
                self.uncounted.push_back(number as u32);
            }
            match (published.fate, stored.map(|stored| stored.begun)) {
                (Fate::Open, None) => published.fate = Fate::Forgotten,
                (Fate::Open, Some(begun)) => {
                    published.perhaps_begun |= begun;
                    // It may have been withdrawn before, or have run out, and others went by: that was not stored.
                    published.again |= self.limits_were_lowered || published.expiry.is_some();
                }
                (Fate::Settled(outcome), Some(begun)) => {
                    published.fate = Fate::Open;
                    published.perhaps_begun |= begun;
                    published.again |= !matches!(outcome, Outcome::Delivered(_));
                }
                _ => {}
            }
        }
        let waiting = self.offered.iter_mut().filter(|offered| offered.qos == Qos::ExactlyOnce);
        waiting.for_each(|offered| offered.may_repeat |= !offered.is_stored);
    }

    /// The client hears that its store has a message.
    pub(crate) fn store(&mut self, number: u32) {
        self.published[number as usize].is_stored = true;
    }

    /// The store deletes a message.
    pub(crate) fn check_deleted(&self, number: u32) {
        let fate = self.published[number as usize].fate;
        assert!(matches!(fate, Fate::Settled(_)), "message {number} is deleted from the store and is {fate:?}");
    }

    /// What the store says of a message that waits, when it has all there is to say and no connection is open.
    pub(crate) fn check_mark(&self, number: u32, begun: bool) {
        let published = &self.published[number as usize];
        let may_be = published.begun || published.perhaps_begun;
        assert!(!begun || may_be, "the store says that message {number} was begun: {published:?}");
    }

    // ---- messages of the server ----

    /// The number of the next message of the server.
    pub(crate) fn next_offered(&self) -> u32 {
        self.offered.len() as u32
    }

    /// The server is going to send the message with the next number.
    pub(crate) fn offer(&mut self, qos: Qos, len: usize) {
        self.offered.push(Offered { qos, len: len.max(4), wanted: true, ..Offered::NOBODY });
    }

    /// Nobody subscribed to the message with the next number.
    pub(crate) fn skip_offered(&mut self) {
        self.offered.push(Offered::NOBODY);
    }

    /// A message came, with all that it has.
    pub(crate) fn check_offered(&self, number: u32, qos: Qos, topic_name: &[u8], len: usize) {
        let Some(offered) = self.offered.get(number as usize) else {
            panic!("message {number} was never sent to the client");
        };
        assert!(offered.qos == qos && offered.len == len, "message {number} is {qos}, {len} bytes: was {offered:?}");
        let its_topic = topic(crate::message::TO_CLIENT, number);
        assert_eq!(its_topic.as_bytes(), topic_name, "the topic of message {number}");
    }

    /// The application is told of a message.
    pub(crate) fn tell(&mut self, number: u32, qos: Qos) {
        let offered = &mut self.offered[number as usize];
        offered.told += 1;
        let is_allowed = offered.told == 1 || qos == Qos::AtLeastOnce || offered.may_repeat;
        assert!(is_allowed, "message {number}, {qos}, is told to the application again");
        offered.may_repeat = false;
        if offered.told == 1 {
            let newest = &mut self.newest_told[qos as usize][number as usize % 3];
            // What came while nobody was subscribed may come again, if its acknowledgement was lost.
            let in_order = *newest < Some(number) || self.skipped[number as usize % 3];
            assert!(in_order, "message {number}, {qos}, is told behind {newest:?} of the same topic");
            *newest = (*newest).max(Some(number));
        }
    }

    /// The client does not want a message.
    pub(crate) fn decline(&mut self, number: u32) {
        self.offered[number as usize].may_repeat = true;
    }

    /// It is stored that the client has a message. `lost`: it crashes before it hands it over.
    pub(crate) fn handle_received(&mut self, number: u32, lost: bool) {
        let offered = &mut self.offered[number as usize];
        (offered.is_stored, offered.may_repeat) = (true, false);
        offered.lost_in_hand |= lost;
    }

    /// The subscription to a topic is given up for a while: its messages may be nobody's.
    pub(crate) fn skip_topic(&mut self, topic: usize) {
        self.skipped[topic] = true;
    }

    /// The client acknowledged it for good.
    pub(crate) fn complete(&self, number: u32) {
        let offered = &self.offered[number as usize];
        let excused = offered.lost_in_hand || self.skipped[number as usize % 3];
        assert!(offered.told > 0 || excused, "message {number}, {}, is acknowledged and was never told", offered.qos);
    }

    // ---- the end ----

    /// Everything is quiet: does it add up? `calm`: nothing went wrong in this run.
    pub(crate) fn check(&self, calm: bool, tally: &mut Tally) {
        for (number, published) in self.published.iter().enumerate() {
            let Published { qos, tracked, arrived, fate, .. } = *published;
            let adds_up = match (qos, fate) {
                (_, Fate::Reserved) => arrived == 0,
                (_, Fate::Perhaps) => arrived <= 1 || qos == Qos::AtLeastOnce,
                (Qos::AtMostOnce, Fate::Open) => !tracked && arrived <= 1,
                (_, Fate::Open) => false,
                (Qos::AtMostOnce, Fate::Forgotten) => arrived <= 1,
                (_, Fate::Forgotten) => arrived == 0,
                (Qos::AtLeastOnce, Fate::Crashed) => true,
                (_, Fate::Crashed | Fate::Settled(Outcome::Unknown(_) | Outcome::Sent)) => {
                    arrived <= 1 || qos == Qos::AtLeastOnce
                }
                (Qos::AtLeastOnce, Fate::Settled(Outcome::Delivered(_))) => arrived >= 1,
                (_, Fate::Settled(Outcome::Delivered(_))) => arrived == 1,
                (_, Fate::Settled(Outcome::Rejected(_))) => arrived == 0,
            };
            assert!(adds_up, "message {number} does not add up: {published:?}");
            if let Fate::Settled(outcome) = fate {
                assert!(self.may_end_as(published, outcome), "message {number} may not end so: {published:?}");
            }
            tally.expired += u64::from(fate == Fate::Settled(Outcome::Rejected(Rejection::Expired)));
            if let Fate::Settled(Outcome::Unknown(_)) = fate {
                tally.unknown += u64::from(qos != Qos::AtMostOnce);
                tally.partly_written += u64::from(qos == Qos::AtMostOnce);
            }
            if calm {
                let well = matches!(fate, Fate::Settled(Outcome::Delivered(_) | Outcome::Sent) | Fate::Open);
                let is_meant = !matches!(fate, Fate::Reserved | Fate::Perhaps);
                // 3.1.1 has no Receive Maximum: a client whose memory is full ends the connection, and what was under way
                // comes again.
                let may_repeat = self.has_a_driver && qos == Qos::AtLeastOnce && arrived > 1;
                let ran_out = published.expiry.is_some_and(|expiry| expiry.is_short()) && arrived == 0;
                let ran_out =
                    ran_out && matches!(fate, Fate::Settled(Outcome::Rejected(Rejection::Expired)) | Fate::Open);
                assert!(
                    !is_meant || ran_out || (well && (arrived == 1 || may_repeat)),
                    "message {number} in a run without faults: {published:?}"
                );
            }
        }
        for (number, offered) in self.offered.iter().enumerate() {
            let may_drop = self.has_a_driver && offered.qos == Qos::AtMostOnce;
            let twice_at_most = offered.qos == Qos::AtLeastOnce && self.has_a_driver;
            let told_once = offered.told == 1 || (may_drop && offered.told == 0) || (twice_at_most && offered.told > 1);
            assert!(
                !calm || !offered.wanted || told_once,
                "message {number} for the client in a run without faults: {offered:?}"
            );
        }
        tally.published += u64::from(self.accepted);
        tally.received += self.offered.iter().map(|offered| u64::from(offered.told)).sum::<u64>();
    }

    /// Looked at in the end: what has begun is known when the bytes arrive or are lost.
    fn may_end_as(&self, published: &Published, outcome: Outcome) -> bool {
        let Published { qos, tracked, begun, refused, .. } = *published;
        let perhaps = begun || published.perhaps_begun || self.has_a_driver;
        let acknowledged = qos != Qos::AtMostOnce;
        let allowed = match outcome {
            Outcome::Sent => perhaps && !acknowledged,
            Outcome::Delivered(_) => acknowledged,
            Outcome::Rejected(Rejection::ByServer(reason)) => acknowledged && refused == Some(reason),
            Outcome::Rejected(Rejection::BeyondLimits(_)) => self.limits_were_lowered && !begun,
            // Whether its time had run out was judged when it was told.
            Outcome::Rejected(Rejection::Expired) => published.expiry.is_some() && !begun,
            Outcome::Rejected(Rejection::Closed) => self.was_closed && !begun,
            Outcome::Rejected(Rejection::Withdrawn) => !begun && !self.has_a_driver,
            Outcome::Rejected(Rejection::Dropped) => !begun && (!self.has_a_driver || self.drops),
            Outcome::Unknown(Uncertainty::PartlyWritten) => !acknowledged && perhaps,
            Outcome::Unknown(Uncertainty::SessionLost) => qos == Qos::ExactlyOnce && perhaps && self.session_was_lost,
            Outcome::Unknown(Uncertainty::BeyondLimits) => acknowledged && perhaps && self.limits_were_lowered,
            Outcome::Unknown(Uncertainty::Closed) => perhaps && self.was_closed,
            _ => false,
        };
        allowed && (acknowledged || tracked)
    }
}
