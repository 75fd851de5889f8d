//! The ways to a server.

use std::fmt;

use dunlin_testkit::{ProxyServer, ProxyServerError};

/// What is below MQTT. Over all but TCP it is Mosquitto that is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Tcp,
    Tls,
    WebSocket,
    WebSocketTls,
    /// A socket of the file system.
    Unix,
    HttpProxy,
    SocksProxy,
    /// With WebSocket and TLS inside.
    AllThroughSocksProxy,
    /// Ended in front of Mosquitto, which has none.
    Quic,
}

impl Way {
    pub(crate) const ALL: [Self; 9] = [
        Self::Tcp,
        Self::Tls,
        Self::WebSocket,
        Self::WebSocketTls,
        Self::Unix,
        Self::HttpProxy,
        Self::SocksProxy,
        Self::AllThroughSocksProxy,
        Self::Quic,
    ];

    pub(crate) fn speaks_websocket(self) -> bool {
        matches!(self, Self::WebSocket | Self::WebSocketTls | Self::AllThroughSocksProxy)
    }

    pub(crate) fn speaks_tls(self) -> bool {
        matches!(self, Self::Tls | Self::WebSocketTls | Self::AllThroughSocksProxy | Self::Quic)
    }

    /// As a URL begins that says so.
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::Tcp | Self::HttpProxy | Self::SocksProxy => "mqtt",
            Self::Tls => "mqtts",
            Self::WebSocket => "ws",
            Self::WebSocketTls | Self::AllThroughSocksProxy => "wss",
            Self::Unix => "mqtt+unix",
            Self::Quic => "mqtt-quic",
        }
    }

    /// The proxy that it goes through, which wants a password.
    pub(crate) fn proxy(self) -> Result<Option<ProxyServer>, ProxyServerError> {
        let credentials = Some(("anna", "secret"));
        match self {
            Self::HttpProxy => ProxyServer::http(credentials).map(Some),
            Self::SocksProxy | Self::AllThroughSocksProxy => ProxyServer::socks5(credentials).map(Some),
            _ => Ok(None),
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::WebSocket => "WebSocket",
            Self::WebSocketTls => "WebSocket and TLS",
            Self::Unix => "a unix socket",
            Self::HttpProxy => "an HTTP proxy",
            Self::SocksProxy => "a SOCKS proxy",
            Self::AllThroughSocksProxy => "WebSocket and TLS through a SOCKS proxy",
            Self::Quic => "QUIC",
        })
    }
}
