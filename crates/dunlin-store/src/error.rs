use core::fmt;
use std::{io, path::PathBuf};

use dunlin_session::StoreError;

/// Why a store cannot be opened. Nothing in it has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it, or another store of this one: each client needs a folder of its own.
    InUse(PathBuf),
    /// A later version of this crate wrote it, in a format of which this one knows nothing.
    Format {
        /// The log.
        file: PathBuf,
        /// Its format; this crate knows those up to 1.
        format: u32,
    },
    /// It was written with a [`Cipher`](crate::Cipher), and none was given.
    Sealed(PathBuf),
    /// It was written without a [`Cipher`](crate::Cipher), and one was given.
    NotSealed(PathBuf),
    /// The [`Cipher`](crate::Cipher) does not open what it should have sealed: the key is another one.
    WrongKey(PathBuf),
    /// The operating system does not let us create, read or write this file or folder.
    Io {
        /// Which one.
        path: PathBuf,
        /// What it says.
        kind: io::ErrorKind,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => {
                write!(f, "the store {} is in use: end the other process, or take another folder", path.display())
            }
            Self::Format { file, format } => {
                write!(f, "{} has format {format}, which is later than this program's: update it", file.display())
            }
            Self::Sealed(path) => write!(f, "the store {} is sealed: open it with its cipher", path.display()),
            Self::NotSealed(path) => {
                write!(f, "the store {} is not sealed: open it without a cipher, or take a new folder", path.display())
            }
            Self::WrongKey(path) => write!(f, "the cipher has another key than the store {}", path.display()),
            Self::Io { path, kind } => write!(f, "the store needs {}: {kind}", path.display()),
        }
    }
}

impl core::error::Error for OpenError {}

/// What was found when a store was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Report {
    /// Confirmed changes are damaged or missing, so the log was set aside, and the store begins anew.
    pub damage: Option<Damage>,
    /// Bytes at the end of the log that were being written when the process or the machine stopped. They were never
    /// confirmed, so nothing is lost; they were cut off.
    pub cut_off: u64,
    /// Entries that are of use.
    pub entries: usize,
}

/// A log that was set aside. Nothing in it is used: of two changes that belong together one may be missing, and a
/// message would be lost or sent twice without a word. Now it is known what may be lost: all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// Where it is now, whole.
    pub file: PathBuf,
    /// The first byte that is not as it was written.
    pub offset: u64,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (offset, file) = (self.offset, self.file.display());
        write!(f, "the store is damaged from byte {offset} on; it was set aside as {file}, and begins anew")
    }
}

pub(crate) fn store_error(error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => StoreError::NoSpace,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreError::Denied,
        io::ErrorKind::UnexpectedEof => StoreError::Damaged,
        _ => StoreError::Device,
    }
}
