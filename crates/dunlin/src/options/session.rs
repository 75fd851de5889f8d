use std::time::Duration;

use dunlin_session::{ResumeWithoutState, Store};

use super::ConnectOptions;
use crate::{Durability, StoreSetupError, durable::StoreSlot};

/// What outlives a connection, and a process.
impl ConnectOptions {
    /// Keep what must not be forgotten in this store: the session and the messages of QoS 1 and 2, so that not even a
    /// power loss loses one. `dunlin-store` has one in a folder. A message leaves when it is stored; QoS 0 messages
    /// are not stored, and cost nothing more.
    ///
    /// | what | survives the end of the process |
    /// |---|---|
    /// | a message of ours, QoS 1 or 2, from [`stored`](crate::Receipt::stored) on | yes; with QoS 2 it arrives once |
    /// | a received message, QoS 1 | until it is acknowledged; it may come again |
    /// | a received message, QoS 2, [acknowledged by the application](crate::Subscribe::manual_acknowledgement) | until that is stored; it comes again [marked](crate::Message::redelivered), with the same [`delivery_id`](crate::Message::delivery_id) |
    /// | a received message, QoS 2, acknowledged by itself | it never comes twice; what waits in a subscription or is in hand is lost |
    /// | subscriptions | on the server, with the session; subscribe again to receive |
    ///
    /// The server must [keep the session](ConnectOptions::session_expiry) too. The client identifier is kept in the
    /// store, and stays what it was at first; the version of MQTT too. Message Expiry goes on by the time of day while no
    /// process runs, so the machine's clock must be right when messages are accepted.
    ///
    /// A store is for one client: it goes to the first that is made of these options. It is read when the client is made,
    /// without waiting for anything else meanwhile, and written on the runtime's threads for blocking work.
    pub fn store(mut self, store: impl Store + 'static) -> Self {
        self.edit().store = Some(StoreSlot::new(store));
        self
    }

    /// When what is accepted is written to the store; at once if not said.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.edit().durability = durability;
        self
    }

    pub(crate) fn take_store(&self) -> Result<Option<Box<dyn Store>>, StoreSetupError> {
        self.settings.store.as_ref().map(|store| store.take().ok_or(StoreSetupError::Taken)).transpose()
    }

    /// The client identifier of the store; an error if the caller wants another one.
    pub(crate) fn adopt_client_id(&mut self, client_id: &str) -> Result<(), StoreSetupError> {
        if !self.client_id_generated && !self.client_id.is_empty() && self.client_id != client_id {
            return Err(StoreSetupError::ClientId(client_id.into()));
        }
        client_id.clone_into(&mut self.client_id);
        Ok(())
    }

    /// Begin without the session that the server may have kept under this client identifier. Reconnects of this
    /// client go on with its session in any case.
    ///
    /// `false` is for programs that know what the server has; without a [store](ConnectOptions::store) a client does not
    /// carry a session over from an earlier process, and ends a connection on which the server says that it has one
    /// [MQTT-3.2.2-4]. With a store it goes on with the session that is in there in any case.
    pub fn clean_start(mut self, clean_start: bool) -> Self {
        self.edit().clean_start = clean_start;
        self
    }

    /// How long the server keeps the session after a connection ended, in whole seconds. In 3.1.1 every value above
    /// 0 means "for ever".
    pub fn session_expiry(mut self, session_expiry: Duration) -> Self {
        self.edit().session_expiry = session_expiry;
        self
    }

    /// What to do if the server has a session and this client knows of none, such as one of an earlier process. By default
    /// the connection ends: QoS 2 messages could be lost. It concerns a client without
    /// [clean start](ConnectOptions::clean_start) only.
    pub fn resume_without_state(mut self, what: ResumeWithoutState) -> Self {
        self.edit().resume_without_state = what;
        self
    }
}
