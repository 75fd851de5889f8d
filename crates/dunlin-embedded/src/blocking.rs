use dunlin_codec::Version;
use dunlin_session::{Chunk, InboundAliases, Instant, Slices, Storage};
use embedded_io::{Read, ReadReady, Write};

use crate::{
    Client, Clock, Event, Options,
    engine::{Engine, Step},
    input::Input,
};

/// A link to a server that can be opened again.
///
/// What a read gives must be there at once when [`ReadReady`] says so. A write waits until it is taken, and whoever
/// waits does nothing else: a link whose other side does not read should fail after a while.
pub trait Link: Read + ReadReady + Write {
    /// Opens it; waits until it is open.
    ///
    /// # Errors
    /// It cannot be opened now.
    fn open(&mut self) -> Result<(), Self::Error>;

    /// Closes it. It may be broken, or closed already.
    fn close(&mut self);
}

impl<K: Link + ?Sized> Link for &mut K {
    fn open(&mut self) -> Result<(), Self::Error> {
        K::open(self)
    }

    fn close(&mut self) {
        K::close(self);
    }
}

/// The link of a blocking client: a [`Link`], and the time.
pub struct Blocking<K, C> {
    link: K,
    clock: C,
    is_open: bool,
}

impl<'a, K: Link, C: Clock, A: InboundAliases> Client<'a, Blocking<K, C>, A> {
    /// A client that connects when it is polled. `receive` holds what comes in, at least 64 bytes; messages for which it
    /// is too small are skipped or told in parts. The version stays, because what is queued is encoded already.
    #[inline(always)]
    pub fn blocking(
        version: Version,
        storage: Storage<Slices<'a, A>>,
        options: &'a Options<'a>,
        receive: &'a mut [u8],
        link: K,
        clock: C,
    ) -> Self {
        let mut client = Self {
            engine: Engine::new(version, storage, Input::new(receive), options),
            link: Blocking { link, clock, is_open: false },
        };
        client.engine.session.set_backoff(options.backoff.clone());
        client
    }

    /// The next event; `None`: nothing can be done now. It waits for the link to be opened and to take what is written,
    /// and for nothing else: call it again when something came in, at the latest at
    /// [`poll_timeout`](Self::poll_timeout), and after each command.
    pub fn poll(&mut self) -> Option<Event<'_>> {
        self.engine.forget_told();
        let now = self.link.clock.now();
        while !self.turn(now) {
            // The next link may be due at once.
            if self.link.is_open || !self.engine.wants_link() {
                return None;
            }
        }
        Some(self.engine.event())
    }

    /// When to call [`poll`](Self::poll) at the latest. `None`: when something comes in.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.engine.session.poll_timeout()
    }

    fn turn(&mut self, now: Instant) -> bool {
        if self.engine.handle_timeout(now) || self.engine.tells_settled() {
            return true;
        }
        if !self.link.is_open {
            if !self.engine.takes_link() {
                // Nothing goes out, but time passes for messages that expire.
                self.engine.has_output(now);
                return self.engine.tells_settled();
            }
            if self.link.link.open().is_err() {
                return self.engine.handle_closed(now);
            }
            self.link.is_open = true;
            self.engine.handle_open(now);
        }
        match self.exchange(now) {
            Ok(tells) if tells || !self.engine.is_over() => tells,
            // Broken, or not wanted any more.
            _ => {
                self.link.is_open = false;
                self.link.link.close();
                self.engine.handle_closed(now)
            }
        }
    }

    /// Moves bytes both ways. True: there is an event.
    fn exchange(&mut self, now: Instant) -> Result<bool, Broken> {
        // What came in before the link broke is told first.
        let written = self.transmit(now);
        loop {
            match self.engine.step(now) {
                Step::Told => return Ok(true),
                Step::Write => {
                    let is_over = self.engine.is_over();
                    self.transmit(now)?;
                    if is_over {
                        return Ok(false);
                    }
                }
                Step::Read => {
                    written?;
                    if self.link.link.read_ready().map_err(|_| Broken)? {
                        match self.link.link.read(self.engine.input.free()) {
                            Ok(0) | Err(_) => return Err(Broken),
                            Ok(len) => self.engine.input.filled(len),
                        }
                    } else if !self.transmit(now)? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Tells whether there was anything to transmit.
    fn transmit(&mut self, now: Instant) -> Result<bool, Broken> {
        let mut writes = self.engine.has_connect();
        if writes {
            self.transmit_connect()?;
        }
        while let Some(Chunk::Copy(bytes)) = self.engine.session.poll_transmit(now) {
            writes = true;
            match self.link.link.write(bytes) {
                Ok(0) | Err(_) => return Err(Broken),
                Ok(len) => self.engine.session.transmitted(len),
            }
        }
        if writes {
            self.link.link.flush().map_err(|_| Broken)?;
            self.engine.session.flushed();
        }
        Ok(writes)
    }

    #[cold]
    fn transmit_connect(&mut self) -> Result<(), Broken> {
        // Nothing comes in before the CONNECT is through, so there is memory for its parts.
        let mut part = core::mem::take(&mut self.engine.input);
        let written = loop {
            let len = self.engine.connect_into(part.free());
            match self.write_all(part.free().get(..len).unwrap_or_default()) {
                Ok(()) if len > 0 => {}
                written => break written,
            }
        };
        self.engine.input = part;
        written
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            match self.link.link.write(bytes) {
                Ok(0) | Err(_) => return Err(Broken),
                Ok(len) => bytes = bytes.get(len..).unwrap_or_default(),
            }
        }
        Ok(())
    }
}

/// The link is.
#[derive(Clone, Copy)]
struct Broken;
