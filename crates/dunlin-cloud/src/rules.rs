mod check;
mod table;

pub(crate) use check::{Place, is_like};

use core::{fmt, ops::RangeInclusive};

use dunlin_codec::Qos;

/// A service whose rules are known.
///
/// Each has limits that MQTT does not have, and most punish whoever breaks them by closing the connection, or by never
/// answering. What is checked here is refused before it is sent. The numbers are those of the services' own documents;
/// a server that says otherwise in its CONNACK is to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// AWS IoT Core.
    AwsIotCore,
    /// Azure IoT Hub.
    AzureIotHub,
    /// Azure's Device Provisioning Service.
    AzureProvisioning,
    /// The MQTT broker of Azure Event Grid namespaces.
    AzureEventGrid,
    /// The broker of Azure IoT Operations.
    AzureIotOperations,
    /// What speaks as Google Cloud IoT Core did: ClearBlade IoT Core.
    GoogleIotCore,
    /// ThingsBoard.
    ThingsBoard,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AwsIotCore => "AWS IoT Core",
            Self::AzureIotHub => "Azure IoT Hub",
            Self::AzureProvisioning => "the Device Provisioning Service",
            Self::AzureEventGrid => "Azure Event Grid",
            Self::AzureIotOperations => "Azure IoT Operations",
            Self::GoogleIotCore => "Google's IoT Core protocol",
            Self::ThingsBoard => "ThingsBoard",
        })
    }
}

/// What a service allows. `None`, or the largest number there is: nothing is known that would be stricter than MQTT.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceLimits {
    /// The highest QoS of a PUBLISH.
    pub maximum_qos: Qos,
    /// Bytes of a payload.
    pub payload: Option<usize>,
    /// Bytes of a topic name or filter, without what the service does not count.
    pub topic: Option<usize>,
    /// Slashes in a topic name or filter, without what the service does not count.
    pub slashes: Option<usize>,
    /// Bytes of a client identifier.
    pub client_id: Option<usize>,
    /// Filters in one SUBSCRIBE.
    pub filters_per_subscribe: Option<usize>,
    /// Subscriptions of one connection.
    pub subscriptions: Option<usize>,
    /// Seconds of keep alive.
    pub keep_alive: RangeInclusive<u16>,
    /// Whether messages may be retained.
    pub retain: bool,
    /// Whether subscriptions may be shared.
    pub shared_subscriptions: bool,
    /// Whether subscriptions may have identifiers (5.0).
    pub subscription_identifiers: bool,
    /// Whether MQTT 5.0 is spoken.
    pub v5: bool,
    /// Seconds that a session may outlive its connection.
    pub session_expiry: Option<u32>,
    /// Seconds that a will may be delayed.
    pub will_delay: Option<u32>,
    /// Whether a will is taken.
    pub will: bool,
    /// Messages of QoS 1 that may wait for their acknowledgement, each way.
    pub unacknowledged: Option<u16>,
    /// Messages a second that one connection may publish.
    pub publishes_per_second: Option<u32>,
    /// Bytes a second that one connection may publish, topics and payloads.
    pub bytes_per_second: Option<u32>,
    /// Topics that may be named by aliases, to the server.
    pub topic_aliases: Option<u16>,
}

/// What a service does not take, and by which of its rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Refusal {
    /// Whose rule it is.
    pub service: Service,
    /// The rule.
    pub rule: Rule,
}

