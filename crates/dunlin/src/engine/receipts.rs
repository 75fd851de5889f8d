use std::task::{Context, Poll, Waker};

use dunlin_codec::PacketId;
use dunlin_session::Outcome;

use crate::Said;

/// Who waits for which outcome. Entries are used again; nothing is allocated for a message in the steady state.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    entries: Vec<Entry>,
    /// The first free entry, as index + 1; 0: none.
    free: u32,
    /// The entry of each packet identifier, as index + 1; 0: none.
    by_id: Vec<u32>,
}

#[derive(Debug)]
struct Entry {
    state: State,
    label: Option<u32>,
    /// That of its message, until this is settled.
    id: Option<PacketId>,
}

#[derive(Debug)]
enum State {
    /// The next free entry.
    Free(u32),
    /// Nobody has asked yet, or somebody waits.
    Waiting(Option<Waker>),
    /// The receipt was dropped; only a label keeps the entry.
    Unattended,
    Done(Outcome, Said),
}

/// What a settled message leads to.
pub(crate) struct Settled {
    pub(crate) waker: Option<Waker>,
    pub(crate) label: Option<u32>,
}

impl Receipts {
    /// An entry for a message that was just accepted. `attended`: somebody will [`poll`](Receipts::poll) it.
    pub(crate) fn add(&mut self, id: PacketId, label: Option<u32>, attended: bool) -> u32 {
        let index = self.take_entry();
        if let Some(entry) = self.entries.get_mut(index as usize) {
            entry.state = if attended { State::Waiting(None) } else { State::Unattended };
            (entry.label, entry.id) = (label, Some(id));
        }
        let place = id.get() as usize;
        if self.by_id.len() <= place {
            self.by_id.resize((place + 1).next_power_of_two(), 0);
        }
        self.by_id[place] = index + 1;
        index
    }

    fn take_entry(&mut self) -> u32 {
        let Some(index) = self.free.checked_sub(1) else {
            self.entries.push(Entry { state: State::Free(0), label: None, id: None });
            return self.entries.len() as u32 - 1;
        };
        if let Some(Entry { state: State::Free(next), .. }) = self.entries.get(index as usize) {
            self.free = *next;
        }
        index
    }

    /// An entry for a message that has its outcome already.
    pub(crate) fn add_settled(&mut self, outcome: Outcome) -> u32 {
        let index = self.take_entry();
        if let Some(entry) = self.entries.get_mut(index as usize) {
            (entry.state, entry.label) = (State::Done(outcome, Said::NOTHING), None);
        }
        index
    }

    /// The label of the message with this identifier.
    pub(crate) fn label(&self, id: PacketId) -> Option<u32> {
        let index = self.by_id.get(id.get() as usize)?.checked_sub(1)?;
        self.entries.get(index as usize)?.label
    }

    /// The identifier of the message that waits for its outcome.
    pub(crate) fn id(&self, index: u32) -> Option<PacketId> {
        self.entries.get(index as usize)?.id
    }

    pub(crate) fn settle(&mut self, id: PacketId, outcome: Outcome, said: Said) -> Option<Settled> {
        let index = core::mem::take(self.by_id.get_mut(id.get() as usize)?).checked_sub(1)?;
        let entry = self.entries.get_mut(index as usize)?;
        entry.id = None;
        let label = entry.label.take();
        match core::mem::replace(&mut entry.state, State::Done(outcome, said)) {
            State::Waiting(waker) => Some(Settled { waker, label }),
            _ => {
                self.free(index);
                Some(Settled { waker: None, label })
            }
        }
    }

    /// The outcome, with what the server said; the entry is free then.
    pub(crate) fn poll(&mut self, index: u32, cx: &Context<'_>) -> Poll<(Outcome, Said)> {
        match self.entries.get_mut(index as usize).map(|entry| &mut entry.state) {
            Some(State::Done(outcome, said)) => {
                let done = (*outcome, core::mem::replace(said, Said::NOTHING));
                self.free(index);
                Poll::Ready(done)
            }
            Some(State::Waiting(waker)) => {
                match waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    None => *waker = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            _ => Poll::Pending,
        }
    }

    /// What the server said with the outcome.
    pub(crate) fn said(&self, index: u32) -> Said {
        match self.entries.get(index as usize).map(|entry| &entry.state) {
            Some(State::Done(_, said)) => said.clone(),
            _ => Said::NOTHING,
        }
    }

    /// The receipt is gone.
    pub(crate) fn release(&mut self, index: u32) {
        let Some(entry) = self.entries.get_mut(index as usize) else { return };
        match entry.state {
            State::Waiting(_) => entry.state = State::Unattended,
            State::Done(..) => self.free(index),
            State::Unattended | State::Free(_) => {}
        }
    }

    fn free(&mut self, index: u32) {
        if let Some(entry) = self.entries.get_mut(index as usize) {
            entry.state = State::Free(self.free);
            self.free = index + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: u16) -> PacketId {
        PacketId::new(id).unwrap()
    }

    #[test]
    fn an_outcome_waits_for_its_receipt_and_the_entry_is_used_again() {
        let mut receipts = Receipts::default();
        let cx = Context::from_waker(Waker::noop());
        for round in 0..100 {
            let index = receipts.add(id(7), Some(round), true);
            assert_eq!(index, 0);
            assert!(receipts.poll(index, &cx).is_pending());
            let settled = receipts.settle(id(7), Outcome::Sent, Said::NOTHING).unwrap();
            assert!(settled.waker.is_some() && settled.label == Some(round));
            assert_eq!(receipts.poll(index, &cx), Poll::Ready((Outcome::Sent, Said::NOTHING)));
        }
        assert!(receipts.settle(id(7), Outcome::Sent, Said::NOTHING).is_none());
    }

    #[test]
    fn a_dropped_receipt_leaves_its_entry_when_the_message_is_settled() {
        let mut receipts = Receipts::default();
        let dropped = receipts.add(id(1), None, true);
        receipts.release(dropped);
        let kept = receipts.add(id(2), None, true);
        assert_ne!(dropped, kept);
        receipts.settle(id(1), Outcome::Sent, Said::NOTHING);
        assert_eq!(receipts.add(id(3), None, true), dropped);
    }
}
