//! The server on tokio: one task listens, one keeps the time, one carries each connection.

use std::collections::HashMap;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::connection::{ConnectionId, ServerClose};
use super::sans_io::SansIoServer;

/// What the tasks and the handle share.
pub(super) struct Shared {
    state: Mutex<State>,
    epoch: Instant,
    timer: Notify,
    /// Changes whenever the server has done something: what those who wait for it look at.
    revision: watch::Sender<u64>,
    /// Turns true when the server is dropped.
    stopped: watch::Sender<bool>,
}

struct State {
    server: SansIoServer,
    wakers: HashMap<ConnectionId, Arc<Notify>>,
    timer_at: Option<Duration>,
}

impl Shared {
    pub(super) fn new(server: SansIoServer) -> Self {
        Self {
            state: Mutex::new(State { server, wakers: HashMap::new(), timer_at: None }),
            epoch: Instant::now(),
            timer: Notify::new(),
            revision: watch::Sender::new(0),
            stopped: watch::Sender::new(false),
        }
    }

    /// Looks without changing anything.
    pub(super) fn look<R>(&self, look: impl FnOnce(&SansIoServer) -> R) -> R {
        look(&self.lock().server)
    }

    /// Does something, then wakes every connection that has output for it, the timer if its time changed, and those who
    /// wait for something to happen.
    pub(super) fn drive<R>(&self, act: impl FnOnce(&mut SansIoServer, Duration) -> R) -> R {
        let now = self.epoch.elapsed();
        let mut state = self.lock();
        let result = act(&mut state.server, now);
        while let Some(ready) = state.server.poll_ready() {
            if let Some(waker) = state.wakers.get(&ready) {
                waker.notify_one();
            }
        }
        let timer_at = state.server.poll_timeout();
        if std::mem::replace(&mut state.timer_at, timer_at) != timer_at {
            self.timer.notify_one();
        }
        drop(state);
        self.revision.send_modify(|revision| *revision = revision.wrapping_add(1));
        result
    }

    pub(super) fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    pub(super) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// Waits until the server is dropped.
    async fn stopped(&self) {
        // An error would say that the sender is gone, which is in `self`.
        let _ = self.stopped.subscribe().wait_for(|&stopped| stopped).await;
    }

    fn open(&self) -> (ConnectionId, Arc<Notify>) {
        let waker = Arc::new(Notify::new());
        let id = self.drive(|server, now| server.handle_connection(now));
        self.lock().wakers.insert(id, Arc::clone(&waker));
        waker.notify_one();
        (id, waker)
    }

    fn lost(&self, id: ConnectionId) {
        self.lock().wakers.remove(&id);
        self.drive(|server, now| server.handle_connection_lost(id, now));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts connections until the server is dropped.
pub(super) async fn listen(shared: Arc<Shared>, listener: TcpListener, tls: Option<TlsAcceptor>) {
    let accepting = async {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of file descriptors, most likely: others must close before it can go on.
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            // A test server answers at once; an old kernel that cannot do this is only slower.
            let _ = stream.set_nodelay(true);
            let (shared, tls) = (Arc::clone(&shared), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => carry(shared, stream).await,
                    Some(tls) => {
                        // A client that does not trust the certificate leaves here, which is its right.
                        if let Ok(Ok(stream)) = timeout(HANDSHAKE_WITHIN, tls.accept(stream)).await {
                            carry(shared, stream).await;
                        }
                    }
                }
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = shared.stopped() => {}
    }
}

/// Calls the server when its time has come.
pub(super) async fn keep_time(shared: Arc<Shared>) {
    let keeping = async {
        loop {
            let at = shared.lock().timer_at.map(|at| shared.epoch + at);
            let due = async {
                match at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => shared.drive(|server, now| server.handle_timeout(now)),
                () = shared.timer.notified() => {}
            }
        }
    };
    tokio::select! {
        () = keeping => {}
        () = shared.stopped() => {}
    }
}

/// Carries one connection until it ends.
pub(super) async fn carry(shared: Arc<Shared>, stream: impl AsyncRead + AsyncWrite) {
    let (id, waker) = shared.open();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let drained = Notify::new();
    let ended = {
        let mut reading = pin!(read(&shared, id, &mut reader, &drained));
        let mut writing = pin!(write(&shared, id, &mut writer, &waker, &drained));
        tokio::select! {
            _ = &mut reading => None,
            close = &mut writing => close.ok(),
            () = shared.stopped() => None,
        }
    };
    if ended == Some(ServerClose::Gently) {
        // Closing with unread input would reset the connection, and take what was just written with it. Besides, a
        // client that goes on sending after its DISCONNECT is to be seen.
        let _ = writer.shutdown().await;
        let rest = read(&shared, id, &mut reader, &drained);
        tokio::select! {
            _ = timeout(LINGER, rest) => {}
            () = shared.stopped() => {}
        }
    }
    shared.lost(id);
}

/// Feeds the server until the client is gone.
async fn read(
    shared: &Shared,
    id: ConnectionId,
    reader: &mut (impl AsyncRead + Unpin),
    drained: &Notify,
) -> io::Result<()> {
    let mut buffer = vec![0; READ_AT_ONCE];
    loop {
        while shared.look(|server| server.is_backed_up(id)) {
            drained.notified().await;
        }
        let len = reader.read(&mut buffer).await?;
        if len == 0 {
            return Ok(());
        }
        shared.drive(|server, now| server.handle_bytes(id, buffer.get(..len).unwrap_or_default(), now));
    }
}

/// Writes what the server has for the client, until it wants the connection closed.
async fn write(
    shared: &Shared,
    id: ConnectionId,
    writer: &mut (impl AsyncWrite + Unpin),
    waker: &Notify,
    drained: &Notify,
) -> io::Result<ServerClose> {
    loop {
        let output = shared.drive(|server, now| server.poll_output(id, now));
        drained.notify_one();
        writer.write_all(&output.bytes).await?;
        writer.flush().await?;
        if let Some(close) = output.close {
            return Ok(close);
        }
        waker.notified().await;
    }
}

const READ_AT_ONCE: usize = 16 << 10;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection that is over may stay open for the client to read and to close.
const LINGER: Duration = Duration::from_secs(2);
