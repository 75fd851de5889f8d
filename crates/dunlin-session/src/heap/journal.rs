use alloc::{collections::VecDeque, vec::Vec};

use crate::{Change, Journal, Marks};

/// A journal on the heap: as many entries as there are changes that are not known to be stored, and 8 bytes for each
/// identifier up to the largest that was used.
#[derive(Debug)]
pub struct HeapJournal {
    marks: Marks,
    changes: VecDeque<Change>,
    messages: Vec<u64>,
    received: Vec<u64>,
}

impl Default for HeapJournal {
    fn default() -> Self {
        let changes = VecDeque::from([Change::Session]);
        Self { marks: Marks::default(), changes, messages: Vec::new(), received: Vec::new() }
    }
}

impl Journal for HeapJournal {
    #[inline]
    fn marks(&mut self) -> Option<&mut Marks> {
        Some(&mut self.marks)
    }

    #[inline]
    fn push(&mut self, change: Change) {
        self.changes.push_back(change);
    }

    #[inline]
    fn at(&self, index: usize) -> Option<Change> {
        self.changes.get(index).copied()
    }

    #[inline]
    fn pop(&mut self) {
        self.changes.pop_front();
    }

    #[inline]
    fn len(&self) -> usize {
        self.changes.len()
    }

    #[inline]
    fn number(&self, change: Change) -> u64 {
        let (numbers, id) = match change {
            Change::Message(id) | Change::MessageDeleted(id) => (&self.messages, id),
            Change::Received(id) | Change::ReceivedDeleted(id) => (&self.received, id),
            Change::Session | Change::ReceivedCleared => return 0,
        };
        numbers.get(id.get() as usize).copied().unwrap_or_default()
    }

    #[inline]
    fn set_number(&mut self, change: Change, number: u64) {
        let (numbers, id) = match change {
            Change::Message(id) | Change::MessageDeleted(id) => (&mut self.messages, id),
            Change::Received(id) | Change::ReceivedDeleted(id) => (&mut self.received, id),
            Change::Session | Change::ReceivedCleared => return,
        };
        let index = id.get() as usize;
        if index >= numbers.len() {
            numbers.resize(index + 1, 0);
        }
        if let Some(entry) = numbers.get_mut(index) {
            *entry = number;
        }
    }
}

#[cfg(test)]
mod tests {
    use dunlin_codec::PacketId;

    use super::*;

    #[test]
    fn what_has_no_identifier_has_no_number() {
        let mut journal = HeapJournal::default();
        let id = PacketId::new(7).unwrap();
        journal.set_number(Change::Message(id), 1);
        journal.set_number(Change::Received(id), 2);
        for change in [Change::Session, Change::ReceivedCleared] {
            journal.set_number(change, 3);
            assert_eq!(journal.number(change), 0);
        }
        let numbers = [Change::MessageDeleted(id), Change::ReceivedDeleted(id)].map(|change| journal.number(change));
        assert_eq!(numbers, [1, 2], "messages and what is received are counted apart");
    }
}
