use core::{cell::Cell, convert::Infallible, fmt, future::poll_fn, pin::pin, task::Poll};

use embedded_io_async::{Read, Write};

use crate::{bell::Bell, input::Input};

/// Opens links to a server.
///
/// ```
/// use dunlin_embedded::{Carrier, Connector};
/// # use embedded_io_async::{Read, Write};
/// # struct Socket<'b>(&'b mut [u8]);
/// # impl Socket<'_> {
/// #     async fn connect(&mut self) -> Result<(), Closed> { Err(Closed) }
/// #     fn split(&mut self) -> (&[u8], &mut [u8]) { (&[], self.0) }
/// # }
/// # struct Closed;
///
/// struct Network {
///     buffer: [u8; 512],
/// }
///
/// impl Connector for Network {
///     type Error = Closed;
///
///     async fn connect(&mut self, carrier: Carrier<'_, '_>) -> Result<(), Closed> {
///         let mut socket = Socket(&mut self.buffer);
///         socket.connect().await?;
///         // TLS would be opened here, over the socket and in buffers of its own.
///         let (reader, writer) = socket.split();
///         carrier.carry(reader, writer).await;
///         Ok(())
///     }
/// }
/// ```
pub trait Connector {
    /// Why a link could not be opened. It is not told to the application: log it here.
    type Error;

    /// Opens a link and gives its halves to [`Carrier::carry`], which ends when the link does. What the link is made of
    /// may live in this future: its buffers are borrowed for one connection, and free again for the next.
    ///
    /// The future is dropped when the connection is over, and if it takes longer to open the link than
    /// [`connect_timeout`](dunlin_session::ConnectOptions::connect_timeout). That must close the link.
    fn connect(&mut self, carrier: Carrier<'_, '_>) -> impl Future<Output = Result<(), Self::Error>>;
}

impl<C: Connector + ?Sized> Connector for &mut C {
    type Error = C::Error;

    fn connect(&mut self, carrier: Carrier<'_, '_>) -> impl Future<Output = Result<(), C::Error>> {
        C::connect(self, carrier)
    }
}

/// Takes the halves of a link that is open.
#[derive(Debug)]
pub struct Carrier<'l, 'b> {
    line: &'l Line<'b>,
}

impl Carrier<'_, '_> {
    /// Moves bytes over the link until it breaks. Neither a read nor a write that was begun is dropped before that, or
    /// before the future of [`Connector::connect`] is: the halves need not be cancel safe.
    pub async fn carry(self, mut reader: impl Read, mut writer: impl Write) {
        let line = self.line;
        line.state.set(LineState::Open);
        line.client.ring();
        let (mut reading, mut writing) = (pin!(line.read(&mut reader)), pin!(line.write(&mut writer)));
        poll_fn(|cx| match reading.as_mut().poll(cx) {
            Poll::Pending => writing.as_mut().poll(cx),
            ended => ended,
        })
        .await;
    }
}

/// Carries bytes between a [`Client`](crate::Client) and a server.
///
/// ```text
///   Client::poll  <-- receive buffer -->  Line::run  <--- Read  <---  link
///                 <-- transmit buffer ->             ---> Write --->
/// ```
///
/// A buffer is always with one of the two. So a read or a write that was begun is never dropped while its link is in use,
/// whatever happens to the future of `poll`: the link need not be cancel safe.
pub struct Line<'b> {
    state: Cell<LineState>,
    input: Cell<&'b mut [u8]>,
    /// So much of it came in and is not taken.
    filled: Cell<u16>,
    output: Cell<&'b mut [u8]>,
    /// So much of it is to be written.
    to_send: Cell<u16>,
    /// The input is to be filled.
    pub(crate) reads: Cell<bool>,
    /// The output is to be written.
    pub(crate) writes: Cell<bool>,
    pub(crate) client: Bell,
    here: Bell,
}

/// Where the link stands.
///
/// ```text
///            client            here
///   Idle --------------> Wanted ----> Open
///    ^                     |            |  client
///    |  client             v            v
///    +---------------- Closed <----- Closing
/// ```
///
/// `Open` becomes `Closed` by itself when the link breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineState {
    Idle,
    Wanted,
    Open,
    Closing,
    Closed,
}

impl<'b> Line<'b> {
    /// With memory for what is received, at least 64 bytes, and for what is transmitted at once, of any size. Messages
    /// for which the former is too small are skipped or told in parts.
    pub fn new(receive: &'b mut [u8], transmit: &'b mut [u8]) -> Self {
        Self {
            state: Cell::new(LineState::Idle),
            input: Cell::new(Input::new(receive).into_parts().0),
            filled: Cell::new(0),
            output: Cell::new(transmit),
            to_send: Cell::new(0),
            reads: Cell::new(false),
            writes: Cell::new(false),
            client: Bell::default(),
            here: Bell::default(),
        }
    }

