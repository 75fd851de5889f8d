//! What the caller may say about TLS.

use core::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;

use super::material::{Material, Role};
use super::pin::KeyPin;

/// How to speak TLS: whom to trust, who we are, and which versions.
///
/// The default trusts the platform's roots, sends no client certificate, and
/// speaks TLS 1.2 and 1.3. Nothing is read or checked by the setters; files
/// are read when the connection is made ready, and what is wrong with them is
/// told there as a [`TlsError::Setup`](crate::TlsError::Setup).
///
/// `Debug` shows paths and sizes, never a key.
#[derive(Clone)]
pub struct TlsOptions {
    pub(super) authorities: Vec<Material>,
    pub(super) identity: Option<(Material, Material)>,
    pub(crate) server_name: Option<String>,
    pub(super) alpn: Vec<Vec<u8>>,
    pub(super) minimum_version: TlsVersion,
    pub(super) maximum_version: TlsVersion,
    pub(super) accept_any_certificate: bool,
    pub(super) pass_phrase: Option<Vec<u8>>,
    pub(super) pins: Vec<KeyPin>,
    pub(super) key_log: bool,
    pub(crate) config: Option<Arc<ClientConfig>>,
    platform_roots: Option<bool>,
}

impl TlsOptions {
    /// The defaults: platform roots, no client certificate, TLS 1.2 and 1.3.
    #[must_use]
    pub fn new() -> Self {
        Self {
            authorities: Vec::new(),
            identity: None,
            server_name: None,
            alpn: Vec::new(),
            minimum_version: TlsVersion::Tls12,
            maximum_version: TlsVersion::Tls13,
            accept_any_certificate: false,
            pass_phrase: None,
            pins: Vec::new(),
            key_log: false,
            config: None,
            platform_roots: None,
        }
    }

    /// Trusts the CA certificates in this file instead of the platform's roots.
    ///
    /// PEM with one certificate or many, or DER with one; at most 16 MiB. Said
    /// more than once, all of them are trusted. To trust one self-signed server
    /// certificate, name the certificate itself.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.authorities.push(Material::file(Role::Authority, path.into()));
        self
    }

    /// Like [`ca_file`](Self::ca_file), from PEM or DER bytes in memory.
    #[must_use]
    pub fn ca_pem(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(Material::bytes(Role::Authority, bytes.into()));
        self
    }

    /// Says whether the platform's roots are trusted, beside any CA given here.
    ///
    /// Unless this is said they are trusted exactly when no CA is given. The
    /// environment's `SSL_CERT_FILE` and `SSL_CERT_DIR` replace them.
    #[must_use]
    pub fn platform_roots(mut self, trusted: bool) -> Self {
        self.platform_roots = Some(trusted);
        self
    }

    /// Proves who we are with a certificate and its private key, from files.
    ///
    /// The certificate file may hold its intermediates too. The key is PKCS#8,
    /// PKCS#1 or SEC1; an encrypted one needs its [pass phrase](Self::key_pass_phrase). Both as PEM or DER, at most 16 MiB; one
    /// PEM file may hold both and be named twice.
    #[must_use]
    pub fn client_certificate_files(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity =
            Some((Material::file(Role::Certificate, certificate.into()), Material::file(Role::Key, key.into())));
        self
    }

    /// Like [`client_certificate_files`](Self::client_certificate_files), from
    /// PEM or DER bytes in memory.
    #[must_use]
    pub fn client_certificate_pem(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.identity =
            Some((Material::bytes(Role::Certificate, certificate.into()), Material::bytes(Role::Key, key.into())));
        self
    }

    /// The pass phrase of the private key, if that is encrypted: as PKCS#8 with AES, which is what OpenSSL makes today
    /// (feature `encrypted-keys`).
    #[must_use]
    pub fn key_pass_phrase(mut self, pass_phrase: impl Into<Vec<u8>>) -> Self {
        self.pass_phrase = Some(pass_phrase.into());
        self
    }

    /// Takes the server only if its key is this one, or another that is pinned; may be said several times, and a second
    /// key should be ready before the first is given up.
    ///
    /// Its certificate is checked as ever, too. With
    /// [`danger_accept_any_certificate`](Self::danger_accept_any_certificate) the key alone counts, and then that is
    /// enough to know the server: that it has the key is always checked.
    #[must_use]
    pub fn pin(mut self, key: KeyPin) -> Self {
        self.pins.push(key);
        self
    }

    /// Writes the secrets of each connection to the file that the environment variable `SSLKEYLOGFILE` names, if it is
    /// set: with them whoever has recorded the connection can read it, such as Wireshark. For looking into a connection
    /// at hand, never for use.
    #[must_use]
    pub fn key_log(mut self, wanted: bool) -> Self {
        self.key_log = wanted;
        self
    }

    /// Takes this configuration of rustls (0.23) as it is, for what cannot be said here: another verifier, another
    /// provider of cryptography, keys in hardware. Of these options only [`server_name`](Self::server_name) counts beside
    /// it.
    #[must_use]
    pub fn rustls_config(mut self, config: Arc<ClientConfig>) -> Self {
        self.config = Some(config);
        self
    }

    /// Asks for the server by this name, and checks its certificate against it,
    /// instead of the host of the URL.
    ///
    /// A DNS name (then it is sent as SNI too) or an IP address.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Offers these application protocols (ALPN), the best first, each of 1 to
    /// 255 bytes.
    ///
    /// A server that knows none of them may refuse, or go on without one. Some
    /// clouds need it to find MQTT on port 443.
    #[must_use]
    pub fn alpn(mut self, protocols: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        self.alpn = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Refuses servers that speak only versions older than this. Default 1.2.
    #[must_use]
    pub fn minimum_version(mut self, version: TlsVersion) -> Self {
        self.minimum_version = version;
        self
    }

    /// Offers no version newer than this. Default 1.3.
    #[must_use]
    pub fn maximum_version(mut self, version: TlsVersion) -> Self {
        self.maximum_version = version;
        self
    }

    /// Accepts whatever certificate the server shows, and any signature.
    ///
    /// This gives up knowing whom we talk to. The link is encrypted, but anyone
    /// between us and the server can pose as the server, read the password and
    /// every message, and change them, and nothing will tell. Any CA given is
    /// then neither read nor used. It is for looking into a server at hand, never for use: a
    /// self-signed server is trusted properly by giving its certificate to
    /// [`ca_file`](Self::ca_file).
    #[must_use]
    pub fn danger_accept_any_certificate(mut self, accept: bool) -> Self {
        self.accept_any_certificate = accept;
        self
    }

    pub(super) fn wants_platform_roots(&self) -> bool {
        self.platform_roots.unwrap_or(self.authorities.is_empty())
    }
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("authorities", &self.authorities)
            .field("platform_roots", &self.wants_platform_roots())
            .field("client_certificate", &self.identity)
            .field("server_name", &self.server_name)
            .field("alpn", &self.alpn)
            .field("minimum_version", &self.minimum_version)
            .field("maximum_version", &self.maximum_version)
            .field("accept_any_certificate", &self.accept_any_certificate)
            .field("pins", &self.pins)
            .field("key_pass_phrase", &self.pass_phrase.as_ref().map(|_| "..."))
            .field("key_log", &self.key_log)
            .field("rustls_config", &self.config.is_some())
            .finish()
    }
}

/// A version of TLS. Older ones than these are broken and not spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}
