//! A store in a real folder.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use dunlin_session::{Store, StoreError, StoreGroup};
use dunlin_store::{Cipher, CipherFailed, FileStore, OpenError};

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dunlin-store-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

fn put(key: u64, value: &[u8]) -> StoreGroup {
    let mut group = StoreGroup::default();
    group.put(key, |bytes| bytes.extend_from_slice(value));
    group
}

fn entries(store: &mut FileStore) -> BTreeMap<u64, Option<Vec<u8>>> {
    let mut entries = BTreeMap::new();
    store.load(&mut |key, value| drop(entries.insert(key, value.map(<[u8]>::to_vec)))).unwrap();
    entries
}

#[test]
fn entries_are_there_when_it_is_opened_again() {
    let folder = Folder::new("again");
    let mut store = FileStore::open(&folder).unwrap();
    assert!(store.report().damage.is_none() && store.report().entries == 0);
    store.commit(&put(1, b"one")).unwrap();
    let mut group = put(2, b"two");
    group.delete(1);
    group.put(3, |_| ());
    store.commit(&group).unwrap();
    store.commit(&StoreGroup::default()).unwrap();
    drop(store);
    let mut store = FileStore::open(&folder).unwrap();
    assert_eq!(store.report().entries, 2);
    assert_eq!(entries(&mut store), BTreeMap::from([(2, Some(b"two".to_vec())), (3, Some(Vec::new()))]));
}

#[test]
fn two_at_once_are_refused() {
    let folder = Folder::new("two");
    let store = FileStore::open(&folder).unwrap();
    let error = FileStore::open(&folder).unwrap_err();
    assert_eq!(error, OpenError::InUse(folder.0.clone()));
    assert!(error.to_string().ends_with("is in use: end the other process, or take another folder"), "{error}");
    drop(store);
    FileStore::open(&folder).unwrap();
}

/// Another process is refused too, and one that is gone stands in nobody's way.
#[test]
fn two_processes_are_refused() {
    let (folder, variable) = (Folder::new("processes"), "DUNLIN_STORE_TEST_FOLDER");
    if let Ok(folder) = std::env::var(variable) {
        let result = FileStore::open(folder).map(drop);
        assert!(matches!(result, Err(OpenError::InUse(_))), "{result:?}");
        return;
    }
    let store = FileStore::open(&folder).unwrap();
    let other = || {
        let program = std::env::current_exe().unwrap();
        Command::new(program).args(["--exact", "two_processes_are_refused"]).env(variable, &folder.0).output().unwrap()
    };
    assert!(other().status.success(), "{other:?}", other = String::from_utf8_lossy(&other().stdout));
    drop(store);
    assert!(!other().status.success(), "nobody has it");
}

#[test]
fn a_damaged_log_is_set_aside_and_told() {
    let folder = Folder::new("damaged");
    let mut store = FileStore::open(&folder).unwrap();
    store.commit(&put(1, b"one")).unwrap();
    store.commit(&put(2, b"two")).unwrap();
    drop(store);
    let log = folder.0.join("log");
    let mut bytes = fs::read(&log).unwrap();
    let offset = bytes.len() - 70;
    bytes[offset] ^= 4;
    fs::write(&log, &bytes).unwrap();
    let mut store = FileStore::open(&folder).unwrap();
    let damage = store.report().damage.clone().unwrap();
    assert_eq!(damage.file, folder.0.join("damaged-1"));
    assert_eq!(fs::read(&damage.file).unwrap(), bytes);
    assert!(damage.offset <= offset as u64);
    assert!(damage.to_string().contains("it was set aside as"), "{damage}");
    assert!(entries(&mut store).is_empty());
    store.commit(&put(3, b"three")).unwrap();
    drop(store);
    assert_eq!(FileStore::open(&folder).unwrap().report().damage, None);
}

/// It is neither opened nor set aside: the program that wrote it can.
#[test]
fn a_log_of_a_later_format_is_left_alone() {
    let folder = Folder::new("later");
    drop(FileStore::open(&folder).unwrap());
    let log = folder.0.join("log");
    let mut bytes = fs::read(&log).unwrap();
    bytes[8] = 2;
    let checksum = crc32fast::hash(&bytes[..20]);
    bytes[20..24].copy_from_slice(&checksum.to_le_bytes());
    fs::write(&log, &bytes).unwrap();
    let error = FileStore::open(&folder).unwrap_err();
    assert_eq!(error, OpenError::Format { file: log.clone(), format: 2 });
    assert_eq!(fs::read(&log).unwrap(), bytes);
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let folder = Folder::new("file");
    fs::write(&folder, "a file").unwrap();
    let error = FileStore::open(&folder).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
}

#[test]
fn entries_in_quarantine_are_not_loaded_and_not_lost() {
    let folder = Folder::new("quarantine");
    let mut store = FileStore::open(&folder).unwrap();
    for key in 1..5 {
        store.commit(&put(key, &[key as u8; 3])).unwrap();
    }
    store.quarantine(&[2, 4]).unwrap();
    store.quarantine(&[1]).unwrap();
    drop(store);
    let mut store = FileStore::open(&folder).unwrap();
    assert_eq!(entries(&mut store).into_keys().collect::<Vec<_>>(), [3]);
    let kept = fs::read(folder.0.join("quarantine-1")).unwrap();
    assert_eq!(kept, *b"\x01\x02\0\0\0\0\0\0\0\x03\0\0\0\x02\x02\x02\x01\x04\0\0\0\0\0\0\0\x03\0\0\0\x04\x04\x04");
    assert!(folder.0.join("quarantine-2").exists());
}

