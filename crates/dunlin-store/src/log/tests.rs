mod damage;
mod failures;
mod folder;
mod power_loss;

use std::{collections::BTreeMap, io};

use dunlin_session::{StoreChange, StoreGroup};

use super::{Found, Log, Wrong};
use crate::frame;
use folder::Shelf;

/// What is in a log.
type Entries = BTreeMap<u64, Vec<u8>>;

/// Small, so that files are written anew often.
const REWRITE_FROM: u64 = 400;

fn open(shelf: &Shelf) -> Result<(Log<Shelf>, Found), Wrong> {
    Log::open(shelf.clone(), REWRITE_FROM, shelf.seed())
}

fn entries(log: &mut Log<Shelf>) -> Entries {
    let keys: Vec<_> = log.index().places().map(|(key, _)| key).collect();
    let mut value = Vec::new();
    let mut read = |key| {
        log.read(key, &mut value).unwrap();
        (key, value.clone())
    };
    keys.into_iter().map(&mut read).collect()
}

fn append(log: &mut Log<Shelf>, group: &StoreGroup) -> io::Result<()> {
    log.append(|changes| {
        for change in group.changes() {
            match change {
                StoreChange::Put(key, value) => frame::append_put(changes, key, value),
                StoreChange::Delete(keys) => frame::append_delete(changes, &keys),
            }
        }
        Ok(())
    })
}

fn apply(group: &StoreGroup, entries: &mut Entries) {
    for change in group.changes() {
        match change {
            StoreChange::Put(key, value) => drop(entries.insert(key, value.to_vec())),
            StoreChange::Delete(keys) => entries.retain(|key, _| !keys.contains(key)),
        }
    }
}

/// What a session does: messages come, and are settled one by one or all at once.
fn group(round: u64, random: u64) -> StoreGroup {
    let mut group = StoreGroup::default();
    for message in 0..1 + random % 3 {
        let len = (random / 7 + message * 31) % 90;
        group.put(100 + round * 4 + message, |value| value.extend((0..len).map(|byte| byte as u8)));
    }
    group.put(1, |value| value.extend(round.to_le_bytes()));
    if random.is_multiple_of(11) {
        group.delete_all(100..100 + round * 4);
    } else if !random.is_multiple_of(5) {
        group.delete((100 + round * 4).saturating_sub(4 * (random % 5)));
    }
    group
}
