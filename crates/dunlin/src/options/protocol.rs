use dunlin_codec::{Property, TopicError, TopicName};

use super::ConnectOptions;
use crate::authentication::{Authenticator, Method, append};

/// What CONNECT says beside who it is.
impl ConnectOptions {
    /// Bytes of a packet from the server; a larger one ends the connection. Not 0.
    pub fn maximum_packet_size(mut self, bytes: u32) -> Self {
        self.edit().maximum_packet_size = bytes;
        self
    }

    /// Topics that we name by an alias at once, as far as the server takes aliases (5.0): those that were published to
    /// last; 0: none. Messages do not show it, they only take fewer bytes on the wire.
    pub fn topic_aliases(mut self, aliases: u16) -> Self {
        self.edit().topic_aliases = aliases;
        self
    }

    /// Topics that the server may name by an alias, instead of sending them each time (5.0); 0: none.
    pub fn topic_alias_maximum(mut self, aliases: u16) -> Self {
        self.edit().topic_alias_maximum = aliases;
        self
    }

    /// Whether each SUBSCRIBE carries a subscription identifier, if the server has them (5.0). By it a message is given
    /// to the very subscriptions that the server means. Without, the topic decides: then, of a server that sends a message
    /// once for each filter that it matches, every subscription to one of these filters gets every copy.
    pub fn subscription_identifiers(mut self, given: bool) -> Self {
        self.edit().subscription_identifiers = given;
        self
    }

    /// Enhanced authentication (5.0) by this method; `converse` makes a new conversation for each connection and each
    /// [`reauthenticate`](crate::Client::reauthenticate).
    pub fn authentication<A: Authenticator + 'static>(
        mut self,
        method: impl Into<String>,
        converse: impl Fn() -> A + Send + Sync + 'static,
    ) -> Self {
        self.edit().authentication = Some(Method::new(method.into(), converse));
        self
    }

    /// Adds a user property to CONNECT (5.0). What it means is between the application and the server.
    pub fn user_property(mut self, name: &str, value: &str) -> Self {
        if let Err(error) = append(&mut self.edit().properties, Property::UserProperty(name, value)) {
            self.edit().property_error.get_or_insert(error);
        }
        self
    }

    /// Ask for Response Information (5.0), which [`Connected`](crate::Connected) then carries.
    pub fn request_response_information(mut self, wanted: bool) -> Self {
        self.edit().request_response_information = wanted;
        self
    }

    /// Where the responses to [requests](crate::Client::request) come (5.0): a topic of this client alone. If not said it
    /// is made of Response Information, where the server gave some, or begins with `dunlin/responses/`, and ends in random
    /// characters.
    ///
    /// # Errors
    /// It is no topic.
    pub fn response_topic(mut self, topic: &str) -> Result<Self, TopicError> {
        TopicName::new(topic)?;
        self.edit().response_topic = Some(topic.into());
        Ok(self)
    }

    /// Whether the server may send reason strings and user properties with acknowledgements (5.0).
    pub fn request_problem_information(mut self, wanted: bool) -> Self {
        self.edit().request_problem_information = wanted;
        self
    }
}
