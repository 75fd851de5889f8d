use core::{
    pin::Pin,
    task::{Context, Poll},
};
use std::{collections::VecDeque, sync::Arc, task::Waker, time::Duration};

use dunlin_codec::{Qos, ReasonCode};
use dunlin_session::{Limits, Outcome, StoreError};
use futures_core::Stream;

use crate::{ConnectionError, Message, RenewError, Renewed, Said, lock, sync::Mutex};

/// What happened to a client. The lifecycle obeys a grammar: every `Connecting` ends in one `Connected` or one
/// `ConnectFailed`, every `Connected` in one `Disconnected`, and `Closed` is the last.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A try to connect begins.
    Connecting,
    /// It failed.
    ConnectFailed {
        /// With which server, as a URL without user name, password and query.
        server: Box<str>,
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
        /// What the server said about it.
        said: Said,
    },
    /// The server gave its verdict on a subscription, also when one was made again after the server lost the session.
    Subscribed {
        /// The number that the caller gave it.
        label: Option<u32>,
        /// Which.
        filter: Box<str>,
        /// The granted QoS, or why not.
        granted: Result<Qos, ReasonCode>,
        /// What the server said about all filters of the request.
        said: Said,
    },
    /// A subscription was ended, as was asked for: the server said so, or others still hold the filter.
    Unsubscribed {
        /// The number that the caller gave it.
        label: Option<u32>,
        /// Which.
        filter: Box<str>,
        /// What the server said about all filters of the request.
        said: Said,
    },
    /// The server has not acknowledged a message for the [ack timeout](crate::ConnectOptions::ack_timeout), though it
    /// answers others; it is told again while it lasts. Or it has closed three connections or more, one after the other,
    /// on each of which this message was the first: as a server of 3.1.1 does that does not take it.
    AckStalled {
        /// The number that the caller gave the message.
        label: Option<u32>,
        /// How often it was overdue, or how many connections were closed.
        times: u8,
    },
    /// A message of a resumed session that no subscription claimed in [time](crate::ConnectOptions::claim_within). It is
    /// acknowledged now.
    Unclaimed(Message),
    /// A subscription has been holding others back for [long](crate::ConnectOptions::stall_after): it has not taken or
    /// not acknowledged a message whose turn it is, or so much waits in it that nothing more is read.
    Stalled {
        /// Which: its filters. None: it is that of [`Client::unclaimed`](crate::Client::unclaimed).
        filters: Box<[Box<str>]>,
        /// Messages of it that were dropped, if it chose [so](crate::OnStall::Drop).
        dropped: u64,
    },
    /// The [store](crate::ConnectOptions::store) did not take what was to be stored. It is tried again, after a second
    /// first and a minute at most; meanwhile messages wait, and the queue fills.
    StoreFailed(StoreError),
    /// The credentials of the connection were made anew. Where that took another connection, this comes behind its
    /// `Connected`; the one before ended with [`ConnectionError::Renewal`].
    Renewed(Renewed),
    /// They were not, and the connection goes on as it was, for as long as the server has it.
    RenewalFailed {
        /// Why.
        error: RenewError,
        /// When it is tried again.
        retry_in: Duration,
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
    /// With which server, as a URL without user name, password and query: `mqtts://broker.example:8883`.
    pub server: Box<str>,
    /// The server went on with the session. Otherwise subscriptions are being made again.
    pub session_present: bool,
    /// The reason code of CONNACK: success.
    pub reason: ReasonCode,
    /// What the server allows.
    pub limits: Limits,
    /// The client identifier, which the server may have assigned.
    pub client_id: Box<str>,
    /// What to make response topics from (5.0), if it was
    /// [asked for](crate::ConnectOptions::request_response_information).
    pub response_information: Option<Box<str>>,
    /// What the server said for people to read (5.0).
    pub text: Option<Box<str>>,
    /// The user properties of CONNACK (5.0), in order.
    pub user_properties: Box<[(Box<str>, Box<str>)]>,
}

