//! What stands for WebSocket in a build without the feature `websocket`.

use core::{fmt, pin::Pin};
use std::io;

use crate::connector::Stream;

/// Nothing can be said about WebSocket in a build without the feature `websocket`.
#[derive(Debug, Clone, Default)]
pub struct WebSocketOptions {}

impl WebSocketOptions {
    pub(crate) fn of_url(_: &str) -> Self {
        Self {}
    }

    pub(crate) fn path_of(self, _: &Self) -> Self {
        self
    }

    pub(crate) fn path_alone(&self) -> &'static str {
        ""
    }

    pub(crate) fn check(&self, _: &str) -> Result<(), WebSocketError> {
        Err(WebSocketError::NotBuilt)
    }
}

/// Why WebSocket failed: this build has none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebSocketError {
    /// The feature `websocket` is off.
    NotBuilt,
}

impl WebSocketError {
    pub(crate) fn from_io(_: &io::Error) -> Option<Self> {
        None
    }

    pub(crate) const fn is_lasting(&self) -> bool {
        true
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        "build dunlin with its feature `websocket`, or connect to mqtt:// or mqtts://"
    }
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this build has no WebSocket: the feature `websocket` of dunlin is off")
    }
}

impl core::error::Error for WebSocketError {}

/// Never called: the options are refused before.
pub(crate) async fn connect(
    _: Pin<Box<dyn Stream>>,
    _: &WebSocketOptions,
    _: &str,
) -> io::Result<Pin<Box<dyn Stream>>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use crate::{Client, ConnectOptions};

    #[test]
    fn a_url_for_websocket_is_refused_with_the_name_of_the_feature() {
        let options = ConnectOptions::from_url("ws://broker.example").unwrap();
        let error = Client::with_driver(options).map(drop).unwrap_err();
        assert!(error.to_string().contains("feature `websocket`"), "{error}");
    }
}
