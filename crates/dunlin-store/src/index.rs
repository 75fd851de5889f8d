use core::ops::Range;
use std::collections::BTreeMap;

use crate::frame::{CHANGE_LEN, Change, read_change};

/// Where in a log the value of each entry is.
#[derive(Debug, Default)]
pub(crate) struct Index {
    places: BTreeMap<u64, Place>,
    /// Bytes that a log of these entries alone would have.
    live: u64,
}

/// Where in a log a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) len: u32,
}

impl Index {
    /// The changes of a frame, which begin at `offset` in the log. False: they are no changes.
    pub(crate) fn apply(&mut self, offset: u64, changes: &[u8]) -> bool {
        let mut at = 0;
        while at < changes.len() {
            let Some((change, next)) = read_change(changes, at) else { return false };
            match change {
                Change::Put(key, value) => {
                    let place = Place { offset: offset + value.start as u64, len: value.len() as u32 };
                    self.live += size(place);
                    self.live -= self.places.insert(key, place).map_or(0, size);
                }
                Change::Delete(keys) => self.delete(keys),
            }
            at = next;
        }
        true
    }

    fn delete(&mut self, keys: Range<u64>) {
        if keys.is_empty() {
            return;
        }
        if keys.end - keys.start == 1 {
            self.live -= self.places.remove(&keys.start).map_or(0, size);
            return;
        }
        let gone: Vec<_> = self.places.range(keys).map(|(key, _)| *key).collect();
        for key in gone {
            self.live -= self.places.remove(&key).map_or(0, size);
        }
    }

    pub(crate) fn place(&self, key: u64) -> Option<Place> {
        self.places.get(&key).copied()
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = (u64, Place)> {
        self.places.iter().map(|(key, place)| (*key, *place))
    }

    pub(crate) fn live(&self) -> u64 {
        self.live
    }
}

fn size(place: Place) -> u64 {
    u64::from(place.len) + CHANGE_LEN as u64
}
