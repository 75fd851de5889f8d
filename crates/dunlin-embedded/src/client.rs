use dunlin_codec::{PacketId, Properties, ReasonCode, SubscriptionFilter, TopicFilter, TopicName};
use dunlin_session::{
    AcknowledgeError, AuthenticateError, Delivery, InboundAliases, Limits, NoAliases, PublishError, PublishOptions,
    RequestError,
};

use crate::{Options, engine::Engine};

/// A client: a session, and the link that carries it. `L` is [`Async`](crate::Async) or
/// [`Blocking`](crate::Blocking); each has a `new` and a `poll`. `A` are the server's topic aliases, if there is memory
/// for them.
///
/// Commands are accepted at once, and go out while `poll` is called. All state is in here: a future of `poll` that is
/// dropped loses nothing, and a connection that breaks is replaced by another one that goes on where it was.
pub struct Client<'a, L, A: InboundAliases = NoAliases> {
    pub(crate) engine: Engine<'a, A>,
    pub(crate) link: L,
}

impl<'a, L, A: InboundAliases> Client<'a, L, A> {
    /// Accepts a message, connected or not. Its outcome is told as [`Event::Published`](crate::Event::Published) with
    /// the identifier returned; a QoS 0 message has neither unless it is
    /// [tracked](dunlin_session::PublishOptions::tracked).
    ///
    /// # Errors
    /// It was not taken: see [`PublishError`]. [`PublishError::Full`] passes as messages are settled.
    pub fn publish(
        &mut self,
        topic: TopicName<'_>,
        payload: &[u8],
        options: PublishOptions<'_>,
    ) -> Result<Option<PacketId>, PublishError> {
        self.engine.session.publish(topic, payload, options)
    }

    /// Asks for messages on this connection; the verdicts come as [`Event::Subscribed`](crate::Event::Subscribed).
    /// [`Options::subscriptions`] are those that are made again on later ones.
    ///
    /// # Errors
    /// It was not asked: see [`RequestError`].
    pub fn subscribe(
        &mut self,
        filters: &[SubscriptionFilter<'_>],
        properties: Properties<'_>,
    ) -> Result<PacketId, RequestError> {
        self.engine.session.subscribe(filters, properties)
    }

    /// Ends subscriptions; the verdicts come as [`Event::Unsubscribed`](crate::Event::Unsubscribed). Those of the options
    /// are made again where the server has lost the session.
    ///
    /// # Errors
    /// It was not asked: see [`RequestError`].
    pub fn unsubscribe(&mut self, filters: &[TopicFilter<'_>]) -> Result<PacketId, RequestError> {
        self.engine.session.unsubscribe(filters)
    }

    /// The application is done with a message, see [`Acknowledgement::Manual`](crate::Acknowledgement::Manual). False:
    /// there is nothing to acknowledge any more; it comes again if the server has not got an answer.
    pub fn acknowledge(&mut self, delivery: Delivery) -> bool {
        self.engine.session.acknowledge(delivery)
    }

    /// As [`acknowledge`](Self::acknowledge), with a reason: an error refuses the message for good (5.0).
    ///
    /// # Errors
    /// See [`AcknowledgeError`].
    pub fn acknowledge_with(&mut self, delivery: Delivery, reason: ReasonCode) -> Result<bool, AcknowledgeError> {
        self.engine.session.acknowledge_with(delivery, reason)
    }

    /// Answers the server's challenge, which came as [`Event::Authentication`](crate::Event::Authentication): `properties`
    /// name the method of [`ConnectOptions::properties`](dunlin_session::ConnectOptions::properties) again, and have the
    /// data. A CONNECT with properties must fit into the control lane. Feature `authentication`.
    ///
    /// # Errors
    /// Nothing was sent: see [`AuthenticateError`].
    pub fn authenticate(&mut self, properties: Properties<'_>) -> Result<(), AuthenticateError> {
        self.engine.session.authenticate(properties)
    }

    /// Begins a new authentication on a connection that has one, such as before a token ends. Messages go on meanwhile.
    /// Its end is told as [`Event::Authentication`](crate::Event::Authentication); a server that is not convinced ends the
    /// connection. Feature `authentication`.
    ///
    /// # Errors
    /// Nothing was sent: see [`AuthenticateError`].
    pub fn reauthenticate(&mut self, properties: Properties<'_>) -> Result<(), AuthenticateError> {
        self.engine.session.reauthenticate(properties)
    }

    /// Ends the connection: [`Event::Disconnected`](crate::Event::Disconnected) tells when it is gone, and there is no
    /// next one before [`connect`](Self::connect). The will is discarded unless the reason is
    /// [`DISCONNECT_WITH_WILL`](ReasonCode::DISCONNECT_WITH_WILL).
    ///
    /// Messages that are not settled stay, and go out on the next connection.
    pub fn disconnect(&mut self, reason: ReasonCode) {
        self.engine.disconnect(reason);
    }

    /// Connects with the next `poll`, rather than when the backoff says so or not at all. A new client does so by itself.
    /// While there is a connection it does nothing.
    pub fn connect(&mut self) {
        self.engine.connect();
    }

    /// Other options from the next connection on, such as a password that was made anew. What they say of backoff stays
    /// as it was.
    pub fn set_options(&mut self, options: &'a Options<'a>) {
        self.engine.next_options = options;
    }

    /// What the server allows on this connection.
    pub fn limits(&self) -> &Limits {
        self.engine.session.limits()
    }

    /// What the server's topic alias stands for on this connection.
    pub fn topic(&self, alias: u16) -> Option<TopicName<'_>> {
        self.engine.session.topic(alias)
    }

    /// Whether every message that was published is settled.
    pub fn is_idle(&self) -> bool {
        self.engine.session.is_idle()
    }

    /// How many messages were skipped, see [`LargeMessages::Skip`](crate::LargeMessages::Skip).
    pub fn skipped(&self) -> u32 {
        self.engine.skipped
    }
}
