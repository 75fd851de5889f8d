//! A folder in memory that loses power: what was not synced stays, goes, or is torn.

use std::{cell::RefCell, collections::BTreeMap, io, rc::Rc};

use crate::folder::{Folder, Medium};

/// Files, and the bytes that are safe. Clones are handles of the same.
#[derive(Clone, Default)]
pub(super) struct Shelf(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    /// Names are given and taken in this order when they are made safe.
    safe_names: BTreeMap<String, usize>,
    renames: Vec<Rename>,
    /// Calls that change something.
    calls: u64,
    /// From this call on nothing works.
    power_until: Option<u64>,
    /// This call fails, and the next ones work.
    fails_at: Option<u64>,
    random: u64,
}

enum Rename {
    Given(String, usize),
    Moved(String, String),
    Removed(String),
}

#[derive(Default, Clone)]
struct File {
    safe: Vec<u8>,
    now: Vec<u8>,
    unsynced: Vec<Write>,
}

#[derive(Clone)]
enum Write {
    Bytes(u64, Vec<u8>),
    Len(u64),
}

pub(super) struct Handle {
    shelf: Shelf,
    file: usize,
}

impl Shelf {
    pub(super) fn new(seed: u64) -> Self {
        let shelf = Self::default();
        shelf.0.borrow_mut().random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        shelf
    }

    pub(super) fn seed(&self) -> u64 {
        self.0.borrow_mut().random()
    }

    pub(super) fn calls(&self) -> u64 {
        self.0.borrow().calls
    }

    pub(super) fn lose_power_at(&self, call: u64) {
        self.0.borrow_mut().power_until = Some(call);
    }

    pub(super) fn fail_at(&self, call: u64) {
        self.0.borrow_mut().fails_at = Some(call);
    }

    /// The bytes of a file, if there is one.
    pub(super) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.0.borrow();
        state.names.get(name).map(|file| state.files[*file].now.clone())
    }

    pub(super) fn set_bytes(&self, name: &str, bytes: &[u8]) {
        let mut state = self.0.borrow_mut();
        let file = state.names[name];
        state.files[file] = File { safe: bytes.to_vec(), now: bytes.to_vec(), unsynced: Vec::new() };
    }

    /// A copy that nobody has open.
    pub(super) fn copy(&self) -> Self {
        let state = self.0.borrow();
        let mut copy = State { names: state.names.clone(), safe_names: state.names.clone(), ..State::default() };
        copy.files = state
            .files
            .iter()
            .map(|file| File { safe: file.now.clone(), now: file.now.clone(), unsynced: Vec::new() })
            .collect();
        copy.random = state.random;
        Self(Rc::new(RefCell::new(copy)))
    }

    /// The process is killed: the system goes on, and has everything.
    pub(super) fn kill(&self) -> Self {
        let copy = self.copy();
        copy.0.borrow_mut().power_until = None;
        copy
    }

    /// The machine is without power, and starts again.
    pub(super) fn restart(&self, seed: u64) -> Self {
        let state = &mut *self.0.borrow_mut();
        state.random ^= seed.wrapping_mul(0xD129_0B26_55D1_2E4D) | 1;
        let mut names = state.safe_names.clone();
        // Names are written in their order, as far as they came.
        let kept = state.below(state.renames.len() as u64 + 1) as usize;
        state.renames.iter().take(kept).for_each(|rename| rename.apply(&mut names));
        let files = state.files.clone();
        let files: Vec<_> = files.into_iter().map(|file| state.survives(file)).collect();
        let copy = State { files, safe_names: names.clone(), names, random: state.random(), ..State::default() };
        Self(Rc::new(RefCell::new(copy)))
    }
}

impl Rename {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Given(name, file) => drop(names.insert(name.clone(), *file)),
            Self::Moved(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Self::Removed(name) => drop(names.remove(name)),
        }
    }
}

impl State {
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random() % bound
    }

    /// What is left of a file: of each write all, nothing, or some of its sectors, in whatever order they were written.
    fn survives(&mut self, file: File) -> File {
        let mut bytes = file.safe;
        for write in file.unsynced {
            match (self.below(3), write) {
                (0, _) => {}
                (1, write) => write.apply(&mut bytes),
                (_, Write::Len(len)) => Write::Len(len).apply(&mut bytes),
                (_, Write::Bytes(offset, data)) => {
                    let sector = 1 + self.below(64) as usize;
                    for (index, part) in data.chunks(sector).enumerate() {
                        let offset = offset + (index * sector) as u64;
                        match self.below(4) {
                            0 => {}
                            1 => Write::Bytes(offset, vec![0; part.len()]).apply(&mut bytes),
                            _ => Write::Bytes(offset, part.to_vec()).apply(&mut bytes),
                        }
                    }
                }
            }
        }
        File { now: bytes.clone(), safe: bytes, unsynced: Vec::new() }
    }

    fn call(&mut self) -> io::Result<()> {
        self.calls += 1;
        if self.power_until.is_some_and(|until| self.calls > until) || self.fails_at == Some(self.calls) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl Write {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Len(len) => bytes.resize(*len as usize, 0),
            Self::Bytes(offset, data) => {
                let (start, end) = (*offset as usize, *offset as usize + data.len());
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[start..end].copy_from_slice(data);
            }
        }
    }
}

impl Folder for Shelf {
    type File = Handle;

    fn create(&mut self, name: &str) -> io::Result<Handle> {
        let mut state = self.0.borrow_mut();
        state.call()?;
        let file = state.files.len();
        state.files.push(File::default());
        let rename = Rename::Given(name.into(), file);
        rename.apply(&mut state.names);
        state.renames.push(rename);
        Ok(Handle { shelf: self.clone(), file })
    }

    fn open(&mut self, name: &str) -> io::Result<Option<Handle>> {
        let file = self.0.borrow().names.get(name).copied();
        Ok(file.map(|file| Handle { shelf: self.clone(), file }))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.call()?;
        let rename = Rename::Moved(from.into(), to.into());
        rename.apply(&mut state.names);
        state.renames.push(rename);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.call()?;
        let rename = Rename::Removed(name.into());
        rename.apply(&mut state.names);
        state.renames.push(rename);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.call()?;
        state.safe_names = state.names.clone();
        state.renames.clear();
        Ok(())
    }
}

impl Handle {
    fn write(&mut self, write: Write) -> io::Result<()> {
        let state = &mut *self.shelf.0.borrow_mut();
        let called = state.call();
        // A write that failed may have done anything.
        if called.is_ok() || state.random().is_multiple_of(2) {
            let file = &mut state.files[self.file];
            write.apply(&mut file.now);
            file.unsynced.push(write);
        }
        called
    }
}

impl Medium for Handle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.shelf.0.borrow().files[self.file].now.len() as u64)
    }

    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let state = self.shelf.0.borrow();
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        let found = state.files[self.file].now.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(found);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write(Write::Bytes(offset, bytes.to_vec()))
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.write(Write::Len(len))
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.shelf.0.borrow_mut();
        state.call()?;
        let file = &mut state.files[self.file];
        file.safe = file.now.clone();
        file.unsynced.clear();
        Ok(())
    }
}
