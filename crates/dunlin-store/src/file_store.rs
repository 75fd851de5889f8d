use core::fmt;
use std::{
    hash::{BuildHasher, RandomState},
    io,
    path::{Path, PathBuf},
};

use dunlin_session::{Store, StoreChange, StoreError, StoreGroup};

use crate::{
    Cipher, CipherFailed, Damage, OpenError, Report,
    error::store_error,
    folder::OsFolder,
    frame,
    log::{Log, Wrong},
};

/// A store in a folder of the file system. It is given to one client, and its folder to no other store: the session
/// of one client is in it, with its client identifier.
///
/// | in the folder | what it is |
/// |---|---|
/// | `log` | the entries |
/// | `confirmed` | a word on how far the log was confirmed, by which a log that is cut short is noticed |
/// | `lock` | locked while the store is in use, empty |
/// | `damaged-1`, `damaged-2` ... | logs that were set aside, see [`Damage`] |
/// | `quarantine-1` ... | entries that meant nothing to the client: key (8 bytes), length (4), value, each behind a 01 |
///
/// Opening reads the whole log. Each commit appends and syncs once; a log of more than 1 MiB of which less than half is of
/// use is written anew first. In memory there are about 50 bytes for each entry.
///
/// What it relies on: that the system has written to the medium what it says it has synced, and, for a folder on a
/// network, that locks are those of all machines.
pub struct FileStore {
    folder: PathBuf,
    log: Log<OsFolder>,
    cipher: Option<Box<dyn Cipher>>,
    report: Report,
    sealed: Vec<u8>,
    value: Vec<u8>,
}

impl FileStore {
    /// Opens the store in this folder; makes the folder if there is none.
    ///
    /// A damaged log does not stand in the way: it is set aside and [reported](FileStore::report).
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(folder.as_ref(), None)
    }

    /// The same, with values that are sealed.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_sealed(folder: impl AsRef<Path>, cipher: impl Cipher + 'static) -> Result<Self, OpenError> {
        Self::open_with(folder.as_ref(), Some(Box::new(cipher)))
    }

    fn open_with(path: &Path, cipher: Option<Box<dyn Cipher>>) -> Result<Self, OpenError> {
        let folder = OsFolder::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::InUse(path.to_owned()),
            kind => OpenError::Io { path: path.to_owned(), kind },
        })?;
        // Not foreseen by whoever writes the payloads, so that none looks like a frame.
        let seed = RandomState::new().hash_one(path);
        let (log, found) = Log::open(folder, REWRITE_FROM, seed).map_err(|wrong| wrong_log(path, wrong))?;
        let damage = found.damage.map(|(name, offset)| Damage { file: path.join(name), offset });
        let entries = log.index().places().filter(|(key, _)| *key != SEAL).count();
        let report = Report { damage, cut_off: found.cut_off, entries };
        let mut store = Self { folder: path.to_owned(), log, cipher, report, sealed: Vec::new(), value: Vec::new() };
        store.check_seal()?;
        Ok(store)
    }

    /// What was found when it was opened.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// A sealed store has an entry by which a cipher is known.
    fn check_seal(&mut self) -> Result<(), OpenError> {
        let failed = |path: &Path, error: &io::Error| OpenError::Io { path: path.join("log"), kind: error.kind() };
        let is_sealed = self.log.index().place(SEAL).is_some();
        let Some(cipher) = &mut self.cipher else {
            return if is_sealed { Err(OpenError::Sealed(self.folder.clone())) } else { Ok(()) };
        };
        if is_sealed {
            self.log.read(SEAL, &mut self.sealed).map_err(|error| failed(&self.folder, &error))?;
            let mut plain = Vec::new();
            let opened = cipher.open(SEAL, &self.sealed, &mut plain);
            let is_ours = opened.is_ok() && plain == SEALED;
            return if is_ours { Ok(()) } else { Err(OpenError::WrongKey(self.folder.clone())) };
        }
        if self.report.entries > 0 {
            return Err(OpenError::NotSealed(self.folder.clone()));
        }
        let mut sealed = Vec::new();
        cipher.seal(SEAL, SEALED, &mut sealed).map_err(|CipherFailed| OpenError::WrongKey(self.folder.clone()))?;
        let written = self.log.append(|changes| {
            frame::append_put(changes, SEAL, &sealed);
            Ok(())
        });
        written.map_err(|error| failed(&self.folder, &error))
    }
}

impl Store for FileStore {
    fn load(&mut self, entry: &mut dyn FnMut(u64, Option<&[u8]>)) -> Result<(), StoreError> {
        let keys: Vec<_> = self.log.index().places().map(|(key, _)| key).filter(|key| *key != SEAL).collect();
        for key in keys {
            self.log.read(key, &mut self.value).map_err(|error| store_error(&error))?;
            let Some(cipher) = &mut self.cipher else {
                entry(key, Some(&self.value));
                continue;
            };
            self.sealed.clear();
            let opened = cipher.open(key, &self.value, &mut self.sealed);
            entry(key, opened.is_ok().then_some(&self.sealed));
        }
        Ok(())
    }

    fn commit(&mut self, group: &StoreGroup) -> Result<(), StoreError> {
        if group.is_empty() {
            return Ok(());
        }
        let mut refused = false;
        let (cipher, sealed) = (&mut self.cipher, &mut self.sealed);
        let result = self.log.append(|changes| {
            for change in group.changes() {
                match (change, cipher.as_mut()) {
                    (StoreChange::Put(key, value), None) => frame::append_put(changes, key, value),
                    (StoreChange::Put(key, value), Some(cipher)) => {
                        sealed.clear();
                        refused |= cipher.seal(key, value, sealed).is_err();
                        frame::append_put(changes, key, sealed);
                    }
                    (StoreChange::Delete(keys), _) => frame::append_delete(changes, &keys),
                }
            }
            if refused { Err(io::ErrorKind::Other.into()) } else { Ok(()) }
        });
        match result {
            Err(_) if refused => Err(StoreError::Cipher),
            other => other.map_err(|error| store_error(&error)),
        }
    }

    fn quarantine(&mut self, keys: &[u64]) -> Result<(), StoreError> {
        self.log.put_away(keys).map_err(|error| store_error(&error))
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("folder", &self.folder).field("report", &self.report).finish_non_exhaustive()
    }
}

fn wrong_log(path: &Path, wrong: Wrong) -> OpenError {
    match wrong {
        Wrong::Later(format) => OpenError::Format { file: path.join("log"), format },
        Wrong::Io(error) => OpenError::Io { path: path.join("log"), kind: error.kind() },
    }
}

/// The entry by which a cipher is known. No range of keys ends behind it, so no change of a client is about it.
const SEAL: u64 = u64::MAX;
const SEALED: &[u8] = b"sealed by the cipher of this store";
/// A log is written anew at this length, or when less than half of it is of use, whichever is later.
const REWRITE_FROM: u64 = 1 << 20;
