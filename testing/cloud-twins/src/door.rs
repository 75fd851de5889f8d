//! TLS in front of a twin.

use std::{io, sync::Arc};

use dunlin_testkit::{Authority, CertificateError};
use tokio::io::DuplexStream;
use tokio_rustls::{LazyConfigAcceptor, rustls, server::TlsStream};

/// A service's name, its certificates, and what it wants to be told before MQTT begins.
#[derive(Debug)]
pub(crate) struct Door {
    host: String,
    authority: Authority,
    with_certificate: Arc<rustls::ServerConfig>,
    without: Arc<rustls::ServerConfig>,
}

impl Door {
    pub(crate) fn new(host: &str) -> Result<Self, CertificateError> {
        let authority = Authority::new("the cloud's")?;
        let identity = authority.server(&[host, OTHER_NAME])?;
        let with_certificate = identity.server_config(Some(&authority))?;
        Ok(Self { host: host.to_owned(), with_certificate, without: identity.server_config(None)?, authority })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Lets a client in who asks for this very name, and for a protocol that `wants_certificate` knows; that tells
    /// whether a client of this protocol must show a certificate, and `None` if nobody speaks it here.
    pub(crate) async fn open(
        &self,
        stream: DuplexStream,
        wants_certificate: impl FnOnce(Option<&[u8]>) -> Option<bool>,
    ) -> io::Result<TlsStream<DuplexStream>> {
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        let hello = start.client_hello();
        let protocol = hello.alpn().and_then(|mut protocols| protocols.next()).map(<[u8]>::to_vec);
        let wanted = wants_certificate(protocol.as_deref()).filter(|_| hello.server_name() == Some(&self.host));
        let config = match wanted {
            None => return Err(io::ErrorKind::ConnectionRefused.into()),
            Some(true) => &self.with_certificate,
            Some(false) => &self.without,
        };
        let mut config = (**config).clone();
        config.alpn_protocols = protocol.into_iter().collect();
        start.into_stream(Arc::new(config)).await
    }
}

/// In the certificate and not the service's: a client that asks for it trusts the certificate and is refused all the same.
const OTHER_NAME: &str = "other.example";
