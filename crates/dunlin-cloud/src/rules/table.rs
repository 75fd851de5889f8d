use dunlin_codec::Qos;

use super::{Service, ServiceLimits};

impl Service {
    /// Its limits.
    pub const fn limits(self) -> ServiceLimits {
        match self {
            Self::AwsIotCore => ServiceLimits {
                payload: Some(128 << 10),
                topic: Some(256),
                slashes: Some(7),
                client_id: Some(128),
                filters_per_subscribe: Some(8),
                subscriptions: Some(50),
                keep_alive: 5..=1200,
                subscription_identifiers: false,
                unacknowledged: Some(100),
                publishes_per_second: Some(100),
                bytes_per_second: Some(512_000),
                ..MQTT_QOS_1
            },
            Self::AzureIotHub => ServiceLimits {
                payload: Some(256 << 10),
                client_id: Some(128 + 1 + 128),
                subscriptions: Some(5),
                keep_alive: 0..=1177,
                retain: false,
                ..V3_QOS_1
            },
            Self::AzureProvisioning => {
                ServiceLimits { keep_alive: 0..=1177, retain: false, session_expiry: Some(0), will: false, ..V3_QOS_1 }
            }
            Self::AzureEventGrid => ServiceLimits {
                payload: Some(512 << 10),
                keep_alive: 0..=1160,
                retain: false,
                shared_subscriptions: false,
                subscription_identifiers: false,
                session_expiry: Some(8 * 3600),
                will_delay: Some(300),
                topic_aliases: Some(10),
                ..MQTT_QOS_1
            },
            Self::AzureIotOperations => MQTT,
            Self::GoogleIotCore => V3_QOS_1,
            Self::ThingsBoard => MQTT_QOS_1,
        }
    }
}

const MQTT: ServiceLimits = ServiceLimits {
    maximum_qos: Qos::ExactlyOnce,
    payload: None,
    topic: None,
    slashes: None,
    client_id: None,
    filters_per_subscribe: None,
    subscriptions: None,
    keep_alive: 0..=u16::MAX,
    retain: true,
    shared_subscriptions: true,
    subscription_identifiers: true,
    v5: true,
    session_expiry: None,
    will_delay: None,
    will: true,
    unacknowledged: None,
    publishes_per_second: None,
    bytes_per_second: None,
    topic_aliases: None,
};
const MQTT_QOS_1: ServiceLimits = ServiceLimits { maximum_qos: Qos::AtLeastOnce, ..MQTT };
const V3_QOS_1: ServiceLimits =
    ServiceLimits { v5: false, shared_subscriptions: false, subscription_identifiers: false, ..MQTT_QOS_1 };
