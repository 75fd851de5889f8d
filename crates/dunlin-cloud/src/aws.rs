//! AWS IoT Core: endpoints, user names, signed URLs, limits, and the topics of its own.

mod authorizer;
mod endpoint;
mod ingest;
mod jobs;
mod metrics;
mod provisioning;
mod shadow;
mod sigv4;
mod thing;

pub use authorizer::CustomAuthorizer;
pub use endpoint::{Access, Endpoint, EndpointError};
pub use ingest::BasicIngest;
pub use jobs::{JobExecution, JobTopic, Jobs};
pub use metrics::Metrics;
pub use provisioning::{Certificates, Exchange, PayloadFormat, Provisioning};
pub use shadow::{Shadow, ShadowAnswer, ShadowTopic, ShadowUpdate};
pub use sigv4::{Credentials, SigV4};
pub use thing::{Presence, ThingName};

use crate::rules::Place;

/// What the limits count of a topic, and what may be done there.
pub(crate) fn place(topic: &str) -> Place<'_> {
    match BasicIngest::split(topic) {
        Some((_, counted)) => Place::PublishOnly(counted),
        None if topic.starts_with("$aws/events/") => Place::SubscribeOnly(topic),
        None => Place::Counted(topic),
    }
}
