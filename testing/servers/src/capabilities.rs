//! What a server may lack, and which server lacks what.

use std::fmt;

use dunlin::Version;
use dunlin_testkit::ServerKind;

/// What a story needs of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    V5,
    ExactlyOnce,
    Repetition,
    ManyTopics,
    SharedSubscriptions,
    NoLocal,
    RetainAsPublished,
    RetainHandling,
    MessageExpiry,
    ReasonForTakeOver,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V5 => "MQTT 5.0",
            Self::ExactlyOnce => "QoS 2",
            Self::ManyTopics => "many topics in one filter",
            Self::Repetition => "answers to what is sent again",
            Self::SharedSubscriptions => "shared subscriptions",
            Self::NoLocal => "No Local",
            Self::RetainAsPublished => "Retain As Published",
            Self::RetainHandling => "Retain Handling",
            Self::MessageExpiry => "message expiry",
            Self::ReasonForTakeOver => "a reason when a session is taken over",
        })
    }
}

/// The first of these features that the server does not have, and what it does instead; the version comes first.
pub(crate) fn missing(kind: ServerKind, version: Version, needs: &[Feature]) -> Option<(Feature, &'static str)> {
    let lacks = |feature: &Feature| {
        let row = LACKS.iter().find(|(who, what, _)| *who == kind && what == feature)?;
        Some((row.1, row.2))
    };
    let version = version.is_v5().then_some(&Feature::V5);
    version.into_iter().chain(needs).find_map(lacks)
}

/// Whether it is this that the server lacks, and not already the version.
pub(crate) fn is_missing(kind: ServerKind, version: Version, feature: Feature) -> bool {
    missing(kind, version, &[feature]).is_some_and(|(first, _)| first == feature)
}

/// Everything that is not here is there.
#[rustfmt::skip]
const LACKS: &[(ServerKind, Feature, &str)] = &[
    (ServerKind::Ejabberd, Feature::SharedSubscriptions, "it says so, and they are refused at the call"),
    (ServerKind::Ejabberd, Feature::MessageExpiry, "what has expired is delivered all the same"),
    (ServerKind::Mosquitto, Feature::ReasonForTakeOver, "2.0 often closes before it is written"),
    (ServerKind::Nats, Feature::V5, "it answers with the return code 0x01 of 3.1.1"),
    (ServerKind::Nats, Feature::ExactlyOnce, "it closes the connection that a QoS 2 message comes on"),
    (ServerKind::Rumqttd, Feature::Repetition, "after a cut it does not answer, and lets others in no more"),
    (ServerKind::Rumqttd, Feature::ManyTopics, "some of the messages never come"),
    (ServerKind::Rumqttd, Feature::NoLocal, "the option is ignored"),
    (ServerKind::Rumqttd, Feature::RetainAsPublished, "the option is ignored"),
    (ServerKind::Rumqttd, Feature::RetainHandling, "the option is ignored"),
    (ServerKind::Rumqttd, Feature::ReasonForTakeOver, "it closes the connection without a word"),
];
