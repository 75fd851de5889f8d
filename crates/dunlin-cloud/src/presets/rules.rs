//! The rules of a service, for a client that obeys them at the call.

use dunlin::{ConnectAsked, PublishAsked, RuleBroken, Rules};
use dunlin_codec::{Qos, TopicFilter};

use crate::{Refusal, Rule, Service};

/// With the feature `std`. What the client refuses then is a [`RuleBroken`] with a [`Refusal`] in it. The rates are not
/// among it: they are no rule for one message.
impl Rules for Service {
    fn check_connect(&self, asked: &ConnectAsked<'_>) -> Result<(), RuleBroken> {
        if asked.version.is_v5() && !self.limits().v5 {
            return Err(RuleBroken::new(self.refuses(Rule::Version)));
        }
        if asked.user_properties && *self == Self::AzureEventGrid {
            return Err(RuleBroken::new(self.refuses(Rule::UserProperty)));
        }
        broken(Self::check_connect(*self, asked.client_id, asked.keep_alive, asked.session_expiry))
    }

    fn check_will(&self, will: &PublishAsked<'_>, delay: u32) -> Result<(), RuleBroken> {
        broken(Self::check_will(*self, will.topic, will.payload, will.qos, will.retain, delay))
    }

    fn check_publish(&self, message: &PublishAsked<'_>) -> Result<(), RuleBroken> {
        broken(Self::check_publish(*self, message.topic, message.payload, message.qos, message.retain))
    }

    /// The client puts no more than 8 filters into one SUBSCRIBE, which is within what every service takes.
    fn check_subscribe(&self, filter: TopicFilter<'_>, qos: Qos, subscriptions: usize) -> Result<(), RuleBroken> {
        broken(
            self.check_filter(filter, qos)
                .and_then(|()| Self::check_subscribe(*self, 1, subscriptions.saturating_sub(1))),
        )
    }
}

fn broken(result: Result<(), Refusal>) -> Result<(), RuleBroken> {
    result.map_err(RuleBroken::new)
}
