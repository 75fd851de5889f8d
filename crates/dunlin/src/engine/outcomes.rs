use std::task::Waker;

use dunlin_codec::PacketId;
use dunlin_session::{Instant, Outcome, Rejection, Uncertainty};

use super::{Engine, receipts::Settled};
use crate::{Event, Said};

/// What becomes of the messages that were accepted.
impl Engine {
    #[inline]
    pub(crate) fn settle(&mut self, id: PacketId, outcome: Outcome, said: Said, wakers: &mut Vec<Waker>) {
        if self.listeners.is_empty() {
            self.note_settled(id, outcome, said, wakers);
        } else if let Some(label) = self.note_settled(id, outcome, said.clone(), wakers) {
            self.tell(Event::Published { label, outcome, said });
        }
    }

    /// The outcomes that no packet told, outside the driver: what it has to tell may belong to bytes that are being read,
    /// so listeners are told at once.
    pub(crate) fn settle_now(&mut self, wakers: &mut Vec<Waker>) {
        while let Some((id, outcome)) = self.session.poll_settled() {
            if let Some(label) = self.note_settled(id, outcome, Said::NOTHING, wakers) {
                let event = Event::Published { label, outcome, said: Said::NOTHING };
                self.listeners.iter().for_each(|listener| wakers.extend(listener.push(event.clone())));
            }
        }
    }

    /// Gives the label of the message, unless nobody asked about it.
    #[inline]
    fn note_settled(
        &mut self,
        id: PacketId,
        outcome: Outcome,
        said: Said,
        wakers: &mut Vec<Waker>,
    ) -> Option<Option<u32>> {
        self.memory_full = false;
        self.round_trip.forget(id);
        let settled = self.receipts.settle(id, outcome, said);
        let of_qos_0 = matches!(outcome, Outcome::Sent | Outcome::Unknown(Uncertainty::PartlyWritten));
        if of_qos_0 && settled.is_none() {
            // A large payload that nobody asked about.
            return None;
        }
        match outcome {
            Outcome::Sent | Outcome::Delivered(_) => self.statistics.delivered += 1,
            Outcome::Rejected(_) => self.statistics.rejected += 1,
            Outcome::Unknown(_) => self.statistics.unknown += 1,
        }
        let Some(Settled { waker, label }) = settled else { return Some(None) };
        self.release_label(label);
        if let Some(waker) = waker {
            wakers.push(waker);
        }
        Some(label)
    }

    /// The outcomes that no packet told; false: there were none.
    #[inline]
    pub(crate) fn settle_polled(&mut self, wakers: &mut Vec<Waker>) -> bool {
        let mut settled = false;
        while let Some((id, outcome)) = self.session.poll_settled() {
            self.settle(id, outcome, Said::NOTHING, wakers);
            settled = true;
        }
        settled
    }

    /// Time passes for messages that expire, while there is no connection to send them on.
    pub(crate) fn age(&mut self, now: Instant, wakers: &mut Vec<Waker>) {
        let before = self.session.backlog();
        // There is nothing to transmit.
        let _ = self.session.poll_transmit(now);
        self.settle_polled(wakers);
        self.memory_full &= self.session.backlog() >= before;
        self.take_space_wakers(wakers);
    }

    /// The server does not acknowledge a message. True: it is to be sent again on another connection.
    pub(crate) fn handle_stall(&mut self, id: PacketId, times: u8, wakers: &mut Vec<Waker>) -> bool {
        let label = self.receipts.label(id);
        self.tell(Event::AckStalled { label, times });
        if !self.reconnect_when_stalled {
            return false;
        }
        if times <= STALLS {
            return true;
        }
        if self.session.give_up(id) {
            self.settle(id, Outcome::Unknown(Uncertainty::NoAnswer), Said::NOTHING, wakers);
        }
        false
    }

    /// The server closed the connection. Where it has done so several times in a row, the message that was sent first each
    /// time may be why. (An identifier is not given again at once, so it is one message.)
    pub(crate) fn handle_closed_by_server(&mut self, wakers: &mut Vec<Waker>) {
        let first = self.session.first_begun();
        let times = if first == self.suspect.first { self.suspect.times.saturating_add(1) } else { 1 };
        self.suspect = Suspect { first, times };
        let Suspect { first: Some(id), times: STALLS.. } = self.suspect else { return };
        let label = self.receipts.label(id);
        self.tell(Event::AckStalled { label, times });
        if self.reconnect_when_stalled && self.session.give_up(id) {
            self.settle(id, Outcome::Unknown(Uncertainty::NoAnswer), Said::NOTHING, wakers);
        }
    }

    /// The client is closed: gives everything its last outcome.
    pub(crate) fn abandon(&mut self, wakers: &mut Vec<Waker>) {
        // Nobody asked about those, so nobody is told; but they are counted.
        let mut unsent = self.session.abandon() as u64;
        self.statistics.rejected += unsent;
        while let Some((id, outcome)) = self.session.poll_settled() {
            let outcome = self.last_outcome(id, outcome);
            unsent += u64::from(outcome == Outcome::Rejected(Rejection::Closed));
            self.settle(id, outcome, Said::NOTHING, wakers);
        }
        wakers.append(&mut self.space);
        self.end_store(wakers);
        self.filters.if_any(|filters| filters.end(wakers));
        self.end_requests(wakers);
        self.left = unsent;
    }
}

/// Labels: numbers that callers give to their calls, and that the answers carry back.
impl Engine {
    pub(crate) fn take_label(&mut self, label: u32) -> bool {
        let unused = !self.labels.contains_key(&label);
        if unused {
            self.labels.insert(label, 1);
        }
        unused
    }

    /// The label comes back with so many answers.
    pub(crate) fn expect_answers(&mut self, label: Option<u32>, answers: usize) {
        match label {
            Some(label) if answers > 0 => self.labels.insert(label, answers),
            Some(label) => self.labels.remove(&label),
            None => None,
        };
    }

    /// An answer carried it back.
    pub(crate) fn release_label(&mut self, label: Option<u32>) {
        let Some(label) = label else { return };
        if let Some(answers) = self.labels.get_mut(&label) {
            *answers = answers.saturating_sub(1);
            if *answers == 0 {
                self.labels.remove(&label);
            }
        }
    }
}

/// What may be the reason why the server closes its connections.
#[derive(Debug, Default)]
pub(crate) struct Suspect {
    /// The message that was sent first on the last one.
    first: Option<PacketId>,
    /// Connections that were closed in a row with that message in front.
    times: u8,
}

/// How often a message without an acknowledgement may cost a connection.
const STALLS: u8 = 3;
