use core::fmt;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use crate::{Event, Events, Message, Outcome, Qos, ReasonCode};

type Handler<H> = Option<Box<H>>;
type Verdict = Result<Qos, ReasonCode>;

/// What to call back for which event; see [`Client::handle_events`](super::Client::handle_events). What is not set is
/// passed over.
///
/// A handler that panics ends nothing: the next event is handled as usual.
///
/// ```no_run
/// use dunlin::blocking::{Client, Handlers};
///
/// let client = Client::connect("mqtt://localhost")?;
/// client.handle_events(
///     Handlers::new()
///         .publish_received(|message| println!("{}: {:?}", message.topic(), message.payload()))
///         .published(|label, outcome| println!("{label:?}: {outcome:?}"))
///         .connected(|is_connected| println!("connected: {is_connected}")),
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
#[must_use = "handlers are called once they are given to `Client::handle_events`"]
pub struct Handlers {
    publish_received: Handler<dyn FnMut(&Message) + Send>,
    published: Handler<dyn FnMut(Option<u32>, Outcome) + Send>,
    subscribed: Handler<dyn FnMut(Option<u32>, Verdict) + Send>,
    unsubscribed: Handler<dyn FnMut(Option<u32>) + Send>,
    connected: Handler<dyn FnMut(bool) + Send>,
    any: Handler<dyn FnMut(&Event) + Send>,
}

impl Handlers {
    /// No handler yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A message came.
    pub fn publish_received(mut self, handler: impl FnMut(&Message) + Send + 'static) -> Self {
        self.publish_received = Some(Box::new(handler));
        self
    }

    /// A message that was published has its outcome; with the number that the caller gave it.
    pub fn published(mut self, handler: impl FnMut(Option<u32>, Outcome) + Send + 'static) -> Self {
        self.published = Some(Box::new(handler));
        self
    }

    /// The server gave its verdict on a filter: the granted QoS, or why not.
    pub fn subscribed(mut self, handler: impl FnMut(Option<u32>, Result<Qos, ReasonCode>) + Send + 'static) -> Self {
        self.subscribed = Some(Box::new(handler));
        self
    }

    /// The server ended a subscription, as it was asked to.
    pub fn unsubscribed(mut self, handler: impl FnMut(Option<u32>) + Send + 'static) -> Self {
        self.unsubscribed = Some(Box::new(handler));
        self
    }

    /// The server accepted a connection (`true`), or the connection ended (`false`).
    pub fn connected(mut self, handler: impl FnMut(bool) + Send + 'static) -> Self {
        self.connected = Some(Box::new(handler));
        self
    }

    /// Every event, before the handler that it has of its own.
    pub fn any(mut self, handler: impl FnMut(&Event) + Send + 'static) -> Self {
        self.any = Some(Box::new(handler));
        self
    }

    pub(super) fn spawn(mut self, mut events: Events) {
        thread::spawn(move || {
            while let Some(event) = events.wait_next() {
                // The panic hook has told of it already.
                let _ = catch_unwind(AssertUnwindSafe(|| self.handle(&event)));
            }
        });
    }

    fn handle(&mut self, event: &Event) {
        if let Some(handler) = &mut self.any {
            handler(event);
        }
        match event {
            Event::PublishReceived(message) => call(&mut self.publish_received, |handler| handler(message)),
            Event::Published { label, outcome, .. } => call(&mut self.published, |handler| handler(*label, *outcome)),
            Event::Subscribed { label, granted, .. } => {
                call(&mut self.subscribed, |handler| handler(*label, *granted));
            }
            Event::Unsubscribed { label, .. } => call(&mut self.unsubscribed, |handler| handler(*label)),
            Event::Connected(_) => call(&mut self.connected, |handler| handler(true)),
            Event::Disconnected { .. } => call(&mut self.connected, |handler| handler(false)),
            _ => {}
        }
    }
}

fn call<H: ?Sized>(handler: &mut Handler<H>, call: impl FnOnce(&mut H)) {
    if let Some(handler) = handler {
        call(handler);
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers").finish_non_exhaustive()
    }
}
