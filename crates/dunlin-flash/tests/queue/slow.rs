//! A chip that lets others work while it does, and futures that are dropped before they end.

use std::{
    future::poll_fn,
    pin::pin,
    task::{Context, Poll, Waker},
};

use embedded_storage::nor_flash::{NorFlash as _, ReadNorFlash as _};
use embedded_storage_async::nor_flash::{ErrorType, MultiwriteNorFlash, NorFlash, ReadNorFlash};

use crate::chip::{Chip, ChipError};

/// Each access is begun at the second look, and over at the third.
pub(crate) struct Slow(pub(crate) Chip<4, 256>);

impl ErrorType for Slow {
    type Error = ChipError;
}

impl ReadNorFlash for Slow {
    const READ_SIZE: usize = 4;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), ChipError> {
        pause().await;
        self.0.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl NorFlash for Slow {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 256;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), ChipError> {
        pause().await;
        self.0.erase(from, to)?;
        pause().await;
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), ChipError> {
        pause().await;
        self.0.write(offset, bytes)?;
        pause().await;
        Ok(())
    }
}

impl MultiwriteNorFlash for Slow {}

async fn pause() {
    let mut paused = false;
    poll_fn(|_| if std::mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// Looks at a future so often, and drops it. `Some`: it had ended.
pub(crate) fn drop_after<T>(looks: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..looks).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    })
}
