//! The ways to a server.

use std::time::Duration;

use dunlin::{ConnectOptions, Proxy, TlsOptions};
use dunlin_testkit::{Mosquitto, ProxyServer, QuicFront};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Tcp,
    Tls,
    WebSocket,
    WebSocketTls,
    Unix,
    HttpProxy,
    SocksProxy,
    /// With TLS and WebSocket inside.
    AllThroughSocksProxy,
    /// Ended in front of Mosquitto.
    Quic,
}

/// A Mosquitto, and one way to it.
pub(crate) struct Place {
    pub(crate) mosquitto: Mosquitto,
    way: Way,
    proxy: Option<ProxyServer>,
    quic: Option<QuicFront>,
}

impl Place {
    pub(crate) fn of(way: Way) -> Self {
        let websockets = matches!(way, Way::WebSocket | Way::WebSocketTls | Way::AllThroughSocksProxy);
        let mosquitto = Mosquitto::options().websockets(websockets).unix_socket(way == Way::Unix).start();
        let credentials = Some(("anna", "secret"));
        let proxy = match way {
            Way::HttpProxy => Some(ProxyServer::http(credentials).expect("this test needs tinyproxy")),
            Way::SocksProxy | Way::AllThroughSocksProxy => {
                Some(ProxyServer::socks5(credentials).expect("this test needs microsocks"))
            }
            _ => None,
        };
        let mosquitto = mosquitto.expect("this test needs Mosquitto");
        let quic = (way == Way::Quic).then(|| {
            let identity = mosquitto.certificates().authority().server(&["localhost", "127.0.0.1"]).unwrap();
            QuicFront::start(mosquitto.address(), &identity, None).unwrap()
        });
        Self { mosquitto, way, proxy, quic }
    }

    /// A client that goes this way, and comes back fast.
    pub(crate) fn options(&self) -> ConnectOptions {
        let mosquitto = &self.mosquitto;
        let url = match self.way {
            Way::Tcp | Way::HttpProxy | Way::SocksProxy => mosquitto.url(),
            Way::Tls => mosquitto.tls_url(),
            Way::WebSocket => mosquitto.websocket_url(),
            Way::WebSocketTls | Way::AllThroughSocksProxy => mosquitto.websocket_tls_url(),
            Way::Quic => {
                let port = self.quic.as_ref().expect("it was started").port();
                format!("mqtt-quic://127.0.0.1:{port}")
            }
            Way::Unix => format!("mqtt+unix://{}", mosquitto.socket().display()),
        };
        let options = ConnectOptions::from_url(&url).unwrap();
        let options = options.reconnect(Duration::from_millis(1), Duration::from_millis(20));
        let options = match &self.proxy {
            Some(proxy) => options.proxy(Proxy::from_url(&proxy.url()).unwrap()),
            None => options,
        };
        match self.way {
            Way::Tls | Way::WebSocketTls | Way::AllThroughSocksProxy | Way::Quic => {
                options.tls_options(TlsOptions::new().ca_file(mosquitto.certificates().authority_file()))
            }
            _ => options,
        }
    }
}
