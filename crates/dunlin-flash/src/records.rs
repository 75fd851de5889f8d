use embedded_storage_async::nor_flash::{MultiwriteNorFlash, NorFlash};
use sequential_storage::{
    Error as StorageError,
    cache::{Cache, Uncached},
    queue::{QueueConfig, QueueStorage},
};

use crate::{
    Error, Stored,
    careful::{Careful, Fault},
};

/// The messages as they are in flash, and memory for one of them.
pub(crate) struct Records<'q, F: MultiwriteNorFlash> {
    storage: QueueStorage<Careful<F>, NoCache>,
    buffer: &'q mut [u8],
    /// Messages that were lost.
    pub(crate) dropped: u32,
}

/// Nothing of the flash is kept in RAM. So there is nothing that could differ from it.
type NoCache = Cache<Uncached, Uncached, Uncached>;
type Failure<F> = StorageError<Fault<F>>;

impl<'q, F: MultiwriteNorFlash> Records<'q, F> {
    pub(crate) fn new(flash: Careful<F>, config: QueueConfig<Careful<F>>, buffer: &'q mut [u8]) -> Self {
        Self { storage: QueueStorage::new(flash, config, Cache::new_uncached()), buffer, dropped: 0 }
    }

    pub(crate) fn into_flash(self) -> F {
        self.storage.destroy().0.0
    }

    /// Bytes of the largest message that there is room for.
    pub(crate) fn most(&self) -> usize {
        let word = Careful::<F>::WRITE_SIZE;
        let overhead = QueueStorage::<Careful<F>, NoCache>::item_overhead_size() as usize;
        let page = F::ERASE_SIZE.saturating_sub(word.saturating_mul(2)).saturating_sub(overhead);
        let buffer = self.buffer.len() / word * word;
        page.min(buffer).min(u16::MAX.into())
    }

    /// Writes a message behind the others. The oldest page makes room for it where that is allowed.
    pub(crate) async fn write(&mut self, message: &Stored<'_>, drops_oldest: bool) -> Result<(), Failure<F::Error>> {
        let mut mismatches = 0;
        loop {
            let record = self.buffer.get_mut(..message.len()).unwrap_or_default();
            if message.encode(record).is_none() {
                return Err(StorageError::ItemTooBig);
            }
            match self.storage.push(record, drops_oldest).await {
                // There are other places.
                Err(StorageError::Storage { value: Fault::Mismatch, .. }) if mismatches < PLACES => mismatches += 1,
                written => return written,
            }
        }
    }

    /// Reads the oldest message that is wanted to the buffer; tells how long it is. What is no message is removed, and
    /// pages that hold none before it are erased.
    pub(crate) async fn find(
        &mut self,
        is_wanted: &mut dyn FnMut(u32) -> bool,
    ) -> Result<Option<usize>, Error<F::Error>> {
        let mut messages = self.storage.iter().await?;
        while let Some(entry) = messages.next(self.buffer).await? {
            match Stored::decode(&entry) {
                Some(message) if is_wanted(message.number) => return Ok(Some(entry.len())),
                Some(_) => {}
                None => {
                    entry.pop().await?;
                    self.dropped = self.dropped.saturating_add(1);
                }
            }
        }
        Ok(None)
    }

    /// The oldest message that is wanted.
    pub(crate) async fn message(
        &mut self,
        is_wanted: &mut dyn FnMut(u32) -> bool,
    ) -> Result<Option<Stored<'_>>, Error<F::Error>> {
        let len = self.find(is_wanted).await?;
        Ok(len.and_then(|len| Stored::decode(self.buffer.get(..len)?)))
    }

    /// How many there are.
    pub(crate) async fn count(&mut self) -> Result<u32, Error<F::Error>> {
        let mut count = 0;
        self.find(&mut |_| {
            count += 1;
            false
        })
        .await?;
        Ok(count)
    }

    /// False: it is not there.
    pub(crate) async fn remove(&mut self, number: u32) -> Result<bool, Error<F::Error>> {
        let mut messages = self.storage.iter().await?;
        while let Some(entry) = messages.next(self.buffer).await? {
            if Stored::decode(&entry).is_some_and(|message| message.number == number) {
                entry.pop().await?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// In how many other places a message is tried that does not read back.
const PLACES: u8 = 3;
