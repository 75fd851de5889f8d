//! Publishing: messages that are kept, and messages that are passed on.

use std::sync::Arc;
use std::time::Duration;

use dunlin_codec::{PropertyId, ReasonCode, TopicFilter, TopicName};

use super::connection::ConnectionId;
use super::outbound::{self, Delivery};
use super::records::Message;
use super::sans_io::SansIoServer;
use super::session::{Stored, Subscription};
use super::wire;

impl SansIoServer {
    /// Publishes a message of a client, a will or the test's own: keeps it if it is to be retained, and passes it on.
    /// Returns the reason code for its sender.
    pub(super) fn publish_from(&mut self, origin: Option<&str>, message: &Arc<Message>, now: Duration) -> ReasonCode {
        let properties = message.properties();
        let expiry = properties.number(PropertyId::MessageExpiryInterval);
        let stored = Arc::new(Stored {
            properties: wire::end_to_end(properties),
            expires_at: expiry.map(|seconds| now + Duration::from_secs(seconds.into())),
            origin: origin.map(str::to_owned),
            message: Arc::clone(message),
        });
        if message.retain() && self.options.retain_available && !self.retain(&stored) {
            return ReasonCode::QUOTA_EXCEEDED;
        }
        match self.route(&stored, now) {
            0 if self.options.no_matching_subscribers => ReasonCode::NO_MATCHING_SUBSCRIBERS,
            _ => ReasonCode::SUCCESS,
        }
    }

    /// Keeps the message in place of the one before; an empty payload only removes that one. `false` when there is no
    /// room.
    fn retain(&mut self, stored: &Arc<Stored>) -> bool {
        let topic = stored.message.topic();
        if stored.message.payload().is_empty() {
            self.retained.remove(topic); // [MQTT-3.3.1-6] [MQTT-3.3.1-7]
            return true;
        }
        if self.retained.len() >= RETAINED && !self.retained.contains_key(topic) {
            return false;
        }
        self.retained.insert(topic.to_owned(), Arc::clone(stored));
        true
    }

    /// Sends the retained messages that a new subscription asks for, with RETAIN set [MQTT-3.3.1-8].
    pub(super) fn send_retained(
        &mut self,
        id: ConnectionId,
        filter: TopicFilter<'_>,
        subscription: &Subscription,
        now: Duration,
    ) {
        let Some(client_id) = self.connections.get(&id).map(|connection| connection.client_id.clone()) else { return };
        self.retained.retain(|_, stored| outbound::remaining(stored, now) != Some(0));
        let matching: Vec<_> = self
            .retained
            .values()
            .filter(|stored| {
                let is_own = stored.origin.as_deref() == Some(&client_id);
                let matches = TopicName::new(stored.message.topic()).is_ok_and(|topic| filter.matches(topic));
                matches && !(subscription.options.no_local && is_own)
            })
            .cloned()
            .collect();
        for stored in matching {
            let qos = stored.message.qos().min(subscription.options.qos);
            let identifiers = subscription.identifier.into_iter().collect();
            self.deliver_to(&client_id, Delivery { stored, qos, retain: true, identifiers }, now);
        }
    }
}

/// Retained messages: more are refused with 0x97.
const RETAINED: usize = 100_000;
