use core::{fmt, ops::Range};

use dunlin_codec::TopicName;
use dunlin_session::PublishOptions;
use embedded_storage_async::nor_flash::MultiwriteNorFlash;
use sequential_storage::{Error as StorageError, queue::QueueConfig};

use crate::{
    Error, Given, OpenError, PushError, Stored,
    careful::{Careful, word},
    mend::mend,
    records::Records,
};

/// Messages in flash or FRAM, in their order. What was accepted is there after a power cut.
///
/// Every future may be dropped: that is like a power cut at this moment. A message that was being pushed is in the queue
/// or is not, and one that was being removed is gone or is not; nothing else changes.
pub struct Queue<'q, F: MultiwriteNorFlash> {
    pub(crate) records: Records<'q, F>,
    pub(crate) given: &'q mut [Given],
    when_full: WhenFull,
    next_number: u32,
}

/// What becomes of a message for which there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// It is accepted, and the oldest messages make room for it: a page of them at once, because flash is erased in
    /// pages.
    #[default]
    DropOldest,
    /// It is not accepted: [`PushError::Full`].
    DropNewest,
}

impl<'q, F: MultiwriteNorFlash> Queue<'q, F> {
    /// Opens a queue in these bytes of the flash: whole pages, three of them or more. It goes on with what is there. Flash
    /// that never held a queue must be erased before.
    ///
    /// `buffer` holds one message: its topic, properties and payload, 9 bytes, and up to a word more, which is 8 bytes or what the
    /// driver says, if that is longer. Some drivers want it
    /// aligned. `given` is one for each message that a client is given before the first of them is settled.
    ///
    /// Reads all messages that are there, and all pages that hold none.
    ///
    /// # Errors
    /// See [`OpenError`]. Hand the flash over as `&mut` if you want to erase it then.
    pub async fn open(
        flash: F,
        range: Range<u32>,
        buffer: &'q mut [u8],
        given: &'q mut [Given],
        when_full: WhenFull,
    ) -> Result<Self, OpenError<F::Error>> {
        let (pages, capacity) = (range.end.saturating_sub(range.start) as usize / F::ERASE_SIZE, flash.capacity());
        if word::<F>().is_none() || pages < 3 || range.end as usize > capacity {
            return Err(OpenError::Pages);
        }
        let mut flash = Careful(flash);
        let Ok(config) = QueueConfig::try_new(range.clone()) else { return Err(OpenError::Pages) };
        mend(&mut flash, &range).await.map_err(Error::from)?;
        given.fill(Given::FREE);
        let mut queue = Self { records: Records::new(flash, config, buffer), given, when_full, next_number: 0 };
        let next_number = &mut queue.next_number;
        queue
            .records
            .find(&mut |number| {
                *next_number = number.wrapping_add(1);
                false
            })
            .await?;
        Ok(queue)
    }

    /// Accepts a message: when this ends well it is in the flash. Tells how many older ones were dropped for it.
    ///
    /// A Message Expiry Interval begins to run when a client is given the message: how long it waits here is not known
    /// after a power cut. `tracked` says nothing here.
    ///
    /// # Errors
    /// It was not accepted: see [`PushError`].
    pub async fn push(
        &mut self,
        topic: TopicName<'_>,
        payload: &[u8],
        options: PublishOptions<'_>,
    ) -> Result<u32, PushError<F::Error>> {
        let message = Stored { number: self.next_number, topic, payload, options };
        let (needed, most) = (message.len(), self.records.most());
        if needed > most {
            return Err(PushError::TooLarge { needed, most });
        }
        // The number is taken, whatever happens: it must not name two messages.
        self.next_number = self.next_number.wrapping_add(1);
        let mut written = self.records.write(&message, false).await;
        let mut dropped = 0;
        if matches!(written, Err(StorageError::FullStorage)) {
            // Counting them erases the pages that hold none any more.
            let before = self.records.count().await?;
            written = self.records.write(&message, self.when_full == WhenFull::DropOldest).await;
            if written.is_ok() {
                dropped = before.saturating_add(1).saturating_sub(self.records.count().await?);
            }
        }
        let lost = if matches!(written, Err(StorageError::FullStorage)) { 1 } else { dropped };
        self.records.dropped = self.records.dropped.saturating_add(lost);
        match written {
            Ok(()) => Ok(dropped),
            Err(StorageError::FullStorage) => Err(PushError::Full),
            Err(StorageError::ItemTooBig) => Err(PushError::TooLarge { needed, most }),
            Err(error) => Err(PushError::Flash(error.into())),
        }
    }

    /// The oldest message. This is for whoever reads the queue without a client; with one see [`give`](Self::give).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn oldest(&mut self) -> Result<Option<Stored<'_>>, Error<F::Error>> {
        self.records.message(&mut |_| true).await
    }

    /// Removes a message. False: it is not there.
    ///
    /// # Errors
    /// See [`Error`]. It may be there or not, then.
    pub async fn remove(&mut self, number: u32) -> Result<bool, Error<F::Error>> {
        self.records.remove(number).await
    }

    /// How many messages there are. Reads them all.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn len(&mut self) -> Result<u32, Error<F::Error>> {
        self.records.count().await
    }

    /// Whether there is no message.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn is_empty(&mut self) -> Result<bool, Error<F::Error>> {
        Ok(self.records.find(&mut |_| true).await?.is_none())
    }

    /// How many messages were lost since the queue was opened: old or new ones because it was full, those that
    /// [`give`](Self::give) told to be refused, and what was not written by a queue of this version.
    pub fn dropped(&self) -> u32 {
        self.records.dropped
    }

    /// Gives the flash back.
    pub fn close(self) -> F {
        self.records.into_flash()
    }
}

impl<F: MultiwriteNorFlash> fmt::Debug for Queue<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("when_full", &self.when_full)
            .field("given", &self.given)
            .field("dropped", &self.records.dropped)
            .finish_non_exhaustive()
    }
}
