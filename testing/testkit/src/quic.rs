//! QUIC in front of a server that speaks TCP.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, Incoming, ServerConfig};
use tokio::net::TcpStream;

use crate::certificates::{Authority, Identity};

/// Speaks QUIC on a free port of 127.0.0.1 and passes on to a server over TCP what comes in the first stream of each
/// connection: a server that has no QUIC is then one that has, with the application protocol `mqtt`.
///
/// Dropping the value ends its connections.
#[derive(Debug)]
pub struct QuicFront {
    endpoint: Endpoint,
    port: u16,
}

impl QuicFront {
    /// Shows this certificate to clients, and wants one of theirs that `client_auth` signed, if that is given. To be
    /// called inside a tokio runtime.
    ///
    /// # Errors
    /// The certificate is refused, or there is no free port.
    pub fn start(server: SocketAddr, identity: &Identity, client_auth: Option<&Authority>) -> io::Result<Self> {
        let config = identity.server_config(client_auth).map_err(io::Error::other)?;
        let mut config = Arc::unwrap_or_clone(config);
        config.alpn_protocols = vec![b"mqtt".to_vec()];
        let config = QuicServerConfig::try_from(config).map_err(io::Error::other)?;
        let config = ServerConfig::with_crypto(Arc::new(config));
        let endpoint = Endpoint::server(config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let port = endpoint.local_addr()?.port();
        let accepting = endpoint.clone();
        tokio::spawn(async move {
            while let Some(incoming) = accepting.accept().await {
                tokio::spawn(pass_on(incoming, server));
            }
        });
        Ok(Self { endpoint, port })
    }

    /// The UDP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for QuicFront {
    fn drop(&mut self) {
        self.endpoint.close(0_u32.into(), b"");
    }
}

/// Until either side ends; what went wrong between is the client's to notice.
async fn pass_on(incoming: Incoming, server: SocketAddr) -> io::Result<()> {
    let connection = incoming.await?;
    let (send, receive) = connection.accept_bi().await?;
    let mut client = tokio::io::join(receive, send);
    let mut server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    // What was passed on last must not be overtaken by the end.
    connection.closed().await;
    Ok(())
}
