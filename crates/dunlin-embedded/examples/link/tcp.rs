//! The link and the clock of the examples. On a board it is what brings bytes to a network chip or a modem.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time,
};

use dunlin_embedded::{Clock, Link};
use dunlin_session::Instant;

/// TCP of the operating system.
pub(crate) struct Tcp(pub(crate) Option<TcpStream>);

impl Tcp {
    fn stream(&mut self) -> Result<&mut TcpStream, std::io::Error> {
        self.0.as_mut().ok_or_else(|| ErrorKind::NotConnected.into())
    }
}

impl Link for Tcp {
    fn open(&mut self) -> Result<(), std::io::Error> {
        let stream = TcpStream::connect(("localhost", 1883))?;
        // A server that does not read must not hold the sensor for ever.
        stream.set_write_timeout(Some(time::Duration::from_secs(10)))?;
        self.0 = Some(stream);
        Ok(())
    }

    fn close(&mut self) {
        self.0 = None;
    }
}

impl embedded_io::ErrorType for Tcp {
    type Error = std::io::Error;
}

impl embedded_io::ReadReady for Tcp {
    fn read_ready(&mut self) -> Result<bool, std::io::Error> {
        let stream = self.stream()?;
        stream.set_nonblocking(true)?;
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false)?;
        match peeked {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl embedded_io::Read for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, std::io::Error> {
        self.stream()?.read(buffer)
    }
}

impl embedded_io::Write for Tcp {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, std::io::Error> {
        self.stream()?.write(bytes)
    }

    fn flush(&mut self) -> Result<(), std::io::Error> {
        self.stream()?.flush()
    }
}

/// The clock of the operating system.
pub(crate) struct StdClock(pub(crate) time::Instant);

impl Clock for StdClock {
    fn now(&mut self) -> Instant {
        Instant::from_millis(self.0.elapsed().as_millis() as u64)
    }
}
