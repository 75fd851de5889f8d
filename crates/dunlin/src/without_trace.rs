//! What stands for `tracing` in a build without the feature `tracing`: nothing.

use std::time::Duration;

use crate::{Connected, ConnectionError, inspect::Inspected};

pub(crate) struct Connecting;

impl Connecting {
    pub(crate) fn new(_: &str) -> Self {
        Self
    }

    pub(crate) fn within<T>(&self, act: impl FnOnce() -> T) -> T {
        act()
    }
}

pub(crate) fn wants_packets() -> bool {
    false
}

pub(crate) fn packet(_: &Inspected<'_>) {}

pub(crate) fn connecting(_: &str) {}

pub(crate) fn connected(_: &Connected) {}

pub(crate) fn ended(_: &ConnectionError, _: bool, _: Option<Duration>) {}
