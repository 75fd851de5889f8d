mod addresses;

use std::pin::Pin;

use tokio::net::TcpStream;

pub(super) use crate::connector::Stream;

use crate::{
    ConnectOptions, ConnectionError, NetworkError,
    tls::{Connector, TlsError},
    websocket,
};

/// Opens the way to the server, from below: the application's own connection or TCP, then TLS and WebSocket where the
/// options ask for them.
pub(super) async fn open(
    options: &ConnectOptions,
    tls: Option<&Connector>,
) -> Result<Pin<Box<dyn Stream>>, ConnectionError> {
    let stream: Pin<Box<dyn Stream>> = match &options.connector {
        Some(custom) => custom.open().await.map_err(|error| ConnectionError::of_stream(&error))?,
        None => Box::pin(tcp(options).await?),
    };
    let stream: Pin<Box<dyn Stream>> = match tls {
        Some(tls) => Box::pin(tls.connect(stream, &options.host).await.map_err(of_tls)?),
        None => stream,
    };
    match &options.websocket {
        Some(websocket) => {
            let stream = websocket::connect(stream, websocket, &options.http_host()).await;
            Ok(Box::pin(stream.map_err(|error| ConnectionError::of_stream(&error))?))
        }
        None => Ok(stream),
    }
}

async fn tcp(options: &ConnectOptions) -> Result<TcpStream, ConnectionError> {
    let tcp = addresses::connect(&options.host, options.port_number()).await.map_err(ConnectionError::Network)?;
    // Without it small packets wait for acknowledgements of earlier ones.
    tcp.set_nodelay(true).map_err(|error| ConnectionError::of_stream(&error))?;
    Ok(tcp)
}

fn of_tls(error: TlsError) -> ConnectionError {
    match error.network() {
        Some(kind) => ConnectionError::Network(NetworkError::of_stream(&kind.into())),
        None => ConnectionError::Tls(error),
    }
}
