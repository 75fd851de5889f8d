use super::{Exchange, PayloadFormat};
use crate::{NameError, Topic, name::check_name};

/// The name of a thing: 1 to 128 letters, digits, `:`, `_` and `-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ThingName<'a>(&'a str);

impl<'a> ThingName<'a> {
    /// Checks it.
    ///
    /// # Errors
    /// See [`NameError`].
    pub fn new(name: &'a str) -> Result<Self, NameError> {
        check_name(name, 128, ":_-").map(|()| Self(name))
    }

    /// Its text.
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Where a device tells Device Defender how it is.
    pub fn defender(self, format: PayloadFormat, what: Exchange) -> Topic<'a> {
        Topic::of_texts([PREFIX, self.0, "/defender/metrics/", format.name(), what.suffix()])
    }

    /// Where a device is told that somebody opened a tunnel to it.
    pub fn tunnels(self) -> Topic<'a> {
        Topic::of_texts([PREFIX, self.0, "/tunnels/notify"])
    }
}

pub(super) const PREFIX: &str = "$aws/things/";

/// What the service publishes when a client comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It connected.
    Connected,
    /// Its connection ended.
    Disconnected,
}

impl Presence {
    /// The topic of one client; `+`: of all of them.
    pub fn topic(self, client_id: &str) -> Topic<'_> {
        let what = match self {
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
        };
        Topic::of_texts(["$aws/events/presence/", what, "/", client_id])
    }
}
