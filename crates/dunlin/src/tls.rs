//! TLS for `mqtts://`: rustls, wired so that a failure says whose fault it is.
//!
//! [`TlsOptions`] is what the caller wants, [`Connector`] is that made ready
//! once (files read, roots parsed, sessions remembered for resumption), and
//! [`TlsError`] is everything that can go wrong, in words.
//!
//! rustls reports *what* check failed. The words that help at night also need
//! *which* certificate failed it, so the verifier looks at the certificates
//! itself (`certificate`, a small reader of DER) whenever rustls refuses them.

mod certificate;
mod date;
mod der;
mod error;
pub(crate) mod explain;
mod material;
mod options;
mod pin;
mod verifier;

use core::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, KeyLogFile, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

pub use self::error::{CertificateProblem, TlsError, TlsInput, TlsNotSpoken, TlsRefusal, TlsSetupError};
pub use self::options::{TlsOptions, TlsVersion};
pub use self::pin::{KeyPin, KeyPinError};
use self::verifier::{AnyCertificate, Explaining, Pinned};

/// An encrypted stream over `S`, the client's side.
pub(crate) type TlsStream<S> = tokio_rustls::client::TlsStream<S>;

/// Makes TLS connections: the options, made ready once.
///
/// A clone shares everything with its original, the sessions that make the
/// next handshake short included.
#[derive(Clone)]
pub(crate) struct Connector {
    tls: TlsConnector,
    server_name: Option<ServerName<'static>>,
}

impl Connector {
    /// Reads what the options name and prepares the configuration.
    ///
    /// This blocks on the file system: the files of the options and, unless a
    /// CA replaces them, the platform's roots.
    pub(crate) fn new(options: &TlsOptions) -> Result<Self, TlsError> {
        let server_name = options.server_name.as_deref().map(parse_name).transpose()?;
        let config = match &options.config {
            Some(config) => config.clone(),
            None => {
                let provider = Arc::new(ring::default_provider());
                let verifier = verifier(options, &provider)?;
                Arc::new(config(options, &provider, verifier)?)
            }
        };
        Ok(Self { tls: TlsConnector::from(config), server_name })
    }

    /// Does the handshake over `stream` with the server called `host`.
    ///
    /// Waits for the server as long as it takes: the caller owns the clock.
    /// Dropping the future drops the stream. With TLS 1.3 a server that
    /// refuses the client's certificate says so only after the handshake: the
    /// first read then fails, and [`TlsError::from_io`] explains it.
    pub(crate) async fn connect<S>(&self, stream: S, host: &str) -> Result<TlsStream<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => parse_name(host)?,
        };
        self.tls.connect(name, stream).await.map_err(|error| explain::handshake(&error))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

/// What the options come to, with a verifier made of them too.
pub(crate) fn config(
    options: &TlsOptions,
    provider: &Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<ClientConfig, TlsError> {
    let versions = versions(options)?;
    check_alpn(&options.alpn)?;

    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&versions)
        .map_err(|error| explain::failure(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match client_key(options, provider)? {
        Some(key) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols.clone_from(&options.alpn);
    if options.key_log {
        config.key_log = Arc::new(KeyLogFile::new());
    }
    Ok(config)
}

fn versions(options: &TlsOptions) -> Result<Vec<&'static SupportedProtocolVersion>, TlsSetupError> {
    use TlsVersion::{Tls12, Tls13};

    match (options.minimum_version, options.maximum_version) {
        (Tls12, Tls13) => Ok(vec![&TLS13, &TLS12]),
        (Tls12, Tls12) => Ok(vec![&TLS12]),
        (Tls13, Tls13) => Ok(vec![&TLS13]),
        (minimum @ Tls13, maximum @ Tls12) => Err(TlsSetupError::NoVersionLeft { minimum, maximum }),
    }
}

/// RFC 7301: a protocol's name is 1 to 255 bytes, and the list at most 65,535.
fn check_alpn(protocols: &[Vec<u8>]) -> Result<(), TlsSetupError> {
    let each = protocols.iter().all(|p| (1..=255).contains(&p.len()));
    let together: usize = protocols.iter().map(|p| 1 + p.len()).sum();
    if each && together <= usize::from(u16::MAX) { Ok(()) } else { Err(TlsSetupError::InvalidAlpn) }
}

/// Reads a host name or an address, IPv6 with or without its URL brackets.
fn parse_name(host: &str) -> Result<ServerName<'static>, TlsSetupError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(bare.to_owned())
        .map_err(|_| TlsSetupError::InvalidServerName { name: certificate::readable(host) })
}

/// Who decides on the server's certificate.
pub(crate) fn verifier(
    options: &TlsOptions,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    let algorithms = provider.signature_verification_algorithms;
    if options.accept_any_certificate {
        return Ok(match options.pins.is_empty() {
            true => Arc::new(AnyCertificate::new(algorithms.supported_schemes())),
            false => Arc::new(Pinned::new(options.pins.clone(), None, algorithms)),
        });
    }
    let roots = Arc::new(roots(options)?);
    let inner = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
        .build()
        // Without revocation lists it fails only for want of roots.
        .map_err(|_| TlsSetupError::NoPlatformRoots { unreadable: 0 })?;
    let explaining = Explaining::new(inner);
    Ok(match options.pins.is_empty() {
        true => Arc::new(explaining),
        false => Arc::new(Pinned::new(options.pins.clone(), Some(explaining), algorithms)),
    })
}

fn roots(options: &TlsOptions) -> Result<RootCertStore, TlsSetupError> {
    let mut roots = RootCertStore::empty();
    for authority in &options.authorities {
        let (usable, _) = roots.add_parsable_certificates(authority.certificates()?);
        // A bundle may hold an oddity or two; one that holds nothing else is a mistake.
        if usable == 0 {
            return Err(TlsSetupError::BadCertificate { input: authority.name() });
        }
    }
    if options.wants_platform_roots() {
        let found = rustls_native_certs::load_native_certs();
        add_platform_roots(&mut roots, found.certs, found.errors.len())?;
    }
    Ok(roots)
}

fn add_platform_roots(
    roots: &mut RootCertStore,
    found: Vec<CertificateDer<'static>>,
    unreadable: usize,
) -> Result<(), TlsSetupError> {
    roots.add_parsable_certificates(found);
    if roots.is_empty() {
        return Err(TlsSetupError::NoPlatformRoots { unreadable });
    }
    Ok(())
}

fn client_key(options: &TlsOptions, provider: &CryptoProvider) -> Result<Option<CertifiedKey>, TlsSetupError> {
    let Some((certificate, key)) = &options.identity else {
        return Ok(None);
    };
    material::identity(certificate, key, options.pass_phrase.as_deref(), provider).map(Some)
}

#[cfg(test)]
mod tests;
