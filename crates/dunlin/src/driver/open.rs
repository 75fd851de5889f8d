mod addresses;
mod socket;
mod unix;

use std::pin::Pin;

use tokio::time::Instant;

pub(super) use crate::connector::Stream;

use crate::{
    ConnectOptions, ConnectionError, NetworkError,
    tls::{Connector, TlsError},
    websocket,
};

/// Opens the way to the server, from below: the application's own connection, a socket of this machine or TCP, then TLS
/// and WebSocket where the options ask for them. Addresses that have not answered by `until` count as failed; for all
/// else the caller owns the clock.
pub(super) async fn open(
    options: &ConnectOptions,
    tls: Option<&Connector>,
    until: Instant,
) -> Result<Pin<Box<dyn Stream>>, ConnectionError> {
    let server = &options.server;
    let stream = lowest(options, until).await?;
    let stream: Pin<Box<dyn Stream>> = match tls.filter(|_| server.secure) {
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

async fn lowest(options: &ConnectOptions, until: Instant) -> Result<Pin<Box<dyn Stream>>, ConnectionError> {
    if let Some(custom) = &options.connector {
        return custom.open().await.map_err(|error| ConnectionError::of_stream(&error));
    }
    let server = &options.server;
    let stream = match &server.unix {
        Some(path) => unix::connect(path).await,
        None => match addresses::connect(&server.host, server.port(), options.tcp, until).await {
            Ok(tcp) => Ok(Box::pin(tcp) as Pin<Box<dyn Stream>>),
            Err(error) => Err(error),
        },
    };
    stream.map_err(ConnectionError::Network)
}

fn of_tls(error: TlsError) -> ConnectionError {
    match error.network() {
        Some(kind) => ConnectionError::Network(NetworkError::of_stream(&kind.into())),
        None => ConnectionError::Tls(error),
    }
}
