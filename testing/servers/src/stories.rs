//! What is told of every server, and in which version.

mod lacking;
mod messages;
mod sessions;
mod v5;

use std::{future::Future, pin::Pin, time::Duration};

use dunlin::Version;

use crate::{capabilities::Feature, place::Place};

pub(crate) struct Story {
    pub(crate) name: &'static str,
    pub(crate) versions: &'static [Version],
    pub(crate) needs: &'static [Feature],
    /// It is told of servers that lack this, and of no others.
    pub(crate) without: Option<Feature>,
    pub(crate) tell: Tell,
}

type Tell = for<'a> fn(&'a mut Place, Version) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

const fn both(name: &'static str, needs: &'static [Feature], tell: Tell) -> Story {
    Story { name, versions: &[Version::V5, Version::V3_1_1], needs, without: None, tell }
}

const fn v5(name: &'static str, needs: &'static [Feature], tell: Tell) -> Story {
    Story { name, versions: &[Version::V5], needs, without: None, tell }
}

const fn without(name: &'static str, versions: &'static [Version], feature: Feature, tell: Tell) -> Story {
    Story { name, versions, needs: &[], without: Some(feature), tell }
}

/// Those that need most of the server come last.
#[rustfmt::skip]
pub(crate) const ALL: &[Story] = &[
    both("messages go both ways", &[], |place, version| Box::pin(messages::go_both_ways(place, version))),
    both("and exactly once", &[Feature::ExactlyOnce], |place, version| Box::pin(messages::exactly_once(place, version))),
    both("many arrive in order", &[], |place, version| Box::pin(messages::many_in_order(place, version))),
    both("a large one arrives whole", &[], |place, version| Box::pin(messages::a_large_one(place, version))),
    both("wildcards match", &[], |place, version| Box::pin(messages::wildcards(place, version))),
    both("a filter's parent level", &[], |place, version| Box::pin(messages::parent_level(place, version))),
    both("a retained message waits", &[], |place, version| Box::pin(messages::retained(place, version))),
    both("the will is published", &[], |place, version| Box::pin(messages::the_will(place, version))),
    both("unsubscribing ends it", &[], |place, version| Box::pin(messages::unsubscribed(place, version))),
    both("a session collects messages", &[], |place, version| Box::pin(sessions::messages_wait(place, version))),
    both("cuts lose and double nothing", &[Feature::Repetition], |place, version| Box::pin(sessions::a_storm(place, version))),
    both("a session is taken over", &[], |place, version| Box::pin(sessions::taken_over(place, version))),
    v5("the one taken over is told why", &[Feature::ReasonForTakeOver], |place, version| Box::pin(sessions::told_why(place, version))),
    v5("properties are kept", &[], |place, version| Box::pin(v5::properties(place, version))),
    v5("messages expire", &[Feature::MessageExpiry], |place, version| Box::pin(v5::expiry(place, version))),
    v5("overlapping subscriptions", &[], |place, version| Box::pin(v5::overlapping(place, version))),
    v5("topics by their aliases", &[Feature::ManyTopics], |place, version| Box::pin(v5::aliases(place, version))),
    v5("a shared subscription", &[Feature::SharedSubscriptions], |place, version| Box::pin(v5::shared(place, version))),
    v5("without one's own messages", &[Feature::NoLocal], |place, version| Box::pin(v5::no_local(place, version))),
    v5("retained as published", &[Feature::RetainAsPublished], |place, version| Box::pin(v5::retain_as_published(place, version))),
    v5("no retained messages wanted", &[Feature::RetainHandling], |place, version| Box::pin(v5::retain_handling(place, version))),
    without("no shared subscriptions: said at once", &[Version::V5], Feature::SharedSubscriptions, |place, version| Box::pin(lacking::shared(place, version))),
    without("no 5.0: said at once", &[Version::V5], Feature::V5, |place, version| Box::pin(lacking::v5(place, version))),
    without("no QoS 2: QoS 1 goes on", &[Version::V3_1_1], Feature::ExactlyOnce, |place, version| Box::pin(lacking::exactly_once(place, version))),
    without("no QoS 2: it does not go on for ever", &[Version::V3_1_1], Feature::ExactlyOnce, |place, version| Box::pin(lacking::exactly_once_kept(place, version))),
    both("clients outlive the server", &[], |place, version| Box::pin(sessions::the_server_is_killed(place, version))),
];

/// Longer than any of them takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);
