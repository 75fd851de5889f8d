use core::future::Future;
use std::{io, path::PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{ConnectOptions, TcpOptions};
use crate::{connector::CustomConnector, tls::TlsOptions, websocket::WebSocketOptions};

/// Where the server is, and how the bytes get there.
impl ConnectOptions {
    /// The port. Without it the one that is usual for what is spoken: 1883, with TLS 8883, over WebSocket 80, over
    /// WebSocket with TLS 443.
    pub fn port(mut self, port: u16) -> Self {
        self.edit().server.set_port(port);
        self
    }

    /// Speak TLS, with these options.
    pub fn tls(mut self, options: TlsOptions) -> Self {
        self.edit().tls = options;
        self.edit().server.secure = true;
        self
    }

    /// These options for TLS where it is spoken: where a URL says so that these options are made from, that stands beside
    /// them ([`or_url`](Self::or_url)) or that comes later ([`url_from`](Self::url_from)).
    pub fn tls_options(mut self, options: TlsOptions) -> Self {
        self.edit().tls = options;
        self
    }

    /// Speak WebSocket, with these options; over TLS, if that is asked for too.
    pub fn websocket(mut self, options: WebSocketOptions) -> Self {
        self.edit().server.websocket = Some(options);
        self
    }

    /// Connect to this socket of the file system (a unix domain socket), instead of host and port, which are then neither
    /// looked up nor connected to. TLS and WebSocket are spoken over it if that is asked for; the host is still the name
    /// that TLS checks, and the `Host` of WebSocket.
    ///
    /// Only where the operating system has them, which here means unix; elsewhere it is refused when the client is made,
    /// as [`OptionsError::UnixSocket`](crate::OptionsError::UnixSocket). Linux allows paths of at most 107 bytes.
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.edit().server.unix = Some(path.into());
        self
    }

    /// Speak MQTT over QUIC, with these options for the TLS 1.3 that is inside it (feature `quic`). Where they name no
    /// application protocol it is `mqtt`.
    ///
    /// One stream carries it all. QUIC goes over UDP: the environment's proxy is not used, and whatever else would have
    /// to carry it is refused when the client is made, as [`OptionsError::QuicAlone`](crate::OptionsError::QuicAlone).
    pub fn quic(mut self, options: TlsOptions) -> Self {
        self.edit().server.quic = true;
        self.tls(options)
    }

    /// How TCP connections are made: from which address, and with which options of the system.
    pub fn tcp(mut self, options: TcpOptions) -> Self {
        self.edit().tcp = options;
        self
    }

    /// Open connections in a way of your own: a tunnel, a serial line, a pipe to a server in the same process.
    ///
    /// `connect` is called for every try, the first and each reconnect. It gives the stream itself, over which TLS and
    /// WebSocket are spoken if these options ask for them, or says why there is none; that is told as
    /// [`ConnectionError::Network`](crate::ConnectionError::Network), and tried again like any other. It may take as
    /// long as the connect timeout, and is dropped when that is over or the client is closed; it should not block.
    ///
    /// Host and port are then neither looked up nor connected to. They are still the name that TLS checks, the `Host` of
    /// WebSocket, and what errors call the server. Nothing else on the way needs a socket or real time: over such a
    /// stream a client runs on tokio's paused clock.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), dunlin::ConnectionError> {
    /// use dunlin::{Client, ConnectOptions};
    /// use tokio::net::TcpStream;
    ///
    /// let options = ConnectOptions::new("broker.example").connector(|| TcpStream::connect("10.0.0.7:1883"));
    /// let client = Client::connect(options).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connector<C, F, S>(mut self, connect: C) -> Self
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        self.edit().connector = Some(CustomConnector::new(connect));
        self
    }

    /// The server for people to read, as a URL without user name, password and query: `mqtts://broker.example:8883`,
    /// `mqtt+unix:///run/mosquitto.sock`.
    pub fn server_url(&self) -> String {
        self.settings.server.url()
    }
}
