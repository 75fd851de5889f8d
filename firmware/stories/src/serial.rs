use core::convert::Infallible;

use dunlin_embedded::Link;

/// A serial line without a network: its other end is a server's port.
#[derive(Debug)]
pub struct Serial<U>(pub U);

/// What moves bytes over a serial line.
pub trait Uart {
    /// The next byte that came in, if there is one.
    fn read(&mut self) -> Option<u8>;

    /// Sends a byte; waits until there is room for it.
    fn write(&mut self, byte: u8);

    /// Whether a byte came in.
    fn has_received(&mut self) -> bool;
}

impl<U: Uart> Link for Serial<U> {
    fn open(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn close(&mut self) {}
}

impl<U> embedded_io::ErrorType for Serial<U> {
    type Error = Infallible;
}

impl<U: Uart> embedded_io::ReadReady for Serial<U> {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.0.has_received())
    }
}

impl<U: Uart> embedded_io::Read for Serial<U> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let mut len = 0;
        for (free, byte) in buffer.iter_mut().zip(core::iter::from_fn(|| self.0.read())) {
            *free = byte;
            len += 1;
        }
        Ok(len)
    }
}

impl<U: Uart> embedded_io::Write for Serial<U> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        bytes.iter().for_each(|byte| self.0.write(*byte));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