/// A rule of a service, with what broke it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// A message has a higher QoS than the service knows.
    Qos {
        /// The message's.
        qos: Qos,
        /// The highest.
        most: Qos,
    },
    /// The payload is too large.
    Payload {
        /// Its bytes.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// The topic or filter is too long.
    Topic {
        /// Its bytes, as the service counts.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// The topic or filter has too many levels.
    Slashes {
        /// Its slashes, as the service counts.
        slashes: usize,
        /// How many it may have.
        most: usize,
    },
    /// The client identifier is too long.
    ClientId {
        /// Its bytes.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// One SUBSCRIBE has too many filters.
    Filters {
        /// Its filters.
        filters: usize,
        /// How many it may have.
        most: usize,
    },
    /// The connection has too many subscriptions.
    Subscriptions {
        /// Its subscriptions, with those that are asked for.
        subscriptions: usize,
        /// How many it may have.
        most: usize,
    },
    /// The keep alive is too short or too long.
    KeepAlive {
        /// Its seconds; 0: none.
        seconds: u16,
        /// The fewest.
        from: u16,
        /// The most.
        to: u16,
    },
    /// The session is to outlive its connection for too long.
    SessionExpiry {
        /// Seconds.
        seconds: u32,
        /// The most.
        most: u32,
    },
    /// The will is to be delayed for too long.
    WillDelay {
        /// Seconds.
        seconds: u32,
        /// The most.
        most: u32,
    },
    /// A token is to hold for too long.
    TokenLifetime {
        /// Seconds.
        seconds: u64,
        /// The most.
        most: u64,
    },
    /// Retained messages are not kept.
    Retain,
    /// Retained messages are not taken on topics that begin with `$`.
    RetainOnReserved,
    /// There are no shared subscriptions.
    SharedSubscription,
    /// Only the topics of its documents exist.
    TopicUnknown,
    /// One can publish there, and not subscribe.
    PublishOnly,
    /// One can subscribe there, and not publish.
    SubscribeOnly,
    /// MQTT 5.0 is not spoken.
    Version,
    /// A session cannot outlive its connection.
    SessionKept,
    /// A will is not taken.
    Will,
    /// User properties are not taken in this packet.
    UserProperty,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, rule } = self;
        match rule {
            Rule::Qos { qos, most } => {
                write!(f, "{service} does not take QoS {}: use at most QoS {}", *qos as u8, *most as u8)
            }
            Rule::Payload { bytes, most } => {
                write!(f, "the payload has {bytes} bytes; {service} takes {most}: send it in parts, or a link to it")
            }
            Rule::Topic { bytes, most } => write!(f, "the topic has {bytes} bytes; {service} takes {most}"),
            Rule::Slashes { slashes, most } => write!(f, "the topic has {slashes} slashes; {service} takes {most}"),
            Rule::ClientId { bytes, most } => {
                write!(f, "the client identifier has {bytes} bytes; {service} takes {most}")
            }
            Rule::Filters { filters, most } => {
                write!(f, "one SUBSCRIBE has {filters} filters; {service} takes {most}: send several")
            }
            Rule::Subscriptions { subscriptions, most } => write!(
                f,
                "the connection would have {subscriptions} subscriptions; {service} allows {most}: use wildcards"
            ),
            Rule::KeepAlive { seconds, from, to } => {
                write!(f, "the keep alive is {seconds} s; {service} takes {from} to {to} s")
            }
            Rule::SessionExpiry { seconds, most } => {
                write!(f, "the session is to be kept for {seconds} s; {service} keeps it for {most} s")
            }
            Rule::WillDelay { seconds, most } => {
                write!(f, "the will is to be delayed by {seconds} s; {service} takes {most} s")
            }
            Rule::TokenLifetime { seconds, most } => {
                write!(f, "the token is to hold for {seconds} s; {service} takes {most} s")
            }
            Rule::Retain => write!(f, "{service} keeps no retained messages"),
            Rule::RetainOnReserved => write!(f, "{service} takes no retained message on a topic that begins with '$'"),
            Rule::SharedSubscription => write!(f, "{service} has no shared subscriptions"),
            Rule::TopicUnknown => {
                write!(f, "{service} knows no such topic, and closes the connection for it: use one of its documents")
            }
            Rule::PublishOnly => write!(f, "of this topic of {service} nothing can be received: publish to it"),
            Rule::SubscribeOnly => write!(f, "only {service} itself publishes to this topic: subscribe to it"),
            Rule::Version => write!(f, "{service} does not speak MQTT 5.0: use 3.1.1"),
            Rule::SessionKept => write!(f, "{service} keeps no session: use a session expiry of 0"),
            Rule::Will => write!(f, "{service} takes no will"),
            Rule::UserProperty => {
                write!(f, "{service} refuses this packet if it has user properties: leave them out")
            }
        }
    }
}

impl core::error::Error for Refusal {}
