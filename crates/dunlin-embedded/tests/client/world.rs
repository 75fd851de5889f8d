//! A network with one server and one client, on virtual time.
//!
//! A read or write that was begun must be finished: what it had taken is lost if its future is dropped, and the next one
//! on the same link fails the test.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    pin::pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use dunlin_codec::{Decoded, Packet, Version, decode};
use dunlin_embedded::{Carrier, Clock, Connector, Link, Timer};
use dunlin_session::Instant;
use dunlin_testkit::{ConnectionId, SansIoServer, ServerClose, ServerOptions};
use embedded_io::ErrorKind;

#[derive(Clone)]
pub(crate) struct World(Rc<RefCell<State>>);

struct State {
    now: u64,
    server: Server,
    wire: Option<Wire>,
    /// When links were opened, or tried to.
    opened: Vec<u64>,
    /// So many tries to open a link fail.
    unreachable: usize,
    /// Opening a link never ends.
    black_hole: bool,
    /// After how many bytes, both ways together, links break: one number for each.
    cuts: VecDeque<usize>,
    /// The server takes nothing more.
    stuffed: bool,
    /// Bytes of one read or write.
    chunk: usize,
    reader: Option<Waker>,
    timer: Option<(u64, Waker)>,
    /// That of the story.
    alarm: Option<(u64, Waker)>,
}

enum Server {
    Strict(Box<SansIoServer>),
    /// Answers what it is given.
    Played(Box<Answers>),
}

type Answers = dyn FnMut(&[u8]) -> Vec<u8>;

struct Wire {
    id: Option<ConnectionId>,
    to_client: VecDeque<u8>,
    /// Nothing comes behind what is there.
    ends: bool,
    budget: Option<usize>,
    number: usize,
}

impl World {
    pub(crate) fn strict(options: ServerOptions) -> Self {
        Self::new(Server::Strict(Box::new(SansIoServer::new(options))))
    }

    pub(crate) fn played(answers: impl FnMut(&[u8]) -> Vec<u8> + 'static) -> Self {
        Self::new(Server::Played(Box::new(answers)))
    }

