use std::pin::pin;
use std::time::Duration;

use dunlin::{Client, Connected, ConnectionError, Event, Events, Qos};
use tokio::time::{Instant, sleep_until};

use crate::exit_codes::ExitCode;
use crate::failure::Failure;

/// The events of a client, in the order in which they came, and what some of them said.
pub(super) struct Journal {
    events: Events,
    limit: Duration,
    names: Vec<&'static str>,
    pub(super) connected: Option<Connected>,
    pub(super) granted: Option<Qos>,
}

impl Journal {
    pub(super) fn of(client: &Client, limit: Duration) -> Self {
        Self { events: client.events(), limit, names: Vec::new(), connected: None, granted: None }
    }

    /// Waits for `work` and writes down the events meanwhile. A connection that breaks or cannot be made ends it: here
    /// nobody wants a second try.
    pub(super) async fn until<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let deadline = Instant::now() + self.limit;
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                Some(event) = self.events.next() => self.note(event)?,
                done = &mut work => return Ok(done),
                () = sleep_until(deadline) => {
                    let failure = Failure::new(ExitCode::Timeout, format!("nothing happened for {:?}", self.limit));
                    return Err(failure.with_hint("--timeout waits longer"));
                }
            }
        }
    }

    /// The names of all events; none is to come.
    pub(super) fn into_names(mut self) -> Result<Vec<&'static str>, Failure> {
        while let Some(event) = self.events.try_next() {
            self.note(event)?;
        }
        Ok(self.names)
    }

    fn note(&mut self, event: Event) -> Result<(), Failure> {
        let name = match event {
            Event::Connecting => "Connecting",
            Event::Connected(connected) => {
                self.connected = Some(connected);
                "Connected"
            }
            Event::PublishReceived(_) => "PublishReceived",
            Event::Published { .. } => "Published",
            Event::Subscribed { granted, .. } => {
                self.granted = granted.ok();
                "Subscribed"
            }
            Event::Unsubscribed { .. } => "Unsubscribed",
            Event::Disconnected { error: ConnectionError::Closed, .. } => "Disconnected",
            Event::Disconnected { error, .. } => return Err(error.into()),
            Event::ConnectFailed { error, .. } => return Err(Failure::of_connect(error)),
            Event::Closed => "Closed",
            _ => return Ok(()),
        };
        self.names.push(name);
        Ok(())
    }
}
