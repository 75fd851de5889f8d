//! A store that outlives its client, and can be told to wait and to fail.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use dunlin::{Store, StoreChange, StoreError, StoreGroup};

const LIMIT: Duration = Duration::from_secs(20);

/// Clones are the same store.
#[derive(Clone, Default)]
pub(crate) struct MemoryStore(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    entries: BTreeMap<u64, Vec<u8>>,
    /// Commits wait.
    held: bool,
    waiting: usize,
    fails: Option<StoreError>,
    commits: usize,
    quarantined: Vec<u64>,
}

impl MemoryStore {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = act(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
        result
    }

    /// Commits wait until they may go on.
    pub(crate) fn hold(&self, held: bool) {
        self.with(|state| state.held = held);
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.with(|state| state.waiting > 0)
    }

    pub(crate) fn fail(&self, error: Option<StoreError>) {
        self.with(|state| state.fails = error);
    }

    pub(crate) fn commits(&self) -> usize {
        self.with(|state| state.commits)
    }

    pub(crate) fn quarantined(&self) -> Vec<u64> {
        self.with(|state| state.quarantined.clone())
    }

    /// The numbers and values of the entries of a kind.
    pub(crate) fn of_kind(&self, kind: u8) -> Vec<(u64, Vec<u8>)> {
        let is_it = |key: &u64| (key >> 56) as u8 == kind;
        let number = |key: u64| key & ((1 << 56) - 1);
        self.with(|state| {
            let found = state.entries.iter().filter(|(key, _)| is_it(key));
            found.map(|(key, value)| (number(*key), value.clone())).collect()
        })
    }

    pub(crate) fn change(&self, kind: u8, number: u64, change: impl FnOnce(&mut Vec<u8>)) {
        self.with(|state| change(state.entries.get_mut(&(u64::from(kind) << 56 | number)).unwrap()));
    }

    pub(crate) fn remove(&self, kind: u8, number: u64) {
        self.with(|state| state.entries.remove(&(u64::from(kind) << 56 | number)));
    }

    /// As it is now: what the next process finds after this one was killed.
    pub(crate) fn snapshot(&self) -> Self {
        let entries = self.with(|state| state.entries.clone());
        Self(Arc::new((Mutex::new(State { entries, ..State::default() }), Condvar::new())))
    }
}

impl Store for MemoryStore {
    fn load(&mut self, entry: &mut dyn FnMut(u64, Option<&[u8]>)) -> Result<(), StoreError> {
        self.with(|state| {
            if let Some(error) = state.fails {
                return Err(error);
            }
            state.entries.iter().for_each(|(key, value)| entry(*key, Some(value)));
            Ok(())
        })
    }

    fn commit(&mut self, group: &StoreGroup) -> Result<(), StoreError> {
        assert!(!group.is_empty());
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.waiting += 1;
        // A test that fails while it holds the store must end.
        let (mut state, _) = changed.wait_timeout_while(state, LIMIT, |state| state.held).unwrap();
        state.waiting -= 1;
        if let Some(error) = state.fails {
            return Err(error);
        }
        state.commits += 1;
        for change in group.changes() {
            match change {
                StoreChange::Put(key, value) => drop(state.entries.insert(key, value.to_vec())),
                StoreChange::Delete(keys) => {
                    let gone: Vec<_> = state.entries.range(keys).map(|(key, _)| *key).collect();
                    gone.iter().for_each(|key| drop(state.entries.remove(key)));
                }
            }
        }
        Ok(())
    }

    fn quarantine(&mut self, keys: &[u64]) -> Result<(), StoreError> {
        self.with(|state| {
            state.entries.retain(|key, _| !keys.contains(key));
            state.quarantined.extend(keys);
        });
        Ok(())
    }
}
