use core::{cell::Cell, convert::Infallible, fmt, future::poll_fn, pin::pin, task::Poll};

use embedded_io_async::{Read, Write};

use crate::{bell::Bell, input::Input};

/// Opens links to a server.
pub trait Connector {
    /// The half that reads.
    type Reader<'c>: Read
    where
        Self: 'c;
    /// The half that writes.
    type Writer<'c>: Write
    where
        Self: 'c;
    /// Why a link could not be opened. It is not told to the application: log it here.
    type Error;

    /// Opens one. The one before was dropped; so is this future if it takes longer than
    /// [`connect_timeout`](dunlin_session::ConnectOptions::connect_timeout).
    fn connect(&mut self) -> impl Future<Output = Result<(Self::Reader<'_>, Self::Writer<'_>), Self::Error>>;
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
    pub(crate) input: Cell<Input<'b>>,
    pub(crate) output: Cell<Output<'b>>,
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

/// What is to be written.
#[derive(Debug, Default)]
pub(crate) struct Output<'b> {
    pub(crate) bytes: &'b mut [u8],
    pub(crate) len: usize,
}

impl<'b> Line<'b> {
    /// With memory for what is received, at least 64 bytes, and for what is transmitted at once, of any size. Messages
    /// for which the former is too small are skipped or told in parts.
    pub fn new(receive: &'b mut [u8], transmit: &'b mut [u8]) -> Self {
        Self {
            state: Cell::new(LineState::Idle),
            input: Cell::new(Input::new(receive)),
            output: Cell::new(Output { bytes: transmit, len: 0 }),
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
            let link = {
                let (mut connecting, mut left) = (pin!(connector.connect()), pin!(self.left(LineState::Wanted)));
                poll_fn(|cx| match connecting.as_mut().poll(cx) {
                    Poll::Ready(link) => Poll::Ready(link.ok()),
                    Poll::Pending => left.as_mut().poll(cx).map(|()| None),
                })
                .await
            };
            if let Some((mut reader, mut writer)) = link {
                self.state.set(LineState::Open);
                self.client.ring();
                self.carry(&mut reader, &mut writer).await;
            }
            self.end();
        }
    }

    /// Until the link breaks or the client wants it closed.
    async fn carry(&self, reader: &mut impl Read, writer: &mut impl Write) {
        let (mut reading, mut writing) = (pin!(self.read(reader)), pin!(self.write(writer)));
        let mut left = pin!(self.left(LineState::Open));
        poll_fn(|cx| {
            // One bell wakes all three, and is heard by the last.
            let ended = reading.as_mut().poll(cx).is_ready() || writing.as_mut().poll(cx).is_ready();
            if ended { Poll::Ready(()) } else { left.as_mut().poll(cx) }
        })
        .await;
    }

    async fn read(&self, reader: &mut impl Read) {
        loop {
            until(|| self.reads.get()).await;
            let mut input = Borrowed::of(&self.input);
            match reader.read(input.item.free()).await {
                Ok(0) | Err(_) => return,
                Ok(len) => input.item.filled(len),
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
            let mut rest = output.item.bytes.get(..output.item.len).unwrap_or_default();
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

    /// Until the client wants another state than this.
    async fn left(&self, state: LineState) {
        while self.state.get() == state {
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
        self.input.set(input);
        self.reads.set(true);
        self.here.ring();
    }

    /// Gives the output away to be written.
    pub(crate) fn send(&self, output: Output<'b>) {
        self.writes.set(output.len > 0);
        self.output.set(output);
        self.here.ring();
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
struct Borrowed<'c, T: Default> {
    home: &'c Cell<T>,
    item: T,
}

impl<'c, T: Default> Borrowed<'c, T> {
    fn of(home: &'c Cell<T>) -> Self {
        Self { home, item: home.take() }
    }
}

impl<T: Default> Drop for Borrowed<'_, T> {
    fn drop(&mut self) {
        self.home.set(core::mem::take(&mut self.item));
    }
}
