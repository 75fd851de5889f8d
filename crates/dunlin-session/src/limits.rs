use dunlin_codec::{Connack, PropertyId, Qos};

/// What the server allows and demands on this connection, from its CONNACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// QoS 1 and 2 messages in flight to the server at once [MQTT-3.3.4-7].
    pub receive_maximum: u16,
    /// The highest QoS of a PUBLISH [MQTT-3.2.2-11].
    pub maximum_qos: Qos,
    /// Whether messages may be retained [MQTT-3.2.2-14].
    pub retain_available: bool,
    /// Bytes of a packet to the server [MQTT-3.2.2-15].
    pub maximum_packet_size: u32,
    /// The highest topic alias that the server takes [MQTT-3.2.2-17].
    pub topic_alias_maximum: u16,
    /// Whether filters may have wildcards [U5-3.2.2.3.11-a].
    pub wildcard_subscription_available: bool,
    /// Whether a SUBSCRIBE may carry an identifier [U5-3.2.2.3.12-a].
    pub subscription_identifier_available: bool,
    /// Whether subscriptions may be shared [U5-3.2.2.3.13-a].
    pub shared_subscription_available: bool,
    /// Seconds of keep alive in force: the server's, where it has its own [MQTT-3.2.2-21].
    pub keep_alive: u16,
    /// Seconds that the session outlives the connection.
    pub session_expiry_interval: u32,
}

impl Limits {
    /// Before a CONNACK, and where it says nothing.
    pub const NONE: Self = Self {
        receive_maximum: u16::MAX,
        maximum_qos: Qos::ExactlyOnce,
        retain_available: true,
        maximum_packet_size: u32::MAX,
        topic_alias_maximum: 0,
        wildcard_subscription_available: true,
        subscription_identifier_available: true,
        shared_subscription_available: true,
        keep_alive: 0,
        session_expiry_interval: 0,
    };

    pub(crate) fn read(connack: &Connack<'_>, keep_alive: u16, session_expiry_interval: u32) -> Self {
        let number = |id, otherwise| connack.properties.number(id).unwrap_or(otherwise);
        let flag = |id| number(id, 1) != 0;
        Self {
            receive_maximum: number(PropertyId::ReceiveMaximum, u16::MAX.into()) as u16,
            maximum_qos: Qos::from_u8(number(PropertyId::MaximumQos, 2) as u8).unwrap_or_default(),
            retain_available: flag(PropertyId::RetainAvailable),
            maximum_packet_size: number(PropertyId::MaximumPacketSize, u32::MAX),
            topic_alias_maximum: number(PropertyId::TopicAliasMaximum, 0) as u16,
            wildcard_subscription_available: flag(PropertyId::WildcardSubscriptionAvailable),
            subscription_identifier_available: flag(PropertyId::SubscriptionIdentifierAvailable),
            shared_subscription_available: flag(PropertyId::SharedSubscriptionAvailable),
            keep_alive: number(PropertyId::ServerKeepAlive, keep_alive.into()) as u16,
            session_expiry_interval: number(PropertyId::SessionExpiryInterval, session_expiry_interval),
        }
    }
}
