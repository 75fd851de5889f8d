//! What happens to the connection while a command works, told in a line each.

use std::time::Duration;

use dunlin::{Client, ConnectionError, Event, Events};

use crate::exit_codes::ExitCode;
use crate::failure::Failure;
use crate::printer::Printer;

/// Watches the connection of a client that is connected, and tells on stderr when it breaks and when it is back.
pub(crate) struct Reconnects {
    events: Events,
    trouble: Option<ConnectionError>,
    has_broken: bool,
}

impl Reconnects {
    pub(crate) fn of(client: &Client) -> Self {
        Self { events: client.events(), trouble: None, has_broken: false }
    }

    /// Waits until the connection breaks, comes back or fails to; for ever once the client is closed.
    pub(crate) async fn next(&mut self) {
        loop {
            match self.events.next().await {
                Some(Event::Disconnected { error, retry_in }) => return self.lost(LOST, error, retry_in),
                Some(Event::ConnectFailed { server, error, retry_in }) => {
                    return self.lost(&format!("cannot connect to {server}"), error, retry_in);
                }
                Some(Event::Connected(connected)) => return self.back(&connected.server),
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Why there is no connection; `None` while there is one.
    pub(crate) fn trouble(&self) -> Option<&ConnectionError> {
        self.trouble.as_ref()
    }

    /// Whether the first connection is gone, and what that means for a command that wants no other.
    pub(crate) fn failure(&self) -> Option<Failure> {
        match &self.trouble {
            _ if !self.has_broken => None,
            Some(error) => Some(Failure::from(error.clone()).during(LOST).with_code(ExitCode::ConnectionLost)),
            None => Some(Failure::new(ExitCode::ConnectionLost, LOST)),
        }
    }

    fn back(&mut self, server: &str) {
        match self.trouble.take() {
            Some(_) => Printer::say(format_args!("connected again, to {server}")),
            // Events wait in a bounded queue, where messages that come very fast may crowd the other one out.
            None => Printer::say(format_args!("{LOST} and made again")),
        }
        self.has_broken = true;
    }

    fn lost(&mut self, what: &str, error: ConnectionError, retry_in: Option<Duration>) {
        match retry_in {
            Some(Duration::ZERO) => Printer::say(format_args!("{what}: {error}; trying the next server")),
            Some(wait) => Printer::say(format_args!("{what}: {error}; trying again in {:.1} s", wait.as_secs_f64())),
            None => Printer::say(format_args!("{what}: {error}")),
        }
        self.trouble = Some(error);
        self.has_broken = true;
    }
}

const LOST: &str = "connection lost";
