use dunlin_codec::{Qos, TopicFilter, TopicName};

use super::{Refusal, Rule, Service};
use crate::{aws, azure, google};

/// Where a message goes or a subscription looks, as a service sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// Anything may be done there; this much of it is counted.
    Counted(&'a str),
    /// Only publishing.
    PublishOnly(&'a str),
    /// Only subscribing.
    SubscribeOnly(&'a str),
    Unknown,
}

impl Service {
    /// Whether a message may be published. `payload` in bytes.
    ///
    /// # Errors
    /// The rule that it breaks: the service would close the connection, or never answer.
    pub fn check_publish(self, topic: TopicName<'_>, payload: usize, qos: Qos, retain: bool) -> Result<(), Refusal> {
        let limits = self.limits();
        if qos > limits.maximum_qos {
            return Err(self.refuses(Rule::Qos { qos, most: limits.maximum_qos }));
        }
        self.check_most(limits.payload, payload, |bytes, most| Rule::Payload { bytes, most })?;
        let counted = match self.place(topic.as_str()) {
            Place::Counted(counted) | Place::PublishOnly(counted) => counted,
            Place::SubscribeOnly(_) => return Err(self.refuses(Rule::SubscribeOnly)),
            Place::Unknown => return Err(self.refuses(Rule::TopicUnknown)),
        };
        self.check_size(counted)?;
        if retain && !limits.retain {
            return Err(self.refuses(Rule::Retain));
        }
        if retain && self == Self::AwsIotCore && topic.as_bytes().first() == Some(&b'$') {
            return Err(self.refuses(Rule::RetainOnReserved));
        }
        Ok(())
    }

    /// Whether one filter may be subscribed to.
    ///
    /// QoS 2 may be asked for: services grant 1 then, or say so in SUBACK; AWS IoT Core does not answer, and is not asked.
    ///
    /// # Errors
    /// As of [`check_publish`](Self::check_publish).
    pub fn check_filter(self, filter: TopicFilter<'_>, qos: Qos) -> Result<(), Refusal> {
        let limits = self.limits();
        if self == Self::AwsIotCore && qos > limits.maximum_qos {
            return Err(self.refuses(Rule::Qos { qos, most: limits.maximum_qos }));
        }
        if filter.is_shared() && !limits.shared_subscriptions {
            return Err(self.refuses(Rule::SharedSubscription));
        }
        match self.place(filter.as_str()) {
            Place::Counted(counted) | Place::SubscribeOnly(counted) => self.check_size(counted),
            Place::PublishOnly(_) => Err(self.refuses(Rule::PublishOnly)),
            Place::Unknown => Err(self.refuses(Rule::TopicUnknown)),
        }
    }

    /// Whether one SUBSCRIBE may have this many filters, on a connection that has `subscriptions` already.
    ///
    /// # Errors
    /// The service would close the connection.
    pub fn check_subscribe(self, filters: usize, subscriptions: usize) -> Result<(), Refusal> {
        let limits = self.limits();
        self.check_most(limits.filters_per_subscribe, filters, |filters, most| Rule::Filters { filters, most })?;
        let all = subscriptions.saturating_add(filters);
        self.check_most(limits.subscriptions, all, |subscriptions, most| Rule::Subscriptions { subscriptions, most })
    }

    /// Whether a client may connect in this way. `keep_alive` and `session_expiry` in seconds; 0: none.
    ///
    /// # Errors
    /// The service would refuse the connection, or do something else than what was asked for.
    pub fn check_connect(self, client_id: &str, keep_alive: u16, session_expiry: u32) -> Result<(), Refusal> {
        let limits = self.limits();
        self.check_most(limits.client_id, client_id.len(), |bytes, most| Rule::ClientId { bytes, most })?;
        if !limits.keep_alive.contains(&keep_alive) {
            let (from, to) = (*limits.keep_alive.start(), *limits.keep_alive.end());
            return Err(self.refuses(Rule::KeepAlive { seconds: keep_alive, from, to }));
        }
        match limits.session_expiry {
            Some(0) if session_expiry > 0 => Err(self.refuses(Rule::SessionKept)),
            Some(most) if session_expiry > most => {
                Err(self.refuses(Rule::SessionExpiry { seconds: session_expiry, most }))
            }
            _ => Ok(()),
        }
    }

    /// Whether a will may be left. `payload` in bytes, `delay` in seconds.
    ///
    /// # Errors
    /// The service would refuse the connection.
    pub fn check_will(
        self,
        topic: TopicName<'_>,
        payload: usize,
        qos: Qos,
        retain: bool,
        delay: u32,
    ) -> Result<(), Refusal> {
        let limits = self.limits();
        if !limits.will {
            return Err(self.refuses(Rule::Will));
        }
        match limits.will_delay {
            Some(most) if delay > most => Err(self.refuses(Rule::WillDelay { seconds: delay, most })),
            _ => self.check_publish(topic, payload, qos, retain),
        }
    }

    pub(crate) fn refuses(self, rule: Rule) -> Refusal {
        Refusal { service: self, rule }
    }

    fn place(self, topic: &str) -> Place<'_> {
        match self {
            Self::AwsIotCore => aws::place(topic),
            Self::AzureIotHub => azure::place_in_hub(topic),
            Self::AzureProvisioning => azure::place_in_provisioning(topic),
            Self::GoogleIotCore => google::place(topic),
            Self::AzureEventGrid | Self::AzureIotOperations | Self::ThingsBoard => Place::Counted(topic),
        }
    }

    fn check_size(self, topic: &str) -> Result<(), Refusal> {
        let limits = self.limits();
        self.check_most(limits.topic, topic.len(), |bytes, most| Rule::Topic { bytes, most })?;
        let slashes = topic.bytes().filter(|&byte| byte == b'/').count();
        self.check_most(limits.slashes, slashes, |slashes, most| Rule::Slashes { slashes, most })
    }

    fn check_most(self, most: Option<usize>, is: usize, rule: fn(usize, usize) -> Rule) -> Result<(), Refusal> {
        match most {
            Some(most) if is > most => Err(self.refuses(rule(is, most))),
            _ => Ok(()),
        }
    }
}

/// Whether `topic` is `filter`, in which `+` is any one level and `#` the rest.
pub(crate) fn is_like(topic: &str, filter: &str) -> bool {
    let mut levels = topic.split('/');
    for level in filter.split('/') {
        match (level, levels.next()) {
            ("#", _) => return true,
            (_, None) => return false,
            ("+", Some(level)) if !level.is_empty() => {}
            (expected, Some(level)) if expected == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}
