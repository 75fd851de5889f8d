//! What a test tells the server to do, and what it asks it.

use std::sync::Arc;
use std::time::Duration;

use dunlin_codec::{PacketId, Qos, ReasonCode, TopicError};

use super::answers::Waiting;
use super::connection::{ConnectionId, Phase, ServerClose};
use super::judge::Breach;
use super::records::{ClientState, ConnectRecord, HeldAck, Message, Received};
use super::sans_io::SansIoServer;
use super::session::{Departure, Session};

impl SansIoServer {
    /// Publishes a message from the server's side.
    ///
    /// # Errors
    /// `topic` is not a topic name.
    pub fn publish(
        &mut self,
        topic: &str,
        payload: impl Into<Vec<u8>>,
        qos: Qos,
        retain: bool,
        now: Duration,
    ) -> Result<(), TopicError> {
        self.publish_message(Message::new(topic, payload)?.with_qos(qos).with_retain(retain), now);
        Ok(())
    }

    /// Publishes a message from the server's side.
    pub fn publish_message(&mut self, message: Message, now: Duration) {
        self.publish_from(None, &Arc::new(message), now);
    }

    /// Ends a client's connection with a DISCONNECT (5.0) that gives `reason`. Its will is published. `false` if it is
    /// not connected.
    pub fn disconnect_client(&mut self, client_id: &str, reason: ReasonCode, now: Duration) -> bool {
        let Some(id) = self.connection_of(client_id) else { return false };
        self.close(id, Some(reason), "the test wants it so", now);
        true
    }

    /// Cuts a client's connection: no DISCONNECT, and output that was not taken is lost. Its will is published. `false`
    /// if it is not connected.
    pub fn cut(&mut self, client_id: &str, now: Duration) -> bool {
        let Some(id) = self.connection_of(client_id) else { return false };
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.shut(Phase::Closed, ServerClose::Abruptly);
        }
        self.detach(id, Departure::WithWill, now);
        true
    }

    /// Forgets all sessions, as a server without persistence does when it restarts: those of clients that are away at
    /// once, with wills that wait; those of connected clients when their connection ends.
    pub fn forget_sessions(&mut self) {
        self.sessions.retain(|_, session| session.connection.is_some());
        for session in self.sessions.values_mut() {
            session.expiry = 0;
        }
    }

    /// Holds all PUBACK, PUBREC, PUBCOMP, SUBACK and UNSUBACK back, or lets those held and all later ones go. What is
    /// held when its connection ends is never sent.
    pub fn hold_acks(&mut self, hold: bool) {
        self.holds_acks = hold;
        if !hold {
            self.release_acks();
        }
    }

    /// The acknowledgements held back from a client, in the order in which they would leave.
    #[must_use]
    pub fn held_acks(&self, client_id: &str) -> Vec<HeldAck> {
        let connection = self.connection_of(client_id).and_then(|id| self.connections.get(&id));
        let held = |waiting: &Waiting| waiting.due.is_none().then(|| waiting.answer.held());
        connection.map(|connection| connection.answers.iter().filter_map(held).collect()).unwrap_or_default()
    }

    /// Lets one acknowledgement go, whatever waits before it. `false` if none with this identifier is held.
    pub fn release_ack(&mut self, client_id: &str, packet_id: PacketId) -> bool {
        let Some(id) = self.connection_of(client_id) else { return false };
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let is_it = |waiting: &Waiting| waiting.due.is_none() && waiting.answer.held().packet_id == packet_id;
        let Some(index) = connection.answers.iter().position(is_it) else { return false };
        let released = connection.answers.remove(index);
        if let Some(waiting) = released {
            self.send_answer(id, &waiting.answer);
        }
        true
    }

    /// Lets all acknowledgements go that are held now; later ones are held if they were before.
    pub fn release_acks(&mut self) {
        let ids: Vec<_> = self.connections.keys().copied().collect();
        for id in ids {
            self.send_answers(id, |waiting| waiting.due.is_none());
        }
    }

    /// The messages that clients published, in order: the last 100,000, of 256 MiB together. Wills and messages of the
    /// server's side are not among them.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.records.received.iter().cloned().collect()
    }

    /// How many messages clients have published since the server began.
    #[must_use]
    pub fn received_total(&self) -> u64 {
        self.records.received_total
    }

    /// Empties [`received`](Self::received). The total stays.
    pub fn forget_received(&mut self) {
        self.records.forget_received();
    }

    /// What each CONNECT said, refused ones too, in order: the last 100,000.
    #[must_use]
    pub fn connects(&self) -> Vec<ConnectRecord> {
        self.records.connects.iter().cloned().collect()
    }

    /// All clients that are connected or have a session, sorted by their identifiers.
    #[must_use]
    pub fn clients(&self) -> Vec<ClientState> {
        self.sessions.values().map(Session::state).collect()
    }

    /// Whether this client is connected.
    #[must_use]
    pub fn is_connected(&self, client_id: &str) -> bool {
        self.connection_of(client_id).is_some()
    }

    /// Every statement that a client broke, in order: the first 1,000.
    #[must_use]
    pub fn breaches(&self) -> Vec<Breach> {
        self.records.breaches.iter().cloned().collect()
    }

    fn connection_of(&self, client_id: &str) -> Option<ConnectionId> {
        self.sessions.get(client_id)?.connection
    }
}
