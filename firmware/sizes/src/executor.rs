use core::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use dunlin_embedded::{Carrier, Clock, Connector, Timer};
use dunlin_session::Instant;

use crate::Board;

/// Polls both until the second is ready.
pub fn join<T>(mut one: Pin<&mut impl Future>, mut other: Pin<&mut impl Future<Output = T>>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(result) = other.as_mut().poll(&mut context) {
            return result;
        }
        let _ = one.as_mut().poll(&mut context);
    }
}

/// The halves of the board's serial line, and its clock.
#[derive(Debug, Clone, Copy)]
pub struct Halves<'b>(pub &'b Board);

impl Connector for Halves<'_> {
    type Error = Infallible;

    async fn connect(&mut self, carrier: Carrier<'_, '_>) -> Result<(), Infallible> {
        carrier.carry(*self, *self).await;
        Ok(())
    }
}

impl embedded_io::ErrorType for Halves<'_> {
    type Error = Infallible;
}

impl embedded_io_async::Read for Halves<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|_| if Board::has_received() { Poll::Ready(()) } else { Poll::Pending }).await;
        Ok(Board::read_some(buffer))
    }
}

impl embedded_io_async::Write for Halves<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Board::write_all(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Clock for Halves<'_> {
    fn now(&mut self) -> Instant {
        Instant::from_millis(self.0.millis())
    }
}

impl Timer for Halves<'_> {
    async fn wait_until(&mut self, at: Instant) {
        poll_fn(|_| if self.0.millis() >= at.as_millis() { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}
