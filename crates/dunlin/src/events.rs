use core::{
    pin::Pin,
    task::{Context, Poll},
};
use std::{collections::VecDeque, sync::Arc, task::Waker, time::Duration};

use dunlin_codec::{Qos, ReasonCode};
use dunlin_session::{Limits, Outcome};
use futures_core::Stream;
use std::sync::Mutex;

use crate::{ConnectionError, Message, lock};

/// What happened to a client. The lifecycle obeys a grammar: every `Connecting` ends in one `Connected` or one
/// `ConnectFailed`, every `Connected` in one `Disconnected`, and `Closed` is the last.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A try to connect begins.
    Connecting,
    /// It failed.
    ConnectFailed {
        /// Why.
        error: ConnectionError,
        /// When the next try begins; `None`: there is none.
        retry_in: Option<Duration>,
    },
    /// The server accepted the connection.
    Connected(Connected),
    /// A message came.
    PublishReceived(Message),
    /// A message that was published has its outcome. For QoS 0 only where somebody asked for it, by a receipt or a
    /// label.
    Published {
        /// The number that the caller gave it.
        label: Option<u32>,
        /// How it ended.
        outcome: Outcome,
    },
    /// The server gave its verdict on a subscription, also when one was made again after the server lost the session.
    Subscribed {
        /// The number that the caller gave it.
        label: Option<u32>,
        /// Which.
        filter: Box<str>,
        /// The granted QoS, or why not.
        granted: Result<Qos, ReasonCode>,
    },
    /// The server ended a subscription, as it was asked to.
    Unsubscribed {
        /// The number that the caller gave it.
        label: Option<u32>,
        /// Which.
        filter: Box<str>,
    },
    /// The connection ended.
    Disconnected {
        /// Why.
        error: ConnectionError,
        /// When the next try begins; `None`: there is none.
        retry_in: Option<Duration>,
    },
    /// The listener was too slow: so many events are missing here.
    Missed(u64),
    /// The client is closed. The last event.
    Closed,
}

/// What was agreed on with the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// The server went on with the session. Otherwise subscriptions are being made again.
    pub session_present: bool,
    /// The reason code of CONNACK: success.
    pub reason: ReasonCode,
    /// What the server allows.
    pub limits: Limits,
    /// The client identifier, which the server may have assigned.
    pub client_id: Box<str>,
}

/// The events of a client, from the moment it was asked for: a stream that ends behind [`Event::Closed`].
///
/// Holds up to 1,024 events that wait; what comes then is dropped and told as [`Event::Missed`]. It never delays the
/// connection.
#[derive(Debug)]
pub struct Events {
    queue: Arc<EventQueue>,
}

impl Events {
    pub(crate) fn new(queue: Arc<EventQueue>) -> Self {
        Self { queue }
    }

    /// Waits for the next event; `None` behind [`Event::Closed`].
    pub async fn next(&mut self) -> Option<Event> {
        core::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// The next event, if one waits.
    pub fn try_next(&mut self) -> Option<Event> {
        lock(&self.queue.state).take()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut state = lock(&self.queue.state);
        match state.take() {
            Some(event) => Poll::Ready(Some(event)),
            None if state.closed => Poll::Ready(None),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().poll(cx)
    }
}

/// Where the engine puts events.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Event>,
    missed: u64,
    closed: bool,
    waker: Option<Waker>,
}

impl State {
    fn take(&mut self) -> Option<Event> {
        match self.events.pop_front() {
            Some(event) => Some(event),
            None if self.missed > 0 => Some(Event::Missed(core::mem::take(&mut self.missed))),
            None => None,
        }
    }
}

impl EventQueue {
    /// Gives the waker of a listener that waits.
    pub(crate) fn push(&self, event: Event) -> Option<Waker> {
        let mut state = lock(&self.state);
        let last = matches!(event, Event::Closed);
        state.closed |= last;
        // The last event always fits, or a listener would wait for it for ever.
        if state.missed == 0 && state.events.len() < CAPACITY || last {
            if last && state.missed > 0 {
                let missed = core::mem::take(&mut state.missed);
                state.events.push_back(Event::Missed(missed));
            }
            state.events.push_back(event);
        } else {
            state.missed += 1;
        }
        state.waker.take()
    }
}

const CAPACITY: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_listener_is_told_how_many_events_it_missed_and_still_sees_the_last() {
        let queue = Arc::new(EventQueue::default());
        let mut events = Events::new(queue.clone());
        for _ in 0..CAPACITY + 7 {
            queue.push(Event::Connecting);
        }
        queue.push(Event::Closed);
        for _ in 0..CAPACITY {
            assert!(matches!(events.try_next(), Some(Event::Connecting)));
        }
        assert!(matches!(events.try_next(), Some(Event::Missed(7))));
        assert!(matches!(events.try_next(), Some(Event::Closed)));
        assert!(events.try_next().is_none());
    }

    #[test]
    fn events_go_on_behind_a_gap() {
        let queue = Arc::new(EventQueue::default());
        let mut events = Events::new(queue.clone());
        for _ in 0..CAPACITY + 1 {
            queue.push(Event::Connecting);
        }
        while !matches!(events.try_next(), Some(Event::Missed(1))) {}
        queue.push(Event::Closed);
        assert!(matches!(events.try_next(), Some(Event::Closed)));
    }
}
