//! The ways to a server.

use std::time::Duration;

use dunlin::{ConnectOptions, TlsOptions};
use dunlin_testkit::Mosquitto;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Tcp,
    Tls,
    WebSocket,
    WebSocketTls,
    Unix,
}

/// A Mosquitto, and one way to it.
pub(crate) struct Place {
    pub(crate) mosquitto: Mosquitto,
    way: Way,
}

impl Place {
    pub(crate) fn of(way: Way) -> Self {
        let websockets = matches!(way, Way::WebSocket | Way::WebSocketTls);
        let mosquitto = Mosquitto::options().websockets(websockets).unix_socket(way == Way::Unix).start();
        Self { mosquitto: mosquitto.expect("this test needs Mosquitto"), way }
    }

    /// A client that goes this way, and comes back fast.
    pub(crate) fn options(&self) -> ConnectOptions {
        let mosquitto = &self.mosquitto;
        let url = match self.way {
            Way::Tcp => mosquitto.url(),
            Way::Tls => mosquitto.tls_url(),
            Way::WebSocket => mosquitto.websocket_url(),
            Way::WebSocketTls => mosquitto.websocket_tls_url(),
            Way::Unix => format!("mqtt+unix://{}", mosquitto.socket().display()),
        };
        let options = ConnectOptions::from_url(&url).unwrap();
        let options = options.reconnect(Duration::from_millis(1), Duration::from_millis(20));
        match self.way {
            Way::Tls | Way::WebSocketTls => {
                options.tls(TlsOptions::new().ca_file(mosquitto.certificates().authority_file()))
            }
            Way::Tcp | Way::WebSocket | Way::Unix => options,
        }
    }
}
