//! TLS in front of a twin.

use std::{io, sync::Arc};

use dunlin_testkit::{Authority, CertificateError, Identity};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    LazyConfigAcceptor,
    rustls::{self, RootCertStore, ServerConfig, crypto::ring, server::WebPkiClientVerifier},
    server::TlsStream,
};

/// Whether a client must show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    Demanded,
    Welcome,
    NotAsked,
}

/// A service's name and its certificates.
#[derive(Debug)]
pub(crate) struct Door {
    host: String,
    authority: Authority,
    demanding: Arc<ServerConfig>,
    welcoming: Arc<ServerConfig>,
    not_asking: Arc<ServerConfig>,
}

/// A client behind the door.
pub(crate) struct Guest<S> {
    pub(crate) stream: TlsStream<S>,
    pub(crate) protocol: Option<String>,
    pub(crate) has_certificate: bool,
}

impl Door {
    pub(crate) fn new(host: &str) -> io::Result<Self> {
        let failed = |error: CertificateError| io::Error::other(error.to_string());
        let authority = Authority::new("the cloud's").map_err(failed)?;
        let identity = authority.server(&[host, OTHER_NAME]).map_err(failed)?;
        Ok(Self {
            host: host.to_owned(),
            demanding: identity.server_config(Some(&authority)).map_err(failed)?,
            welcoming: welcoming(&identity, &authority)?,
            not_asking: identity.server_config(None).map_err(failed)?,
            authority,
        })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Lets a client in who asks for this very name, and for a protocol that `way` knows; that tells whether a client of
    /// this protocol must show a certificate, and `None` if nobody speaks it here.
    pub(crate) async fn open<S, W>(
        &self,
        stream: S,
        way: impl FnOnce(Option<&str>) -> Option<(Certificate, W)>,
    ) -> io::Result<(Guest<S>, W)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        let hello = start.client_hello();
        let protocol = hello.alpn().and_then(|mut protocols| protocols.next());
        let protocol = protocol.map(|protocol| String::from_utf8_lossy(protocol).into_owned());
        let way = way(protocol.as_deref()).filter(|_| hello.server_name() == Some(&self.host));
        let Some((certificate, way)) = way else { return Err(io::ErrorKind::ConnectionRefused.into()) };
        let mut config = ServerConfig::clone(match certificate {
            Certificate::Demanded => &self.demanding,
            Certificate::Welcome => &self.welcoming,
            Certificate::NotAsked => &self.not_asking,
        });
        config.alpn_protocols = protocol.iter().map(|protocol| protocol.clone().into_bytes()).collect();
        let stream = start.into_stream(Arc::new(config)).await?;
        let has_certificate = stream.get_ref().1.peer_certificates().is_some();
        Ok((Guest { stream, protocol, has_certificate }, way))
    }
}

/// Asks for a certificate of the authority, and lets in who has none.
fn welcoming(identity: &Identity, authority: &Authority) -> io::Result<Arc<ServerConfig>> {
    let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).map_err(io::Error::other);
    let mut roots = RootCertStore::empty();
    roots.add(certificate(authority.certificate_pem())?).map_err(io::Error::other)?;
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .map_err(io::Error::other)?;
    let (chain, key) = (vec![certificate(identity.certificate_pem())?], identity.key_pem().as_bytes());
    let key = PrivateKeyDer::from_pem_slice(key).map_err(io::Error::other)?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_client_cert_verifier(verifier).with_single_cert(chain, key));
    config.map(Arc::new).map_err(io::Error::other)
}

/// In the certificate and not the service's: a client that asks for it trusts the certificate and is refused all the same.
const OTHER_NAME: &str = "other.example";
