use core::fmt;

use sequential_storage::Error as StorageError;

use crate::careful::Fault;

/// Why the flash did not do what it was asked to. `E` is the error of its driver.
///
/// What was accepted before is still there, as far as the flash can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error<E> {
    /// The driver failed.
    Flash(E),
    /// What was written does not read back: the flash is worn out, or it does not take a word twice.
    Mismatch,
    /// What is there makes no sense: it was never erased, or something else has written to it. Erase the pages, and open
    /// the queue again.
    Damaged,
    /// The buffer has no room for a message in the queue, which was written with a larger one. So many bytes are needed.
    BufferTooSmall(usize),
}

impl<E> From<Fault<E>> for Error<E> {
    fn from(fault: Fault<E>) -> Self {
        match fault {
            Fault::Flash(error) => Self::Flash(error),
            Fault::Mismatch => Self::Mismatch,
        }
    }
}

impl<E> From<StorageError<Fault<E>>> for Error<E> {
    fn from(error: StorageError<Fault<E>>) -> Self {
        match error {
            StorageError::Storage { value, .. } => value.into(),
            StorageError::BufferTooSmall(needed) => Self::BufferTooSmall(needed),
            _ => Self::Damaged,
        }
    }
}

impl<E: fmt::Debug> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "the driver of the flash failed: {error:?}"),
            Self::Mismatch => f.write_str("what was written does not read back: the flash is worn out or write-once"),
            Self::Damaged => f.write_str("what is in the flash is no queue: erase the pages and open it again"),
            Self::BufferTooSmall(needed) => write!(f, "a message in the queue needs a buffer of {needed} bytes"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for Error<E> {}

/// Why a queue cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError<E> {
    /// The caller: these are not at least three whole pages of the flash; or a page is too small for any message, or a
    /// word is longer than 32 bytes.
    Pages,
    /// The flash.
    Flash(Error<E>),
}

impl<E> From<Error<E>> for OpenError<E> {
    fn from(error: Error<E>) -> Self {
        Self::Flash(error)
    }
}

impl<E: fmt::Debug> fmt::Display for OpenError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pages => {
                f.write_str("a queue takes at least three whole pages of a flash, with words of up to 32 bytes")
            }
            Self::Flash(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for OpenError<E> {}

/// Why a message was not accepted. It is still the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError<E> {
    /// The queue is full, and drops what is new: see [`WhenFull::DropNewest`](crate::WhenFull::DropNewest).
    Full,
    /// It will never fit into the buffer, or into a page.
    TooLarge {
        /// Bytes that it takes.
        needed: usize,
        /// Bytes that there are.
        most: usize,
    },
    /// The flash.
    Flash(Error<E>),
}

impl<E> From<Error<E>> for PushError<E> {
    fn from(error: Error<E>) -> Self {
        Self::Flash(error)
    }
}

impl<E: fmt::Debug> fmt::Display for PushError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the queue in flash is full: connect, so that messages leave it"),
            Self::TooLarge { needed, most } => {
                write!(f, "the message takes {needed} bytes, and buffer and page have {most}")
            }
            Self::Flash(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for PushError<E> {}
