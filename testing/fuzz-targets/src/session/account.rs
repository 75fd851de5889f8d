//! What the application knows: the messages that were accepted, and what became of them.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_codec::{PacketId, Qos};
use dunlin_session::{Outcome, Rejection, Uncertainty};

#[derive(Debug, Default)]
pub(super) struct Account {
    /// By number, which is the order of acceptance.
    pub(super) messages: Vec<Message>,
    /// What the identifiers in use stand for.
    pub(super) waiting: BTreeMap<u16, usize>,
    /// Of messages whose answer was given up: they stay out of use until it comes after all.
    pub(super) given_up: BTreeSet<u16>,
    /// Filters of the requests that are not answered, by identifier.
    pub(super) requests: BTreeMap<u16, usize>,
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) qos: Qos,
    pub(super) retain: bool,
    pub(super) len: usize,
    pub(super) expiry: Option<u32>,
    /// Told by `publish`.
    pub(super) id: Option<u16>,
    /// It was on a wire, whole.
    pub(super) sent: bool,
    /// The server of this session has said PUBREC.
    pub(super) received: bool,
}

impl Account {
    pub(super) fn accept(&mut self, message: Message) {
        if let Some(id) = message.id {
            self.take(id);
            self.waiting.insert(id, self.messages.len());
        }
        self.messages.push(message);
    }

    pub(super) fn request(&mut self, id: PacketId, filters: usize) {
        self.take(id.get());
        self.requests.insert(id.get(), filters);
    }

    fn take(&self, id: u16) {
        let in_use = self.waiting.contains_key(&id) || self.requests.contains_key(&id) || self.given_up.contains(&id);
        assert!(!in_use, "identifier {id} stands for something else: {self:?}");
    }

    /// Its outcome is that there is no answer.
    pub(super) fn give_up(&mut self, id: PacketId) {
        self.settle(id, Outcome::Unknown(Uncertainty::NoAnswer));
        self.given_up.insert(id.get());
    }

    /// The message with this identifier has its one outcome.
    pub(super) fn settle(&mut self, id: PacketId, outcome: Outcome) {
        let number = self.waiting.remove(&id.get());
        let number = number.unwrap_or_else(|| panic!("{outcome:?} of {id}, which stands for no message"));
        let Message { qos, sent, .. } = self.messages[number];
        let fits = match outcome {
            Outcome::Sent => qos == Qos::AtMostOnce && sent,
            Outcome::Delivered(reason) => qos != Qos::AtMostOnce && sent && !reason.is_error(),
            Outcome::Rejected(Rejection::ByServer(reason)) => qos != Qos::AtMostOnce && sent && reason.is_error(),
            Outcome::Rejected(_) => !sent,
            Outcome::Unknown(Uncertainty::PartlyWritten) => qos == Qos::AtMostOnce,
            Outcome::Unknown(Uncertainty::NoAnswer) => qos != Qos::AtMostOnce,
            Outcome::Unknown(Uncertainty::SessionLost) => qos == Qos::ExactlyOnce,
            Outcome::Unknown(_) => true,
        };
        assert!(fits, "{outcome:?} of message {number}: {:?}", self.messages[number]);
    }
}

/// A payload says which message it is, and is as long as it should be.
pub(super) fn payload(number: usize, len: usize) -> Vec<u8> {
    let mut payload = vec![number as u8; len.max(4)];
    payload[..4].copy_from_slice(&(number as u32).to_be_bytes());
    payload
}

pub(super) fn number_of(payload: &[u8]) -> usize {
    let (number, rest) = payload.split_first_chunk().expect("a number");
    let number = u32::from_be_bytes(*number) as usize;
    assert!(rest.iter().all(|byte| *byte == number as u8), "message {number} is mangled");
    number
}

pub(super) fn topic(number: usize) -> &'static str {
    ["t", "a/b", "plant/7/temp", "x"][number % 4]
}
