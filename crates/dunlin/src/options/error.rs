use core::fmt;
use std::convert::Infallible;

use dunlin_codec::{PropertyError, TextError};

use super::UrlError;
use crate::{RuleBroken, StoreSetupError, proxy::ProxyError, tls::TlsError, websocket::WebSocketError};

/// What is wrong with the options. The caller's doing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionsError {
    /// The URL cannot be read.
    Url(UrlError),
    /// There is no host to connect to.
    HostEmpty,
    /// There are further servers, and the URL is made anew for each try: one excludes the other.
    ServersTwice,
    /// A string cannot be sent.
    Text {
        /// Which one.
        field: &'static str,
        /// Why.
        error: TextError,
    },
    /// A property of CONNECT or of the will cannot be sent.
    Property(PropertyError),
    /// 3.1.1 has no properties, no authentication method, and no way to say what is wanted.
    NeedsV5,
    /// Receive Maximum, Maximum Packet Size and the send maximum must not be 0 [U5-3.1.2.11-a].
    Zero,
    /// The keep alive is longer than 65,535 s.
    KeepAliveTooLong,
    /// 3.1.1 has no password without a user name [MQTT-3.1.2-22].
    PasswordAlone,
    /// In 3.1.1 a session that outlives its connection needs a client identifier [MQTT-3.1.3-7], in 3.1 every one.
    ClientIdEmpty,
    /// This platform has no sockets in the file system.
    UnixSocket,
    /// The feature `quic` is off.
    QuicNotBuilt,
    /// QUIC goes over UDP: a proxy, WebSocket, a socket of the file system or a connector cannot be asked for with it.
    QuicAlone,
    /// The proxy's user name or password.
    Proxy(ProxyError),
    /// The files or settings of TLS.
    Tls(TlsError),
    /// The path or the headers of WebSocket.
    WebSocket(WebSocketError),
    /// A rule of the server, see [`ConnectOptions::rules`](crate::ConnectOptions::rules).
    Rule(RuleBroken),
    /// The store, or what is in it.
    Store(StoreSetupError),
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::ServersTwice => f.write_str("a list of servers and a URL that is made anew exclude each other"),
            Self::HostEmpty => f.write_str("no host to connect to"),
            Self::Text { field, error } => write!(f, "the {field} {error}"),
            Self::Property(error) => write!(f, "a property of CONNECT or the will cannot be sent: {error}"),
            Self::NeedsV5 => f.write_str("MQTT 3.1.1 has no properties and no authentication method: use 5.0"),
            Self::Zero => f.write_str("receive maximum, maximum packet size and send maximum must not be 0"),
            Self::KeepAliveTooLong => f.write_str("the keep alive is longer than 65,535 seconds"),
            Self::PasswordAlone => f.write_str("MQTT 3.1.1 has no password without a user name"),
            Self::ClientIdEmpty => {
                f.write_str("MQTT 3.1.1 needs a client identifier for a session that is kept, and 3.1 always")
            }
            Self::UnixSocket => f.write_str("this platform has no unix sockets: connect to a host"),
            Self::QuicNotBuilt => f.write_str("this build has no QUIC: the feature `quic` of dunlin is off"),
            Self::QuicAlone => {
                f.write_str("QUIC goes over UDP: neither proxy nor WebSocket, socket or connector can be had with it")
            }
            Self::Proxy(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::WebSocket(error) => error.fmt(f),
            Self::Rule(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for OptionsError {}

impl From<UrlError> for OptionsError {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}

impl From<Infallible> for OptionsError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
