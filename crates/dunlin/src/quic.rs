//! MQTT over QUIC (RFC 9000): one connection, and on it one stream of bytes in both directions, which we open.
//!
//! TLS 1.3 is inside, with the same options as over TCP. Where they name no application protocol it is `mqtt`, as servers
//! want it.

mod stream;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use quinn::{
    ConnectError, ConnectionError as QuicError, Endpoint, TransportConfig, TransportErrorCode,
    crypto::rustls::QuicClientConfig,
};
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
    quic::{ClientConnection, Version},
};

use self::stream::QuicStream;

use crate::{
    NetworkError, lock,
    tls::{self, TlsError, TlsOptions, TlsSetupError, explain},
};

/// Makes QUIC connections: the options, made ready once.
#[derive(Clone)]
pub(crate) struct Connector {
    config: quinn::ClientConfig,
    server_name: Option<String>,
    /// What our check of the server's certificate found. QUIC keeps no more than a text of it.
    found: Arc<Mutex<Option<Error>>>,
}

impl Connector {
    /// Blocks on the file system as that of TLS does.
    pub(crate) fn ready(options: &TlsOptions) -> Result<Option<Self>, TlsError> {
        let found = Arc::default();
        let mut config = match &options.config {
            Some(config) => ClientConfig::clone(config),
            None => {
                let provider = Arc::new(ring::default_provider());
                let inner = tls::verifier(options, &provider)?;
                tls::config(options, &provider, Arc::new(Watching { inner, found: Arc::clone(&found) }))?
            }
        };
        if config.alpn_protocols.is_empty() {
            config.alpn_protocols = vec![ALPN.to_vec()];
        }
        let needs_tls13 = || TlsError::from(TlsSetupError::QuicNeedsTls13);
        // quinn takes for granted that this can be done.
        let nobody = ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST));
        let connection = ClientConnection::new(Arc::new(config.clone()), Version::V1, nobody, Vec::new());
        connection.map_err(|_| needs_tls13())?;
        let crypto = QuicClientConfig::try_from(config).map_err(|_| needs_tls13())?;
        let mut transport = TransportConfig::default();
        // The server's own limit on silence may be shorter than the keep alive of MQTT.
        transport.keep_alive_interval(Some(BETWEEN_SIGNS_OF_LIFE));
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(transport));
        Ok(Some(Self { config, server_name: options.server_name.clone(), found }))
    }

    /// Connects, as long as it takes. The inner error is that of a server which answers.
    pub(crate) async fn connect(
        self,
        host: String,
        address: SocketAddr,
        local: Option<IpAddr>,
    ) -> Result<Result<QuicStream, TlsError>, NetworkError> {
        let name = self.server_name.as_deref().unwrap_or(&host);
        let local = local.unwrap_or(match address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        });
        let refused = |error: io::Error| NetworkError::Bind { local, kind: error.kind() };
        let endpoint = Endpoint::client(SocketAddr::new(local, 0)).map_err(refused)?;
        let connecting = match endpoint.connect_with(self.config.clone(), address, name) {
            Ok(connecting) => connecting,
            Err(ConnectError::InvalidServerName(name)) => {
                return Ok(Err(TlsSetupError::InvalidServerName { name }.into()));
            }
            Err(_) => return Err(NetworkError::NotConnected { address, kind: io::ErrorKind::InvalidInput }),
        };
        let connection = match connecting.await {
            Ok(connection) => connection,
            Err(error) => return self.failed(address, &error),
        };
        match connection.open_bi().await {
            Ok((send, receive)) => Ok(Ok(QuicStream::new(send, receive, connection, endpoint))),
            Err(error) => self.failed(address, &error),
        }
    }

    fn failed(&self, address: SocketAddr, error: &QuicError) -> Result<Result<QuicStream, TlsError>, NetworkError> {
        if let Some(found) = lock(&self.found).take() {
            return Ok(Err(explain::failure(&found)));
        }
        if let Some(alert) = alert(error) {
            return Ok(Err(explain::failure(&Error::AlertReceived(alert))));
        }
        match error {
            QuicError::TimedOut => Err(NetworkError::TimedOut(address.to_string().into())),
            QuicError::TransportError(error) => Ok(Err(TlsError::Failed { detail: error.to_string() })),
            QuicError::VersionMismatch => Ok(Err(TlsError::Failed { detail: error.to_string() })),
            _ => Err(NetworkError::Reset),
        }
    }
}

/// Remembers why a certificate was refused.
#[derive(Debug)]
struct Watching {
    inner: Arc<dyn ServerCertVerifier>,
    found: Arc<Mutex<Option<Error>>>,
}

impl Watching {
    fn watched<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        result.inspect_err(|error| *lock(&self.found) = Some(error.clone()))
    }
}

impl ServerCertVerifier for Watching {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.watched(self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.watched(self.inner.verify_tls12_signature(message, certificate, signature))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.watched(self.inner.verify_tls13_signature(message, certificate, signature))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// The alert of TLS with which the server ended the connection.
fn alert(error: &QuicError) -> Option<AlertDescription> {
    let QuicError::ConnectionClosed(close) = error else { return None };
    let code = u64::from(close.error_code).checked_sub(u64::from(TransportErrorCode::crypto(0)))?;
    u8::try_from(code).ok().map(AlertDescription::from)
}

const ALPN: &[u8] = b"mqtt";
const BETWEEN_SIGNS_OF_LIFE: Duration = Duration::from_secs(10);