/// Not a cipher. It shows what is given to one.
struct Mask(u8);

impl Cipher for Mask {
    fn seal(&mut self, key: u64, plain: &[u8], sealed: &mut Vec<u8>) -> Result<(), CipherFailed> {
        if plain == b"refused" {
            return Err(CipherFailed);
        }
        sealed.extend_from_slice(&key.to_le_bytes());
        sealed.extend(plain.iter().map(|byte| byte ^ self.0));
        Ok(())
    }

    fn open(&mut self, key: u64, sealed: &[u8], plain: &mut Vec<u8>) -> Result<(), CipherFailed> {
        let masked = sealed.strip_prefix(&key.to_le_bytes()).ok_or(CipherFailed)?;
        plain.extend(masked.iter().map(|byte| byte ^ self.0));
        Ok(())
    }
}

#[test]
fn values_are_sealed() {
    let folder = Folder::new("sealed");
    let mut store = FileStore::open_sealed(&folder, Mask(0x5A)).unwrap();
    store.commit(&put(1, b"a secret")).unwrap();
    assert_eq!(store.commit(&put(2, b"refused")), Err(StoreError::Cipher));
    store.commit(&put(3, b"another one")).unwrap();
    drop(store);
    let bytes = fs::read(folder.0.join("log")).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"secret"));
    assert_eq!(FileStore::open(&folder).unwrap_err(), OpenError::Sealed(folder.0.clone()));
    assert_eq!(FileStore::open_sealed(&folder, Mask(0x33)).unwrap_err(), OpenError::WrongKey(folder.0.clone()));
    let mut store = FileStore::open_sealed(&folder, Mask(0x5A)).unwrap();
    let expected = [(1, Some(b"a secret".to_vec())), (3, Some(b"another one".to_vec()))];
    assert_eq!(entries(&mut store), BTreeMap::from(expected));
}

#[test]
fn a_store_is_sealed_from_its_beginning_or_never() {
    let folder = Folder::new("not-sealed");
    let mut store = FileStore::open(&folder).unwrap();
    store.commit(&put(1, b"one")).unwrap();
    drop(store);
    assert_eq!(FileStore::open_sealed(&folder, Mask(1)).unwrap_err(), OpenError::NotSealed(folder.0.clone()));
}

/// As after somebody exchanged values; what does not open goes into quarantine by the client's word.
#[test]
fn a_value_that_does_not_open_is_told_as_none() {
    struct Later(Mask);
    impl Cipher for Later {
        fn seal(&mut self, key: u64, plain: &[u8], sealed: &mut Vec<u8>) -> Result<(), CipherFailed> {
            self.0.seal(if key == 2 { 3 } else { key }, plain, sealed)
        }
        fn open(&mut self, key: u64, sealed: &[u8], plain: &mut Vec<u8>) -> Result<(), CipherFailed> {
            self.0.open(key, sealed, plain)
        }
    }
    let folder = Folder::new("exchanged");
    let mut store = FileStore::open_sealed(&folder, Later(Mask(7))).unwrap();
    store.commit(&put(1, b"one")).unwrap();
    store.commit(&put(2, b"two")).unwrap();
    assert_eq!(entries(&mut store), BTreeMap::from([(1, Some(b"one".to_vec())), (2, None)]));
    store.quarantine(&[2]).unwrap();
    assert_eq!(entries(&mut store).len(), 1);
}

#[test]
fn a_log_of_many_megabytes_is_written_anew() {
    let folder = Folder::new("large");
    let mut store = FileStore::open(&folder).unwrap();
    let value = vec![7; 300_000];
    store.commit(&put(1, b"stays")).unwrap();
    for _ in 0..12 {
        store.commit(&put(2, &value)).unwrap();
    }
    let len = fs::metadata(folder.0.join("log")).unwrap().len();
    assert!(len < 1_700_000, "{len} bytes");
    drop(store);
    let mut store = FileStore::open(&folder).unwrap();
    assert_eq!(entries(&mut store), BTreeMap::from([(1, Some(b"stays".to_vec())), (2, Some(value))]));
}

#[test]
fn every_error_is_a_sentence_of_its_own() {
    let path = PathBuf::from("outbox");
    let errors = [
        OpenError::InUse(path.clone()),
        OpenError::Format { file: path.clone(), format: 2 },
        OpenError::Sealed(path.clone()),
        OpenError::NotSealed(path.clone()),
        OpenError::WrongKey(path.clone()),
        OpenError::Io { path, kind: std::io::ErrorKind::PermissionDenied },
    ];
    let mut sentences: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert!(sentences.iter().all(|sentence| sentence.contains("outbox")));
    sentences.sort();
    sentences.dedup();
    assert_eq!(sentences.len(), errors.len());
    assert!(!CipherFailed.to_string().is_empty());
}
