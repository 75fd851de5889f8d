use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use crate::remote::{End, Remote};

/// The other side, shared by the client's link, the application's tasks and the pump.
#[derive(Debug)]
pub(super) struct Far {
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    remote: Remote,
    /// Links that were opened: the last is the one that lives.
    opened: u64,
    reader: Option<Waker>,
    writer: Option<Waker>,
    pump: Option<Waker>,
    over: bool,
    turns: u32,
}

impl Far {
    pub(super) fn new(remote: Remote) -> Self {
        let state = State { remote, opened: 0, reader: None, writer: None, pump: None, over: false, turns: 0 };
        Self { start: Instant::now(), state: Mutex::new(state) }
    }

    pub(super) fn into_remote(self) -> Remote {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).remote
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// Does something to the other side, and lets it go on from there.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Remote, u64) -> T) -> T {
        let (mut state, now) = (self.lock(), self.now());
        let result = act(&mut state.remote, now);
        wake(&mut state.pump);
        result
    }

    /// The pump is to end.
    pub(super) fn finish(&self) {
        let mut state = self.lock();
        state.over = true;
        wake(&mut state.pump);
    }

    /// Does what is due, wakes the client, and tells when to come again; `None`: no more.
    pub(super) fn advance(&self, pump: &Waker) -> Option<Instant> {
        let (mut state, now) = (self.lock(), self.now());
        state.turns += 1;
        assert!(state.turns < TURNS, "it runs in circles");
        if state.over {
            return None;
        }
        state.remote.run.tally.virtual_time = now;
        state.remote.advance(now);
        while state.remote.next_at() <= now {
            state.remote.advance(now);
        }
        if state.remote.has_arrived() {
            wake(&mut state.reader);
        }
        if state.remote.has_room() {
            wake(&mut state.writer);
        }
        state.pump = Some(pump.clone());
        let next = state.remote.next_at().min(FAR_AWAY);
        Some(self.start + Duration::from_millis(next))
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// The client's end of a link.
#[derive(Debug)]
pub(super) struct Stream {
    far: Arc<Far>,
    number: u64,
}

impl Stream {
    pub(super) fn open(far: Arc<Far>) -> Self {
        let number = {
            let (mut state, now) = (far.lock(), far.now());
            state.opened += 1;
            state.remote.open(now);
            wake(&mut state.pump);
            state.opened
        };
        Self { far, number }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.far.lock();
        let end = {
            let (bytes, end) = state.remote.read_at_most(into.remaining());
            into.put_slice(&bytes);
            if bytes.is_empty() { end } else { return Poll::Ready(Ok(())) }
        };
        match end {
            Some(End::Finished) => Poll::Ready(Ok(())),
            Some(End::Reset) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let (mut state, now) = (self.far.lock(), self.far.now());
        let len = state.remote.write(now, bytes);
        if len == 0 && !bytes.is_empty() {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        wake(&mut state.pump);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.far.lock();
        state.remote.finish();
        wake(&mut state.pump);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let (mut state, now) = (self.far.lock(), self.far.now());
        if self.number == state.opened {
            state.remote.close(now);
            wake(&mut state.pump);
        }
    }
}

/// Turns of the pump, of which a run has a few thousand.
const TURNS: u32 = 1_000_000;
/// Later than anything in a run.
const FAR_AWAY: u64 = 1 << 31;