    /// Opens links and moves bytes, for ever. To be polled beside what calls [`Client::poll`](crate::Client): joined with
    /// it, or in a task of its own. If it is dropped the connection is lost; it may be called again then.
    pub async fn run(&self, mut connector: impl Connector) -> Infallible {
        if matches!(self.state.get(), LineState::Open | LineState::Closing) {
            self.end();
        }
        loop {
            while self.state.get() != LineState::Wanted {
                self.here.heard().await;
            }
            {
                let (mut link, mut left) = (pin!(connector.connect(Carrier { line: self })), pin!(self.left()));
                // One bell wakes what carries and what waits for the end, and is heard by the latter.
                poll_fn(|cx| if link.as_mut().poll(cx).is_ready() { Poll::Ready(()) } else { left.as_mut().poll(cx) })
                    .await;
            }
            self.end();
        }
    }

    async fn read(&self, reader: &mut impl Read) {
        loop {
            until(|| self.reads.get()).await;
            let input = Borrowed::of(&self.input);
            let filled = self.filled.get();
            match reader.read(input.bytes.get_mut(filled.into()..).unwrap_or_default()).await {
                Ok(0) | Err(_) => return,
                Ok(len) => self.filled.set(filled.wrapping_add(len as u16)),
            }
            drop(input);
            self.reads.set(false);
            self.client.ring();
        }
    }

    async fn write(&self, writer: &mut impl Write) {
        loop {
            until(|| self.writes.get()).await;
            let output = Borrowed::of(&self.output);
            let mut rest = output.bytes.get(..self.to_send.get().into()).unwrap_or_default();
            while !rest.is_empty() {
                match writer.write(rest).await {
                    Ok(0) | Err(_) => return,
                    Ok(len) => rest = rest.get(len..).unwrap_or_default(),
                }
            }
            if writer.flush().await.is_err() {
                return;
            }
            drop(output);
            self.writes.set(false);
            self.client.ring();
        }
    }

    /// Until the client wants no link any more.
    async fn left(&self) {
        while matches!(self.state.get(), LineState::Wanted | LineState::Open) {
            self.here.heard().await;
        }
    }

    fn end(&self) {
        self.state.set(LineState::Closed);
        self.client.ring();
    }

    // ---- the client's side ----

    pub(crate) fn state(&self) -> LineState {
        self.state.get()
    }

    pub(crate) fn set_state(&self, state: LineState) {
        self.state.set(state);
        self.here.ring();
    }

    /// Gives the input away to be filled.
    pub(crate) fn fill(&self, input: Input<'b>) {
        let (bytes, filled) = input.into_parts();
        self.input.set(bytes);
        self.filled.set(filled);
        self.reads.set(true);
        self.here.ring();
    }

    /// Gives the output away to be written.
    pub(crate) fn send(&self, output: &'b mut [u8], len: usize) {
        self.output.set(output);
        self.to_send.set(len as u16);
        self.writes.set(len > 0);
        self.here.ring();
    }

    /// The memory of the input, where it is not away, and what came in.
    pub(crate) fn take_input(&self) -> Input<'b> {
        Input::of_parts(self.input.take(), self.filled.take())
    }

    /// The memory of the output, where it is not away.
    pub(crate) fn take_output(&self) -> &'b mut [u8] {
        let bytes = self.output.take();
        let len = bytes.len().min(u16::MAX.into());
        bytes.get_mut(..len).unwrap_or_default()
    }
}

impl fmt::Debug for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("state", &self.state.get()).finish_non_exhaustive()
    }
}

/// Looks whenever the task is woken.
async fn until(condition: impl Fn() -> bool) {
    poll_fn(|_| if condition() { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// A buffer that goes back when it is not needed any more, also if that is because a future was dropped.
struct Borrowed<'c, 'b> {
    home: &'c Cell<&'b mut [u8]>,
    bytes: &'b mut [u8],
}

impl<'c, 'b> Borrowed<'c, 'b> {
    fn of(home: &'c Cell<&'b mut [u8]>) -> Self {
        Self { home, bytes: home.take() }
    }
}

impl Drop for Borrowed<'_, '_> {
    fn drop(&mut self) {
        self.home.set(core::mem::take(&mut self.bytes));
    }
}
