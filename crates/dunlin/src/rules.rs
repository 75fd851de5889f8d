//! What a server takes beyond what MQTT lets it say, asked before anything is accepted.

use core::{error::Error, fmt};
use std::sync::Arc;

use dunlin_codec::{Qos, TopicFilter, TopicName, Version};

/// The rules of a server that MQTT has no words for: it closes the connection of whoever breaks them, or never answers.
/// With [`ConnectOptions::rules`](crate::ConnectOptions::rules) such a call fails at once, and nothing is sent.
///
/// They are asked by whoever publishes or subscribes, under no lock, so they should be quick. What a server says in its
/// CONNACK is obeyed with and without them.
pub trait Rules: fmt::Debug + Send + Sync {
    /// Whether a client may connect in this way; asked when it is made, and for each will that is made anew.
    ///
    /// # Errors
    /// The rule that it breaks.
    fn check_connect(&self, asked: &ConnectAsked<'_>) -> Result<(), RuleBroken>;

    /// Whether a will may be left, which the server publishes `delay` seconds after the connection broke.
    ///
    /// # Errors
    /// The rule that it breaks.
    fn check_will(&self, will: &PublishAsked<'_>, delay: u32) -> Result<(), RuleBroken>;

    /// Whether a message may be published.
    ///
    /// # Errors
    /// The rule that it breaks.
    fn check_publish(&self, message: &PublishAsked<'_>) -> Result<(), RuleBroken>;

    /// Whether a filter may be subscribed to, with which the client has so many `subscriptions`, each counted once.
    ///
    /// # Errors
    /// The rule that it breaks.
    fn check_subscribe(&self, filter: TopicFilter<'_>, qos: Qos, subscriptions: usize) -> Result<(), RuleBroken>;
}

/// How a client wants to connect.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ConnectAsked<'a> {
    /// The version of MQTT.
    pub version: Version,
    /// The name of the session.
    pub client_id: &'a str,
    /// Seconds; 0: none.
    pub keep_alive: u16,
    /// Seconds that the session is to outlive its connection; 0: it ends with it.
    pub session_expiry: u32,
    /// Whether CONNECT has user properties.
    pub user_properties: bool,
}

/// A message that is to be published.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PublishAsked<'a> {
    /// Where.
    pub topic: TopicName<'a>,
    /// Bytes of its payload.
    pub payload: usize,
    /// How often it may arrive.
    pub qos: Qos,
    /// Whether it is to be kept.
    pub retain: bool,
}

/// A rule of the server that a call would break: the error of whoever made the [`Rules`].
#[derive(Clone)]
pub struct RuleBroken(Arc<dyn Error + Send + Sync>);

impl RuleBroken {
    /// Of an error that names the rule.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }

    /// The error as what it was: `dunlin-cloud` has `Refusal`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for RuleBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for RuleBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for RuleBroken {}

/// Equal if they say the same.
impl PartialEq for RuleBroken {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.to_string() == other.0.to_string()
    }
}

impl Eq for RuleBroken {}
