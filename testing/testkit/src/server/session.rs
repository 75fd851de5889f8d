//! Session state: what outlives a connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dunlin_codec::{SubscriptionOptions, Version};

use super::connection::{Connection, ConnectionId};
use super::inbound::Inbox;
use super::outbound::Outbox;
use super::records::{ClientState, Message};
use super::sans_io::SansIoServer;

pub(super) struct Session {
    pub(super) client_id: String,
    pub(super) connection: Option<ConnectionId>,
    pub(super) version: Version,
    /// Seconds that it outlives its connection; `u32::MAX`: for ever.
    pub(super) expiry: u32,
    pub(super) ends_at: Option<Duration>,
    /// By the filter as it was subscribed, `$share/NAME/` included.
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    pub(super) will: Option<DelayedWill>,
    pub(super) will_at: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) options: SubscriptionOptions,
    pub(super) identifier: Option<u32>,
}

#[derive(Clone, Debug)]
pub(super) struct DelayedWill {
    pub(super) message: Message,
    pub(super) delay: u32,
}

/// A message on its way through the server.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) message: Arc<Message>,
    /// The properties that every receiver gets.
    pub(super) properties: Vec<u8>,
    pub(super) expires_at: Option<Duration>,
    /// The client that published it, for No Local.
    pub(super) origin: Option<String>,
}

impl Session {
    pub(super) fn new(client_id: &str, version: Version) -> Self {
        Self {
            client_id: client_id.to_owned(),
            connection: None,
            version,
            expiry: 0,
            ends_at: None,
            subscriptions: BTreeMap::new(),
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            will: None,
            will_at: None,
        }
    }

    pub(super) fn state(&self) -> ClientState {
        ClientState {
            client_id: self.client_id.clone(),
            connection: self.connection,
            version: self.version,
            subscriptions: self.subscriptions.keys().cloned().collect(),
            queued: self.outbox.queued(),
            in_flight: self.outbox.in_flight(),
            dropped: self.outbox.dropped,
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.ends_at.into_iter().chain(self.will_at).min()
    }
}

/// How the client went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    /// With a DISCONNECT that discards the will.
    InOrder,
    /// In any other way: the will is published.
    WithWill,
}

impl SansIoServer {
    /// Loosens the session from a connection that is over: the will goes or waits, and the session ends or is kept.
    pub(super) fn detach(&mut self, connection: ConnectionId, departure: Departure, now: Duration) {
        let Some(client_id) = self.connections.get(&connection).map(|gone| gone.client_id.clone()) else { return };
        let Some(session) = self.sessions.get_mut(&client_id) else { return };
        if session.connection != Some(connection) {
            return;
        }
        session.connection = None;
        session.inbox.last_connection = connection;
        session.ends_at = match session.expiry {
            u32::MAX => None,
            seconds => Some(now + Duration::from_secs(seconds.into())),
        };
        if departure == Departure::InOrder {
            session.will = None; // [MQTT-3.1.2-10]
        }
        if let Some(will) = &session.will {
            session.will_at = Some(now + Duration::from_secs(will.delay.into()));
        }
        self.end_due_session(&client_id, now);
    }

    /// Publishes a will whose time has come and ends a session whose time is over, which also ends the wait of its
    /// will [MQTT-3.1.3-9].
    pub(super) fn end_due_session(&mut self, client_id: &str, now: Duration) {
        let Some(session) = self.sessions.get_mut(client_id) else { return };
        let over = session.connection.is_none() && session.ends_at.is_some_and(|at| at <= now);
        let will_due = over || session.will_at.is_some_and(|at| at <= now);
        let will = session.will.take_if(|_| will_due && session.will_at.is_some());
        if will_due {
            session.will_at = None;
        }
        if over {
            self.sessions.remove(client_id);
        }
        if let Some(will) = will {
            self.publish_from(Some(client_id), &Arc::new(will.message), now);
        }
    }

    /// Ends a session at once, as a Clean Start does.
    pub(super) fn end_session(&mut self, client_id: &str, now: Duration) {
        if let Some(session) = self.sessions.get_mut(client_id) {
            session.connection = None;
            session.ends_at = Some(now);
            self.end_due_session(client_id, now);
        }
    }

    /// The connected client's two halves together.
    pub(super) fn halves(&mut self, connection: ConnectionId) -> Option<(&mut Connection, &mut Session)> {
        let connection = self.connections.get_mut(&connection).filter(|connection| connection.is_connected())?;
        let session = self.sessions.get_mut(&connection.client_id)?;
        Some((connection, session))
    }
}
