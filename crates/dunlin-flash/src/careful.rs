use embedded_storage_async::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

/// A flash that is written more carefully than its driver demands.
///
/// It reads what it has written, so that nothing is accepted that is not there: cells may be worn out.
///
/// Its words are long enough for the head of an item, 8 bytes, so that the heads of two items never overlap. With shorter
/// words a head that the power cut off is followed by the next one in its midst, and half of one beside half of the other
/// passes for a head once in 65,536 times: then the second message, which was accepted, is skipped.
#[derive(Debug)]
pub(crate) struct Careful<F>(pub(crate) F);

/// Why a flash did not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault<E> {
    Flash(E),
    /// Something else is there.
    Mismatch,
}

/// Bytes of a word; `None`: there is no such word.
pub(crate) const fn word<F: NorFlash>() -> Option<usize> {
    let (read, write) = (F::READ_SIZE, F::WRITE_SIZE);
    let longest = if read > write { read } else { write };
    let word = if longest < HEAD { HEAD } else { longest };
    if word <= LONGEST && word.is_multiple_of(read) && word.is_multiple_of(write) { Some(word) } else { None }
}

const fn word_or_longest<F: NorFlash>() -> usize {
    match word::<F>() {
        Some(word) => word,
        None => LONGEST,
    }
}

impl<E: NorFlashError> NorFlashError for Fault<E> {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Flash(error) => error.kind(),
            Self::Mismatch => NorFlashErrorKind::Other,
        }
    }
}

impl<F: ErrorType> ErrorType for Careful<F> {
    type Error = Fault<F::Error>;
}

impl<F: NorFlash> ReadNorFlash for Careful<F> {
    const READ_SIZE: usize = word_or_longest::<F>();

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.read(offset, bytes).await.map_err(Fault::Flash)
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl<F: NorFlash> NorFlash for Careful<F> {
    const WRITE_SIZE: usize = word_or_longest::<F>();
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        self.0.erase(from, to).await.map_err(Fault::Flash)
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.write(offset, bytes).await.map_err(Fault::Flash)?;
        let mut at = offset;
        for word in bytes.chunks(Self::WRITE_SIZE) {
            let mut read = [0; LONGEST];
            let read = read.get_mut(..word.len()).unwrap_or_default();
            self.0.read(at, read).await.map_err(Fault::Flash)?;
            if read != word {
                return Err(Fault::Mismatch);
            }
            at = at.wrapping_add(word.len() as u32);
        }
        Ok(())
    }
}

impl<F: MultiwriteNorFlash> MultiwriteNorFlash for Careful<F> {}

/// Bytes of the head of an item.
const HEAD: usize = 8;
/// Of a word.
pub(crate) const LONGEST: usize = 32;
