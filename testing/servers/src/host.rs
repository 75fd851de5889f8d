//! The server that is told of.

use std::{
    error::Error,
    net::{Ipv4Addr, SocketAddr},
};

use dunlin::Version;
use dunlin_testkit::{Mosquitto, RealServer, ServerKind};

use crate::way::Way;

/// One of any author as it comes, or a Mosquitto that also listens in other ways.
pub(crate) enum Host {
    Any(RealServer),
    Mosquitto(Box<Mosquitto>),
}

impl Host {
    pub(crate) fn start(kind: ServerKind, way: Way) -> Result<Self, Box<dyn Error>> {
        if way == Way::Tcp {
            return Ok(Self::Any(RealServer::start(kind)?));
        }
        let options = Mosquitto::options().max_queued_messages(0);
        let options = options.websockets(way.speaks_websocket()).unix_socket(way == Way::Unix);
        Ok(Self::Mosquitto(Box::new(options.start()?)))
    }

    pub(crate) fn kind(&self) -> ServerKind {
        match self {
            Self::Any(server) => server.kind(),
            Self::Mosquitto(_) => ServerKind::Mosquitto,
        }
    }

    /// Where it listens for this way; for those that it does not know, where they end.
    pub(crate) fn address(&self, way: Way, version: Version) -> SocketAddr {
        let mosquitto = match self {
            Self::Any(server) => return server.address(version),
            Self::Mosquitto(mosquitto) => mosquitto,
        };
        let port = match way {
            Way::Tls => mosquitto.tls_port(),
            Way::WebSocket => mosquitto.websocket_port(),
            Way::WebSocketTls | Way::AllThroughSocksProxy => mosquitto.websocket_tls_port(),
            Way::Tcp | Way::Unix | Way::HttpProxy | Way::SocksProxy | Way::Quic => mosquitto.port(),
        };
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(&mut self) {
        match self {
            Self::Any(server) => server.kill(),
            Self::Mosquitto(mosquitto) => mosquitto.kill().expect("it can be killed"),
        }
    }

    /// Starts it again at the same addresses.
    pub(crate) fn start_again(&mut self) {
        match self {
            Self::Any(server) => server.start_again().expect("it starts again"),
            Self::Mosquitto(mosquitto) => mosquitto.start_again().expect("it starts again"),
        }
    }
}
