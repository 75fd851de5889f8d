//! Handshakes in memory with a server made on the spot.

mod client_certificate;
mod connection;
mod fixtures;
mod material;
mod pinning;
mod reading;
mod server_certificate;

use std::io;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::{TlsAcceptor, server};

use super::{Connector, TlsError, TlsOptions, TlsStream};

const HOST: &str = "broker.example";
const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
const ONLY_12: &[&SupportedProtocolVersion] = &[&TLS12];
const ONLY_13: &[&SupportedProtocolVersion] = &[&TLS13];

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(authority_params(name), key).unwrap();
        Self { issuer }
    }

    fn below(name: &str, above: &Self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = authority_params(name);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::signed_by(params, key, &above.issuer).unwrap();
        Self { issuer }
    }

    fn pem(&self) -> String {
        self.issuer.pem()
    }

    fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    fn issue(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { chain: vec![certificate.der().clone()], pem: certificate.pem(), key }
    }

    fn issue_server(&self) -> Identity {
        self.issue(&params(HOST))
    }

    fn trusted(&self) -> TlsOptions {
        TlsOptions::new().ca_pem(self.pem())
    }
}

struct Identity {
    chain: Vec<CertificateDer<'static>>,
    pem: String,
    key: KeyPair,
}

impl Identity {
    fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { chain: vec![certificate.der().clone()], pem: certificate.pem(), key }
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    fn server(&self) -> ServerConfig {
        self.server_with(BOTH, Arc::new(NoClientAuth))
    }

    fn server_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        clients: Arc<dyn ClientCertVerifier>,
    ) -> ServerConfig {
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(self.chain.clone(), self.private_key())
            .unwrap()
    }
}

/// Lets in the clients that this CA has signed, and nobody else.
fn client_verifier(authority: &CertificateDer<'static>) -> Arc<dyn ClientCertVerifier> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap()
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.subject_alt_names.clear();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// A server's or client's certificate, named as common and alternative name.
fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::ExplicitNoCa;
    params
}

type Client = Result<TlsStream<DuplexStream>, TlsError>;
type Server = io::Result<server::TlsStream<DuplexStream>>;

async fn meet(options: &TlsOptions, server: ServerConfig) -> (Client, Server) {
    meet_as(&Connector::new(options).unwrap(), &TlsAcceptor::from(Arc::new(server)), HOST).await
}

async fn meet_as(connector: &Connector, acceptor: &TlsAcceptor, host: &str) -> (Client, Server) {
    let (ours, theirs) = duplex(64 * 1024);
    tokio::join!(connector.connect(ours, host), acceptor.accept(theirs))
}

/// What the client says when this server shows itself.
async fn refusal_of(options: &TlsOptions, server: ServerConfig) -> TlsError {
    let (client, _) = meet(options, server).await;
    client.expect_err("the handshake should have failed")
}

/// Both directions carry bytes.
async fn assert_talks((client, server): (Client, Server)) {
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    let mut heard = [0; 4];
    client.write_all(b"ping").await.unwrap();
    client.flush().await.unwrap();
    server.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"ping");
    server.write_all(b"pong").await.unwrap();
    server.flush().await.unwrap();
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"pong");
}
