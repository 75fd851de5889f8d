use core::fmt::{self, Display};

use crate::percent::Percent;

/// What a user name may tell the service about the client's software: `user?SDK=...&Version=...`. The service counts
/// them and does nothing else with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metrics<'a> {
    /// The user name before it; may be empty.
    pub user: &'a str,
    /// The name of the software.
    pub sdk: &'a str,
    /// Its version.
    pub version: &'a str,
    /// What it runs on.
    pub platform: &'a str,
}

impl Display for Metrics<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, sdk, version, platform } = self;
        let (sdk, version, platform) = (Percent(sdk), Percent(version), Percent(platform));
        write!(f, "{user}?SDK={sdk}&Version={version}&Platform={platform}&MQTTLib=dunlin@{}", env!("CARGO_PKG_VERSION"))
    }
}
