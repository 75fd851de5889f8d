use core::fmt;

use embedded_storage_async::{
    Storage,
    nor_flash::{ErrorType, MultiwriteNorFlash, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash},
};

/// A memory whose bytes can be written one by one and are not erased, such as FRAM, MRAM or EEPROM, with the trait
/// `Storage` of `embedded-storage-async` (or [`Blocking`](crate::Blocking) around one of `embedded-storage`). It is taken
/// as flash with words of a byte and pages of `PAGE` bytes: at least as many as the largest message takes, and 32.
///
/// Small pages are better here: fewer messages make room for one at a time, and "erasing" a page writes all its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fram<S, const PAGE: usize>(pub S);

/// The driver of an FRAM failed, as it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FramError<E>(pub E);

impl<E: fmt::Debug> fmt::Display for FramError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the driver of the memory failed: {:?}", self.0)
    }
}

impl<E: fmt::Debug> core::error::Error for FramError<E> {}

impl<E: fmt::Debug> NorFlashError for FramError<E> {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl<S: Storage<Error: fmt::Debug>, const PAGE: usize> ErrorType for Fram<S, PAGE> {
    type Error = FramError<S::Error>;
}

impl<S: Storage<Error: fmt::Debug>, const PAGE: usize> ReadNorFlash for Fram<S, PAGE> {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.read(offset, bytes).await.map_err(FramError)
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl<S: Storage<Error: fmt::Debug>, const PAGE: usize> NorFlash for Fram<S, PAGE> {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        let mut at = from;
        while at < to {
            let len = (to - at).min(CHUNK as u32);
            self.0.write(at, ERASED.get(..len as usize).unwrap_or_default()).await.map_err(FramError)?;
            at = at.saturating_add(len);
        }
        Ok(())
    }

    /// As flash does it: bits become 0, and none becomes 1.
    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        let mut at = offset;
        for part in bytes.chunks(CHUNK) {
            let mut memory = [0; CHUNK];
            let there = memory.get_mut(..part.len()).unwrap_or_default();
            self.0.read(at, there).await.map_err(FramError)?;
            there.iter_mut().zip(part).for_each(|(there, new)| *there &= new);
            self.0.write(at, there).await.map_err(FramError)?;
            at = at.saturating_add(part.len() as u32);
        }
        Ok(())
    }
}

impl<S: Storage<Error: fmt::Debug>, const PAGE: usize> MultiwriteNorFlash for Fram<S, PAGE> {}

const CHUNK: usize = 32;
const ERASED: [u8; CHUNK] = [0xFF; CHUNK];
