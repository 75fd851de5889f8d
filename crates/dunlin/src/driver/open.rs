mod addresses;
mod socket;
mod unix;

use std::pin::Pin;

use tokio::{net::TcpStream, time::Instant};

pub(super) use crate::connector::Stream;

use crate::{
    ConnectOptions, ConnectionError, NetworkError,
    options::Server,
    proxy::{self, Proxy, ProxyError},
    quic,
    tls::{Connector, TlsError, TlsOptions},
    websocket,
};

/// Opens the way to the server, from below: the application's own connection, a socket of this machine, or TCP, perhaps
/// through a proxy; then TLS and WebSocket where the options ask for them. Addresses that have not answered by `until` count as failed; for all
/// else the caller owns the clock.
pub(super) async fn open(
    options: &ConnectOptions,
    tls: &Secure,
    until: Instant,
) -> Result<Pin<Box<dyn Stream>>, ConnectionError> {
    let server = &options.settings().server;
    if let Some(quic) = tls.quic.as_ref().filter(|_| server.quic) {
        return over_quic(options, quic, until).await;
    }
    let stream = lowest(options, until).await?;
    let stream: Pin<Box<dyn Stream>> = match tls.tcp.as_ref().filter(|_| server.secure) {
        Some(tls) => Box::pin(tls.connect(stream, &server.host).await.map_err(of_tls)?),
        None => stream,
    };
    match &server.websocket {
        Some(websocket) => {
            let stream = websocket::connect(stream, websocket, &server.http_host()).await;
            Ok(Box::pin(stream.map_err(|error| ConnectionError::of_stream(&error))?))
        }
        None => Ok(stream),
    }
}

/// What speaks TLS, made ready when it is first needed.
#[derive(Default)]
pub(super) struct Secure {
    tcp: Option<Box<Connector>>,
    quic: Option<quic::Connector>,
}

impl Secure {
    /// Reads the files of the options, unless that was done.
    pub(super) fn make_ready(&mut self, server: &Server, options: &TlsOptions) -> Result<(), TlsError> {
        if server.quic && self.quic.is_none() {
            self.quic = quic::Connector::ready(options)?;
        }
        if server.secure && !server.quic && self.tcp.is_none() {
            self.tcp = Some(Box::new(Connector::new(options)?));
        }
        Ok(())
    }
}

async fn over_quic(
    options: &ConnectOptions,
    quic: &quic::Connector,
    until: Instant,
) -> Result<Pin<Box<dyn Stream>>, ConnectionError> {
    let (server, local) = (&options.settings().server, options.settings().tcp.bind);
    let found = addresses::find(&server.host, server.port(), local).await.map_err(ConnectionError::Network)?;
    let connect = |address| quic.clone().connect(server.host.clone(), address, local);
    let answered = addresses::race(found, until, connect).await.map_err(ConnectionError::Network)?;
    Ok(Box::pin(answered.map_err(of_tls)?))
}

async fn lowest(options: &ConnectOptions, until: Instant) -> Result<Pin<Box<dyn Stream>>, ConnectionError> {
    if let Some(custom) = &options.settings().connector {
        return custom.open().await.map_err(|error| ConnectionError::of_stream(&error));
    }
    let server = &options.settings().server;
    if let Some(path) = &server.unix {
        return unix::connect(path).await.map_err(ConnectionError::Network);
    }
    let tcp = match proxy::choose(&options.settings().proxy, server).map_err(ConnectionError::Proxy)? {
        Some(proxy) => through(&proxy, options, until).await.map_err(ConnectionError::Proxy)?,
        None => {
            let connecting = addresses::connect(&server.host, server.port(), options.settings().tcp, until);
            connecting.await.map_err(ConnectionError::Network)?
        }
    };
    Ok(Box::pin(tcp))
}

async fn through(proxy: &Proxy, options: &ConnectOptions, until: Instant) -> Result<TcpStream, ProxyError> {
    let (host, port) = proxy.address();
    let connected = addresses::connect(host, port, options.settings().tcp, until).await;
    let stream = connected.map_err(|error| proxy.unreachable(error))?;
    proxy.tunnel(stream, &options.settings().server, until).await
}

fn of_tls(error: TlsError) -> ConnectionError {
    match error.network() {
        Some(kind) => ConnectionError::Network(NetworkError::of_stream(&kind.into())),
        None => ConnectionError::Tls(error),
    }
}
