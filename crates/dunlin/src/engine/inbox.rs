use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    vec,
};

use bytes::Bytes;

use crate::{Message, SubscribeError, lock, message::Parts};

/// What lies between the engine and one subscription: its messages, and what became of its requests.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    /// Bytes of messages in here.
    bytes: AtomicUsize,
    /// QoS 0 messages above this are dropped.
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<Batch>,
    waker: Option<Waker>,
    /// Filters whose SUBACK or UNSUBACK is not there yet.
    awaited: usize,
    error: Option<SubscribeError>,
    /// No further messages will come.
    ended: bool,
}

/// Messages that came in one chunk.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) chunk: Bytes,
    pub(crate) parts: vec::IntoIter<Parts>,
    pub(crate) bytes: usize,
}

impl From<Message> for Batch {
    fn from(message: Message) -> Self {
        let bytes = message.size();
        let (chunk, parts) = message.into_parts();
        Self { chunk, parts: vec![parts].into_iter(), bytes }
    }
}

impl Inbox {
    pub(crate) fn new(limit: usize, awaited: usize) -> Self {
        let state = Mutex::new(State { awaited, ..State::default() });
        Self { state, bytes: AtomicUsize::new(0), limit: limit.max(1) }
    }

    /// Whether a QoS 0 message has no room, where `more` bytes are on their way. `overfull`: all subscriptions together
    /// are behind, so that none may hold more than what comes at once.
    pub(crate) fn is_full(&self, more: usize, overfull: bool) -> bool {
        let waiting = self.bytes();
        waiting + more >= self.limit || (overfull && waiting > 0)
    }

    pub(crate) fn push(&self, batch: Batch) -> Option<Waker> {
        self.bytes.fetch_add(batch.bytes, Ordering::Relaxed);
        let mut state = lock(&self.state);
        state.batches.push_back(batch);
        state.waker.take()
    }

    /// The next batch; `None` when no more will come.
    pub(crate) fn poll_batch(&self, cx: &Context<'_>) -> Poll<Option<Batch>> {
        let mut state = lock(&self.state);
        match state.batches.pop_front() {
            Some(batch) => {
                self.bytes.fetch_sub(batch.bytes, Ordering::Relaxed);
                Poll::Ready(Some(batch))
            }
            None if state.ended => Poll::Ready(None),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    pub(crate) fn try_batch(&self) -> Option<Batch> {
        let batch = lock(&self.state).batches.pop_front()?;
        self.bytes.fetch_sub(batch.bytes, Ordering::Relaxed);
        Some(batch)
    }

    /// Takes out everything that is in here.
    pub(crate) fn clear(&self) -> VecDeque<Batch> {
        let batches = core::mem::take(&mut lock(&self.state).batches);
        self.bytes.fetch_sub(batches.iter().map(|batch| batch.bytes).sum(), Ordering::Relaxed);
        batches
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    // ---- requests ----

    pub(crate) fn expect_answers(&self, awaited: usize) {
        lock(&self.state).awaited = awaited;
    }

    /// A filter has its answer.
    pub(crate) fn answer(&self, result: Result<(), SubscribeError>) -> Option<Waker> {
        let mut state = lock(&self.state);
        state.awaited = state.awaited.saturating_sub(1);
        if let Err(error) = result {
            state.error.get_or_insert(error);
            state.ended = true;
        }
        state.waker.take()
    }

    /// No message and no answer will come any more.
    pub(crate) fn end(&self) -> Option<Waker> {
        let mut state = lock(&self.state);
        state.ended = true;
        if core::mem::take(&mut state.awaited) > 0 {
            state.error.get_or_insert(SubscribeError::Closed);
        }
        state.waker.take()
    }

    /// Waits for the answers to all requests.
    pub(crate) fn poll_answered(&self, cx: &Context<'_>) -> Poll<Result<(), SubscribeError>> {
        let mut state = lock(&self.state);
        match &state.error {
            Some(error) => Poll::Ready(Err(error.clone())),
            None if state.awaited == 0 => Poll::Ready(Ok(())),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    pub(crate) fn error(&self) -> Option<SubscribeError> {
        lock(&self.state).error.clone()
    }
}