/// The events of a client, from the moment it was asked for: a stream that ends behind [`Event::Closed`].
///
/// Holds up to 1,024 events that wait, with messages of 16 MiB together, and 1,024 more that are neither messages nor
/// their outcomes; what comes then is dropped and told in its place as [`Event::Missed`]. It never delays the connection.
#[derive(Debug)]
pub struct Events {
    queue: Arc<EventQueue>,
}

impl Events {
    pub(crate) fn new(queue: Arc<EventQueue>) -> Self {
        Self { queue }
    }

    /// Waits for the next event; `None` behind [`Event::Closed`]. May be dropped at any time without loss.
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
    /// Of the messages among them.
    bytes: usize,
    missed: u64,
    closed: bool,
    waker: Option<Waker>,
}

impl State {
    fn take(&mut self) -> Option<Event> {
        match self.events.pop_front() {
            Some(event) => {
                self.bytes -= size(&event);
                Some(event)
            }
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
        let frequent = matches!(event, Event::PublishReceived(_) | Event::Unclaimed(_) | Event::Published { .. });
        let room = match frequent {
            true => state.missed == 0 && state.events.len() < CAPACITY && state.bytes < CAPACITY_BYTES,
            false => state.events.len() < CAPACITY + RESERVED,
        };
        // The last event always fits, or a listener would wait for it for ever.
        if room || last {
            if state.missed > 0 {
                let missed = core::mem::take(&mut state.missed);
                state.events.push_back(Event::Missed(missed));
            }
            state.bytes += size(&event);
            state.events.push_back(event);
        } else {
            state.missed += 1;
        }
        state.waker.take()
    }
}

fn size(event: &Event) -> usize {
    match event {
        Event::PublishReceived(message) | Event::Unclaimed(message) => message.size(),
        _ => 0,
    }
}

const CAPACITY: usize = 1_024;
/// Room that messages and their outcomes leave for all other events.
const RESERVED: usize = 1_024;
const CAPACITY_BYTES: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_listener_is_told_how_many_events_it_missed_and_still_sees_the_last() {
        let queue = Arc::new(EventQueue::default());
        let mut events = Events::new(queue.clone());
        for _ in 0..CAPACITY + 7 {
            queue.push(SENT);
        }
        queue.push(Event::Closed);
        for _ in 0..CAPACITY {
            assert!(matches!(events.try_next(), Some(Event::Published { .. })));
        }
        assert!(matches!(events.try_next(), Some(Event::Missed(7))));
        assert!(matches!(events.try_next(), Some(Event::Closed)));
        assert!(events.try_next().is_none());
    }

    const SENT: Event = Event::Published { label: None, outcome: Outcome::Sent, said: Said::NOTHING };

    #[test]
    fn a_flood_of_messages_hides_no_other_event_and_memory_stays_bounded() {
        let queue = Arc::new(EventQueue::default());
        let mut events = Events::new(queue.clone());
        for _ in 0..CAPACITY + 5 {
            queue.push(SENT);
        }
        queue.push(Event::Connecting);
        let told = |events: &mut Events| core::iter::from_fn(|| events.try_next()).collect::<Vec<_>>();
        assert!(matches!(told(&mut events)[CAPACITY..], [Event::Missed(5), Event::Connecting]));
        for _ in 0..10 * CAPACITY {
            queue.push(Event::Connecting);
        }
        let told = told(&mut events);
        assert_eq!(told.len(), CAPACITY + RESERVED + 1);
        assert!(matches!(told.last(), Some(Event::Missed(_))));
    }

    #[test]
    fn events_go_on_behind_a_gap() {
        let queue = Arc::new(EventQueue::default());
        let mut events = Events::new(queue.clone());
        for _ in 0..CAPACITY + 1 {
            queue.push(SENT);
        }
        while !matches!(events.try_next(), Some(Event::Missed(1))) {}
        queue.push(Event::Closed);
        assert!(matches!(events.try_next(), Some(Event::Closed)));
    }
}
