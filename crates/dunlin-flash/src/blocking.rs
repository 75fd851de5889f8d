use core::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use embedded_storage::{
    ReadStorage as BlockingReadStorage, Storage as BlockingStorage,
    nor_flash::{
        MultiwriteNorFlash as BlockingMultiwriteNorFlash, NorFlash as BlockingNorFlash,
        ReadNorFlash as BlockingReadNorFlash,
    },
};
use embedded_storage_async::{
    ReadStorage, Storage,
    nor_flash::{ErrorType, MultiwriteNorFlash, NorFlash, ReadNorFlash},
};

/// A flash, or another memory, whose driver waits: with the traits of `embedded-storage`. It gets those of
/// `embedded-storage-async`, and its futures are ready at once: see [`wait`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocking<F>(pub F);

impl<F: ErrorType> ErrorType for Blocking<F> {
    type Error = F::Error;
}

impl<F: BlockingReadNorFlash> ReadNorFlash for Blocking<F> {
    const READ_SIZE: usize = F::READ_SIZE;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl<F: BlockingNorFlash> NorFlash for Blocking<F> {
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        self.0.erase(from, to)
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.write(offset, bytes)
    }
}

impl<F: BlockingMultiwriteNorFlash> MultiwriteNorFlash for Blocking<F> {}

impl<S: BlockingReadStorage> ReadStorage for Blocking<S> {
    type Error = S::Error;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl<S: BlockingStorage> Storage for Blocking<S> {
    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.write(offset, bytes)
    }
}

/// Runs a future of a [`Queue`](crate::Queue) to its end, without an executor. Over [`Blocking`] it is ready at the first
/// look; over a driver that is really asynchronous this spins.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
    }
}
