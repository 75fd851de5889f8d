use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use dunlin_codec::Qos;

use crate::{
    Message, SubscribeError, lock,
    message::Parts,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What lies between the engine and one subscription: its messages, and what became of its requests.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    /// Bytes of messages in here.
    bytes: AtomicUsize,
    /// It is full above this.
    limit: usize,
    /// Counts the inboxes for which reading is to stop, where this may be one.
    pressure: Option<Arc<AtomicUsize>>,
}

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<Batch>,
    /// The memory of a batch that is read, to be used again.
    spare: VecDeque<Parts>,
    waker: Option<Waker>,
    /// Filters whose SUBACK or UNSUBACK is not there yet.
    awaited: usize,
    error: Option<SubscribeError>,
    /// No further messages will come.
    ended: bool,
    /// It is full, and counted in [`Inbox::pressure`].
    presses: bool,
}

/// Messages that came in one chunk.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) chunk: Arc<Bytes>,
    pub(crate) parts: VecDeque<Parts>,
    pub(crate) bytes: usize,
}

impl From<Message> for Batch {
    fn from(message: Message) -> Self {
        let bytes = message.size();
        let (chunk, parts) = message.into_parts();
        Self { chunk, parts: VecDeque::from([parts]), bytes }
    }
}

impl Inbox {
    pub(crate) fn new(limit: usize, awaited: usize, pressure: Option<Arc<AtomicUsize>>) -> Self {
        let state = Mutex::new(State { awaited, ..State::default() });
        Self { state, bytes: AtomicUsize::new(0), limit: limit.max(1), pressure }
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
        self.press(&mut state);
        state.waker.take()
    }

    /// Notes under the lock whether reading is to stop for this inbox.
    #[inline]
    fn press(&self, state: &mut State) {
        let Some(pressure) = &self.pressure else { return };
        let is_full = self.bytes() >= self.limit;
        match (state.presses, is_full) {
            (false, true) => pressure.fetch_add(1, Ordering::SeqCst),
            (true, false) => pressure.fetch_sub(1, Ordering::SeqCst),
            _ => return,
        };
        state.presses = is_full;
    }

    pub(crate) fn presses(&self) -> bool {
        lock(&self.state).presses
    }

    /// Bytes that are too many for another message, where `more` are on their way.
    pub(crate) fn excess(&self, more: usize) -> usize {
        (self.bytes() + more + 1).saturating_sub(self.limit)
    }

    /// Drops QoS 0 messages, the oldest first.
    pub(crate) fn shed(&self, shed: &mut Shed) {
        let mut state = lock(&self.state);
        for batch in &mut state.batches {
            if shed.is_done() && shed.missed == 0 {
                break;
            }
            let before = shed.bytes;
            shed.take_from_batch(&mut batch.parts);
            batch.bytes -= shed.bytes - before;
        }
        while state.batches.front().is_some_and(|batch| batch.parts.is_empty()) {
            state.batches.pop_front();
        }
        self.bytes.fetch_sub(shed.bytes, Ordering::Relaxed);
    }

    /// Memory for the next batch.
    pub(crate) fn take_spare(&self) -> VecDeque<Parts> {
        core::mem::take(&mut lock(&self.state).spare)
    }

    /// The next batch; `None` when no more will come. `read` is the one before.
    pub(crate) fn poll_batch(&self, read: &mut Option<Batch>, cx: &Context<'_>) -> Poll<Option<Batch>> {
        let mut state = lock(&self.state);
        state.keep_spare(read);
        match state.batches.pop_front() {
            Some(batch) => {
                self.bytes.fetch_sub(batch.bytes, Ordering::Relaxed);
                self.press(&mut state);
                Poll::Ready(Some(batch))
            }
            None if state.ended => Poll::Ready(None),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    pub(crate) fn try_batch(&self, read: &mut Option<Batch>) -> Option<Batch> {
        let mut state = lock(&self.state);
        state.keep_spare(read);
        let batch = state.batches.pop_front()?;
        self.bytes.fetch_sub(batch.bytes, Ordering::Relaxed);
        self.press(&mut state);
        Some(batch)
    }

    /// Takes out everything that is in here.
    pub(crate) fn clear(&self) -> VecDeque<Batch> {
        let mut state = lock(&self.state);
        let batches = core::mem::take(&mut state.batches);
        self.bytes.fetch_sub(batches.iter().map(|batch| batch.bytes).sum(), Ordering::Relaxed);
        self.press(&mut state);
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

impl State {
    /// Whoever waits does not hold on to bytes that the next may be read into.
    fn keep_spare(&mut self, read: &mut Option<Batch>) {
        // What once was large and is not needed any more is not kept for ever.
        if let Some(batch) = read.take()
            && (1..=SPARE_PARTS).contains(&batch.parts.capacity())
        {
            self.spare = batch.parts;
        }
    }
}

/// As many messages as come at once when they are small.
const SPARE_PARTS: usize = 16 << 10;

/// What is dropped to make room.
#[derive(Debug)]
pub(crate) struct Shed {
    wanted: usize,
    pub(crate) bytes: usize,
    pub(crate) dropped: u64,
    /// Messages that are missing before the next one that stays.
    pub(crate) missed: u32,
}

impl Shed {
    /// So many bytes.
    pub(crate) fn of(bytes: usize) -> Self {
        Self { wanted: bytes, bytes: 0, dropped: 0, missed: 0 }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.bytes >= self.wanted
    }

    /// Takes QoS 0 messages out, from the front, as long as they are wanted, and tells the first that stays.
    pub(crate) fn take_from(&mut self, parts: &mut VecDeque<Parts>) {
        parts.retain_mut(|part| {
            let drops = !self.is_done() && part.qos == Qos::AtMostOnce;
            if drops {
                self.bytes += part.len();
                self.dropped += 1;
                self.missed = self.missed.saturating_add(part.missed).saturating_add(1);
            } else {
                part.missed = part.missed.saturating_add(core::mem::take(&mut self.missed));
            }
            !drops
        });
    }

    fn take_from_batch(&mut self, parts: &mut VecDeque<Parts>) {
        // As a rule it is the first that goes.
        while !self.is_done()
            && let Some(part) = parts.front().filter(|part| part.qos == Qos::AtMostOnce)
        {
            self.bytes += part.len();
            self.dropped += 1;
            self.missed = self.missed.saturating_add(part.missed).saturating_add(1);
            parts.pop_front();
        }
        match parts.front_mut() {
            Some(first) if self.is_done() => {
                first.missed = first.missed.saturating_add(core::mem::take(&mut self.missed));
            }
            Some(_) => self.take_from(parts),
            None => {}
        }
    }
}