    /// A server of 5.0 that answers each whole packet.
    pub(crate) fn answering(mut answer: impl FnMut(&Packet<'_>) -> Vec<u8> + 'static) -> Self {
        let mut inbox = Vec::new();
        Self::played(move |bytes| {
            inbox.extend(bytes);
            let mut answers = Vec::new();
            while let Ok(Decoded::Packet { packet, consumed }) = decode(Version::V5, &inbox) {
                answers.extend(answer(&packet));
                inbox.drain(..consumed);
            }
            answers
        })
    }

    fn new(server: Server) -> Self {
        Self(Rc::new(RefCell::new(State {
            now: 1_000,
            server,
            wire: None,
            opened: Vec::new(),
            unreachable: 0,
            black_hole: false,
            cuts: VecDeque::new(),
            stuffed: false,
            chunk: usize::MAX,
            reader: None,
            timer: None,
            alarm: None,
        })))
    }

    pub(crate) fn with_chunks(self, chunk: usize) -> Self {
        self.0.borrow_mut().chunk = chunk;
        self
    }

    pub(crate) fn with_cuts(self, cuts: impl IntoIterator<Item = usize>) -> Self {
        self.0.borrow_mut().cuts.extend(cuts);
        self
    }

    pub(crate) fn unreachable(&self, tries: usize) {
        self.0.borrow_mut().unreachable = tries;
    }

    pub(crate) fn black_hole(&self, yes: bool) {
        self.0.borrow_mut().black_hole = yes;
    }

    pub(crate) fn stuff(&self) {
        self.0.borrow_mut().stuffed = true;
    }

    pub(crate) fn millis(&self) -> u64 {
        self.0.borrow().now
    }

    pub(crate) fn opened(&self) -> Vec<u64> {
        self.0.borrow().opened.clone()
    }

    /// Looks at the server, or does something there.
    pub(crate) fn server<T>(&self, act: impl FnOnce(&mut SansIoServer, Duration) -> T) -> T {
        let mut state = self.0.borrow_mut();
        let now = Duration::from_millis(state.now);
        let Server::Strict(server) = &mut state.server else { panic!("the server is played") };
        let result = act(server, now);
        state.pump();
        result
    }

    /// Breaks the link.
    pub(crate) fn cut(&self) {
        self.0.borrow_mut().cut();
    }

    /// Plays until `application` ends. Each future is polled when it was woken, and only then.
    pub(crate) fn play<T>(&self, line: impl Future, application: impl Future<Output = T>) -> T {
        let (mut line, mut application) = (pin!(line), pin!(application));
        let (line_flag, application_flag) = (Flag::raised(), Flag::raised());
        for _ in 0..1_000_000 {
            if application_flag.take() {
                let waker = Waker::from(Arc::clone(&application_flag));
                if let Poll::Ready(result) = application.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return result;
                }
            } else if line_flag.take() {
                let waker = Waker::from(Arc::clone(&line_flag));
                assert!(line.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            } else {
                self.0.borrow_mut().pass_time();
            }
        }
        panic!("the story does not end");
    }

    /// Wakes the story's task.
    pub(crate) fn set_alarm(&self, at: u64, waker: &Waker) {
        self.0.borrow_mut().alarm = Some((at, waker.clone()));
    }

    /// Until something may have come in, or it is `at`.
    pub(crate) async fn idle(&self, at: Option<Instant>) {
        let mut was_idle = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut was_idle, true) {
                return Poll::Ready(());
            }
            let mut state = self.0.borrow_mut();
            state.reader = Some(cx.waker().clone());
            state.timer = Some((at.map_or(u64::MAX, Instant::as_millis), cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl State {
    fn pass_time(&mut self) {
        let server = match &self.server {
            Server::Strict(server) => server.poll_timeout().map(|at| at.as_millis() as u64 + 1),
            Server::Played(_) => None,
        };
        let alarms = [&self.timer, &self.alarm].into_iter().flatten().map(|(at, _)| *at).filter(|at| *at != u64::MAX);
        let at = server.into_iter().chain(alarms).min().expect("nobody waits for anything");
        self.now = self.now.max(at);
        if let Server::Strict(server) = &mut self.server {
            server.handle_timeout(Duration::from_millis(self.now));
        }
        self.pump();
        for alarm in [&mut self.timer, &mut self.alarm] {
            if let Some((_, waker)) = alarm.take_if(|(at, _)| *at <= self.now) {
                waker.wake();
            }
        }
    }

    fn open(&mut self) -> bool {
        self.opened.push(self.now);
        if self.unreachable > 0 {
            self.unreachable -= 1;
            return false;
        }
        let now = Duration::from_millis(self.now);
        let id = match &mut self.server {
            Server::Strict(server) => Some(server.handle_connection(now)),
            Server::Played(_) => None,
        };
        let number = self.opened.len();
        self.wire = Some(Wire { id, to_client: VecDeque::new(), ends: false, budget: self.cuts.pop_front(), number });
        self.stuffed = false;
        true
    }

    /// Either side, or the network, ends it.
    fn cut(&mut self) {
        let now = Duration::from_millis(self.now);
        if let (Some(Wire { id: Some(id), .. }), Server::Strict(server)) = (self.wire.take(), &mut self.server) {
            server.handle_connection_lost(id, now);
        }
        self.wake_reader();
    }

    fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    /// What the server has to say goes over the wire.
    fn pump(&mut self) {
        let now = Duration::from_millis(self.now);
        let Server::Strict(server) = &mut self.server else { return };
        let mut closes = None;
        while let Some(id) = server.poll_ready() {
            let output = server.poll_output(id, now);
            if let Some(wire) = self.wire.as_mut().filter(|wire| wire.id == Some(id)) {
                wire.to_client.extend(output.bytes);
                closes = closes.or(output.close);
            }
        }
        match closes {
            Some(ServerClose::Abruptly) => self.cut(),
            Some(ServerClose::Gently) => self.wire.iter_mut().for_each(|wire| wire.ends = true),
            None => {}
        }
        self.wake_reader();
    }

    /// Bytes cross the wire, as far as it lasts; how many.
    fn spend(&mut self, len: usize) -> usize {
        let len = len.min(self.chunk);
        match self.wire.as_mut().and_then(|wire| wire.budget.as_mut()) {
            Some(budget) => {
                let spent = len.min(*budget);
                *budget -= spent;
                spent
            }
            None => len,
        }
    }

    fn is_worn_out(&self) -> bool {
        self.wire.as_ref().is_some_and(|wire| wire.budget == Some(0))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        if self.is_worn_out() {
            self.cut();
        }
        if self.wire.is_none() {
            return Err(ErrorKind::ConnectionReset);
        }
        let len = self.spend(bytes.len());
        let (bytes, now) = (&bytes[..len], Duration::from_millis(self.now));
        let Some(wire) = &mut self.wire else { return Err(ErrorKind::ConnectionReset) };
        match (&mut self.server, wire.id) {
            (Server::Strict(server), Some(id)) => server.handle_bytes(id, bytes, now),
            (Server::Played(answers), _) => {
                wire.to_client.extend(answers(bytes));
                self.wake_reader();
            }
            _ => unreachable!("a connection has a number"),
        }
        self.pump();
        Ok(len)
    }

    /// `None`: nothing is there.
    fn read(&mut self, most: usize) -> Option<Result<Vec<u8>, ErrorKind>> {
        if self.is_worn_out() {
            self.cut();
        }
        let Some(wire) = &self.wire else { return Some(Err(ErrorKind::ConnectionReset)) };
        if wire.to_client.is_empty() {
            return wire.ends.then_some(Ok(Vec::new()));
        }
        let len = self.spend(most.min(wire.to_client.len()));
        Some(Ok(self.wire.as_mut()?.to_client.drain(..len).collect()))
    }
}

struct Flag(AtomicBool);

impl Flag {
    fn raised() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

// ---- what the client is given ----

impl Clock for World {
    fn now(&mut self) -> Instant {
        Instant::from_millis(self.0.borrow().now)
    }
}

impl Timer for World {
    async fn wait_until(&mut self, at: Instant) {
        struct Forget<'w>(&'w World);
        impl Drop for Forget<'_> {
            fn drop(&mut self) {
                self.0.0.borrow_mut().timer = None;
            }
        }
        let _forget = Forget(self);
        poll_fn(|cx| {
            let mut state = self.0.borrow_mut();
            if state.now >= at.as_millis() {
                return Poll::Ready(());
            }
            state.timer = Some((at.as_millis(), cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl Connector for World {
    type Error = ErrorKind;

    async fn connect(&mut self, carrier: Carrier<'_, '_>) -> Result<(), ErrorKind> {
        let (reader, writer) = self.link().await?;
        carrier.carry(reader, writer).await;
        Ok(())
    }
}

impl World {
    /// Opens a link, if it can be opened.
    pub(crate) async fn link(&self) -> Result<(Half, Half), ErrorKind> {
        if self.0.borrow().black_hole {
            let now = self.millis();
            self.0.borrow_mut().opened.push(now);
            std::future::pending::<()>().await;
        }
        if !self.0.borrow_mut().open() {
            return Err(ErrorKind::ConnectionRefused);
        }
        let number = self.opened().len();
        let half = || Half { world: self.clone(), number, was_dropped: Cell::new(false) };
        Ok((half(), half()))
    }
}

/// One direction of a link. Dropping it closes the link.
pub(crate) struct Half {
    world: World,
    number: usize,
    was_dropped: Cell<bool>,
}

impl Half {
    fn begin(&self) -> Begun<'_> {
        assert!(!self.was_dropped.get(), "a read or write was dropped, and the link is still in use");
        Begun { half: self, is_done: false }
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        let mut state = self.world.0.borrow_mut();
        if state.wire.as_ref().is_some_and(|wire| wire.number == self.number) {
            state.cut();
        }
    }
}

struct Begun<'h> {
    half: &'h Half,
    is_done: bool,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.half.was_dropped.set(true);
        }
    }
}

async fn pause() {
    let mut paused = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl embedded_io::ErrorType for Half {
    type Error = ErrorKind;
}

impl embedded_io_async::Read for Half {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let mut begun = self.begin();
        let taken = poll_fn(|cx| {
            let mut state = self.world.0.borrow_mut();
            match state.read(buffer.len()) {
                Some(result) => Poll::Ready(result),
                None => {
                    state.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await;
        pause().await;
        begun.is_done = true;
        let taken = taken?;
        buffer[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}

impl embedded_io_async::Write for Half {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let mut begun = self.begin();
        if self.world.0.borrow().stuffed {
            std::future::pending::<()>().await;
        }
        pause().await;
        let written = self.world.0.borrow_mut().write(bytes);
        pause().await;
        begun.is_done = true;
        written
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        let mut begun = self.begin();
        pause().await;
        begun.is_done = true;
        Ok(())
    }
}

/// The link of the blocking client.
pub(crate) struct Blocked(pub(crate) World);

impl Link for Blocked {
    fn open(&mut self) -> Result<(), ErrorKind> {
        if self.0.0.borrow_mut().open() { Ok(()) } else { Err(ErrorKind::ConnectionRefused) }
    }

    fn close(&mut self) {
        self.0.cut();
    }
}

impl embedded_io::ErrorType for Blocked {
    type Error = ErrorKind;
}

impl embedded_io::ReadReady for Blocked {
    fn read_ready(&mut self) -> Result<bool, ErrorKind> {
        let state = self.0.0.borrow();
        Ok(state.wire.as_ref().is_none_or(|wire| wire.ends || !wire.to_client.is_empty() || wire.budget == Some(0)))
    }
}

impl embedded_io::Read for Blocked {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let taken = self.0.0.borrow_mut().read(buffer.len()).expect("it was not ready")?;
        buffer[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}

impl embedded_io::Write for Blocked {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.0.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}
