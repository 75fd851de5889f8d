use core::fmt;

use dunlin_codec::{DecodeError, ReasonCode};
use dunlin_session::ConnectError;

/// Why a connection ended, or was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The application asked for it.
    Closed,
    /// The caller: no CONNECT can be made of the options. There is no next try before
    /// [`Client::connect`](crate::Client::connect).
    Options(ConnectError),
    /// The network: the link could not be opened, failed, or was closed without a word.
    Link,
    /// The network or the server: no CONNACK came in time.
    ConnackMissing,
    /// The network or the server: nothing came from it after it was asked something.
    Silent,
    /// The server refused the connection.
    Refused(ReasonCode),
    /// The server ended the connection and said why (5.0).
    Server(ReasonCode),
    /// The server broke the protocol.
    Fault(DecodeError),
}

impl Cause {
    /// Whether another try soon would end the same way.
    pub(crate) fn is_lasting(self) -> bool {
        let (Self::Refused(reason) | Self::Server(reason)) = self else { return false };
        !matches!(
            reason,
            ReasonCode::SERVER_UNAVAILABLE
                | ReasonCode::SERVER_BUSY
                | ReasonCode::SERVER_SHUTTING_DOWN
                | ReasonCode::KEEP_ALIVE_TIMEOUT
                | ReasonCode::MAXIMUM_CONNECT_TIME
                | ReasonCode::ADMINISTRATIVE_ACTION
                | ReasonCode::UNSPECIFIED_ERROR
                | ReasonCode::SUCCESS
        )
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection was closed, as asked"),
            Self::Options(error) => write!(f, "these options make no CONNECT: {error}"),
            Self::Link => f.write_str("the link could not be opened, or broke: look at the network"),
            Self::ConnackMissing => f.write_str("the server did not answer the CONNECT: is it one for MQTT?"),
            Self::Silent => f.write_str("the server went silent: the link is taken for dead"),
            Self::Refused(reason) => write!(f, "the server refused the connection: {}", reason.name()),
            Self::Server(reason) => write!(f, "the server ended the connection: {}", reason.name()),
            Self::Fault(error) => write!(f, "the server broke the protocol: {error}"),
        }
    }
}

impl core::error::Error for Cause {}
