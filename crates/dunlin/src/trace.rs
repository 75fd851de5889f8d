//! What is written to `tracing`: each connection is a span; how it begins and ends are events within it, and so is, at the
//! level of traces, every packet. All of it is written outside the engine's lock, and none of it holds a secret.

use std::time::Duration;

use tracing::{Level, Span, debug, debug_span, enabled, info, trace, warn};

use crate::{Connected, ConnectionError, inspect::Inspected};

/// A try to connect, and what comes of it.
pub(crate) struct Connecting(Span);

impl Connecting {
    pub(crate) fn new(client_id: &str) -> Self {
        Self(debug_span!(target: "dunlin", "connection", client_id))
    }

    /// Does something in it.
    pub(crate) fn within<T>(&self, act: impl FnOnce() -> T) -> T {
        self.0.in_scope(act)
    }
}

/// Whether anybody wants to see packets. Asked once for each connection.
pub(crate) fn wants_packets() -> bool {
    enabled!(target: "dunlin::packet", Level::TRACE)
}

pub(crate) fn packet(inspected: &Inspected<'_>) {
    trace!(target: "dunlin::packet", "{inspected}");
}

pub(crate) fn connecting(server: &str) {
    debug!(target: "dunlin", server, "connecting");
}

pub(crate) fn connected(connected: &Connected) {
    let Connected { server, session_present, client_id, .. } = connected;
    info!(target: "dunlin", %server, session_present, %client_id, "connected");
}

pub(crate) fn ended(error: &ConnectionError, was_connected: bool, retry_in: Option<Duration>) {
    match error {
        ConnectionError::Closed => debug!(target: "dunlin", was_connected, "closed"),
        ConnectionError::Renewal => info!(target: "dunlin", "{error}"),
        error => {
            let hint = error.hint().unwrap_or_default();
            warn!(target: "dunlin", was_connected, ?retry_in, hint, "{error}");
        }
    }
}
