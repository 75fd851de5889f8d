use alloc::vec::Vec;
use core::{fmt, ops::Range};

/// Where a client keeps what must outlive its process: a map from numbers to bytes that is changed by groups.
///
/// It knows nothing of MQTT. What the numbers and bytes mean is the client's, who makes them of the
/// [records](crate::Record) of a session and of its own; so a store is small, and anything that can change several
/// entries together or not at all can be one: a file, a table of a database, a part of a flash.
///
/// Its calls may block for as long as the medium takes: a client makes them where nothing else waits.
pub trait Store: Send {
    /// Gives every entry once, in any order; without its value if that cannot be read, as where it was sealed with
    /// another key.
    ///
    /// # Errors
    /// The entries cannot be read: see [`StoreError`].
    fn load(&mut self, entry: &mut dyn FnMut(u64, Option<&[u8]>)) -> Result<(), StoreError>;

    /// Makes the changes in their order, all of them or none. When it returns, not even a power loss takes them back.
    ///
    /// # Errors
    /// The changes may or may not be there after a crash, but never a part of them. The caller tries again, with this
    /// group or another that takes its place; what was committed before is not touched.
    fn commit(&mut self, group: &StoreGroup) -> Result<(), StoreError>;

    /// Puts entries away that mean nothing to the client: they are kept where [`load`](Store::load) does not give them,
    /// for whoever wants to know what they are.
    ///
    /// # Errors
    /// See [`StoreError`]. The entries are still there.
    fn quarantine(&mut self, keys: &[u64]) -> Result<(), StoreError>;
}

/// Changes of a [`Store`] that are made together.
#[derive(Debug, Clone, Default)]
pub struct StoreGroup {
    changes: Vec<(Kind, Range<u64>, usize)>,
    /// The values, one after the other.
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Put,
    Delete,
}

/// One change of a [`StoreGroup`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreChange<'g> {
    /// The entry with this key has this value from now on.
    Put(u64, &'g [u8]),
    /// There is no entry with any of these keys any more.
    Delete(Range<u64>),
}

impl StoreGroup {
    /// The entry with this key has the value that `write` appends.
    pub fn put(&mut self, key: u64, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.changes.push((Kind::Put, key..key, self.bytes.len().saturating_sub(start)));
    }

    /// There is no entry with this key any more; there may have been none.
    pub fn delete(&mut self, key: u64) {
        self.delete_all(key..key.saturating_add(1));
    }

    /// There is no entry with any of these keys any more.
    pub fn delete_all(&mut self, keys: Range<u64>) {
        self.changes.push((Kind::Delete, keys, 0));
    }

    /// The changes in their order.
    pub fn changes(&self) -> impl Iterator<Item = StoreChange<'_>> {
        let mut rest = self.bytes.as_slice();
        self.changes.iter().map(move |(kind, keys, len)| match kind {
            Kind::Put => {
                let (value, behind) = rest.split_at_checked(*len).unwrap_or_default();
                rest = behind;
                StoreChange::Put(keys.start, value)
            }
            Kind::Delete => StoreChange::Delete(keys.clone()),
        })
    }

    /// Bytes of all values.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no change.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Takes out all changes and keeps the memory.
    pub fn clear(&mut self) {
        self.changes.clear();
        self.bytes.clear();
    }
}

/// Why a [`Store`] cannot read or write now. The caller may try again: what was committed is not lost by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreError {
    /// The medium is full, or a quota used up: make room.
    NoSpace,
    /// This process may not read or write there.
    Denied,
    /// The medium does not read or write.
    Device,
    /// The caller's own code that seals and opens entries refused to.
    Cipher,
    /// What was committed is not there any more: somebody else changed the store while it was in use.
    Damaged,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSpace => "the store has no space left: make room on its medium",
            Self::Denied => "this process may not read or write the store: look at its permissions",
            Self::Device => "the medium of the store does not read or write: look into the system's log",
            Self::Cipher => "the cipher of the store refused to seal or open an entry",
            Self::Damaged => "the store lost what was in it while it was in use: nobody else may change it",
        })
    }
}

impl core::error::Error for StoreError {}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn a_group_gives_its_changes_in_order() {
        let mut group = StoreGroup::default();
        assert!(group.is_empty());
        group.put(7, |value| value.extend_from_slice(b"one"));
        group.delete(3);
        group.put(8, |_| ());
        group.delete_all(10..20);
        group.put(7, |value| value.push(2));
        let changes: Vec<_> = group.changes().collect();
        assert_eq!(
            changes,
            [
                StoreChange::Put(7, b"one"),
                StoreChange::Delete(3..4),
                StoreChange::Put(8, b""),
                StoreChange::Delete(10..20),
                StoreChange::Put(7, &[2]),
            ]
        );
        assert_eq!((group.bytes(), group.is_empty()), (4, false));
        group.clear();
        assert!(group.is_empty() && group.changes().next().is_none() && group.bytes() == 0);
    }

    #[test]
    fn every_error_is_a_sentence_of_its_own() {
        let errors =
            [StoreError::NoSpace, StoreError::Denied, StoreError::Device, StoreError::Cipher, StoreError::Damaged];
        let mut sentences: Vec<_> = errors.iter().map(ToString::to_string).collect();
        sentences.sort();
        sentences.dedup();
        assert_eq!(sentences.len(), errors.len());
    }
}
