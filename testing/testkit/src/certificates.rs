//! Certificates made on the spot, good ones and bad ones.
//!
//! Keys are P-256 and new each time; nothing is read from the machine and nothing outlives the
//! test unless it is written to a file. The keys protect nothing: they are for tests.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate authority that lives in memory and signs [`Leaf`]s.
///
/// Cheap to clone: clones share one key.
///
/// ```
/// use dunlin_testkit::{Authority, Leaf, Validity};
///
/// # fn main() -> Result<(), dunlin_testkit::CertificateError> {
/// let authority = Authority::new("Plant 7")?;
/// let server = authority.server(&["localhost", "127.0.0.1"])?;
/// let sensor = authority.client("sensor-17")?;
/// let late = authority.issue(&Leaf::server(&["localhost"]).validity(Validity::Expired))?;
/// # let _ = (server, sensor, late);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Authority {
    issuer: Arc<CertifiedIssuer<'static, KeyPair>>,
    pem: Arc<str>,
}

impl Authority {
    /// Makes a new authority whose certificate bears `name` as its common name.
    ///
    /// # Errors
    /// [`CertificateError::Refused`] when the certificate library cannot make the key.
    pub fn new(name: &str) -> Result<Self, CertificateError> {
        let mut params = params(&[])?;
        set_common_name(&mut params, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, key()?).map_err(refused)?;
        let pem = issuer.pem().into();
        Ok(Self { issuer: Arc::new(issuer), pem })
    }

    /// A certificate for a server known by `names`: host names and IP addresses as text.
    ///
    /// # Errors
    /// See [`Authority::issue`].
    pub fn server(&self, names: &[&str]) -> Result<Identity, CertificateError> {
        self.issue(&Leaf::server(names))
    }

    /// A certificate for a client, with `common_name` as its only name.
    ///
    /// # Errors
    /// See [`Authority::issue`].
    pub fn client(&self, common_name: &str) -> Result<Identity, CertificateError> {
        self.issue(&Leaf::client(common_name))
    }

    /// Signs what `leaf` describes, with a new key.
    ///
    /// # Errors
    /// [`CertificateError::Name`] when a name cannot stand in a certificate,
    /// [`CertificateError::Refused`] when the certificate library fails.
    pub fn issue(&self, leaf: &Leaf) -> Result<Identity, CertificateError> {
        let key = key()?;
        let certificate = leaf.params()?.signed_by(&key, &*self.issuer).map_err(refused)?;
        Ok(Identity::new(&certificate, &key))
    }

    /// The authority's own certificate as PEM: what a client is told to trust.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.pem
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// What a certificate shall say, good or bad, before [`Authority::issue`] or
/// [`Leaf::self_signed`] makes it.
#[derive(Clone, Debug)]
pub struct Leaf {
    common_name: String,
    names: Vec<String>,
    validity: Validity,
    usage: Usage,
}

impl Leaf {
    /// A server's certificate. `names` (host names and IP addresses as text) become its subject
    /// alternative names, the first one also its common name.
    ///
    /// With no names it is a certificate without subject alternative names, which a careful
    /// client refuses whatever its common name says.
    #[must_use]
    pub fn server(names: &[&str]) -> Self {
        Self {
            common_name: (*names.first().unwrap_or(&"localhost")).to_owned(),
            names: names.iter().map(|&name| name.to_owned()).collect(),
            validity: Validity::Current,
            usage: Usage::Server,
        }
    }

    /// A client's certificate with a common name and no other.
    #[must_use]
    pub fn client(common_name: &str) -> Self {
        Self {
            common_name: common_name.to_owned(),
            names: Vec::new(),
            validity: Validity::Current,
            usage: Usage::Client,
        }
    }

    /// Sets the common name.
    #[must_use]
    pub fn common_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.common_name);
        self
    }

    /// Sets when the certificate is valid. Default: [`Validity::Current`].
    #[must_use]
    pub fn validity(mut self, validity: Validity) -> Self {
        self.validity = validity;
        self
    }

    /// Makes the certificate with its own key as its issuer: nobody vouches for it.
    ///
    /// # Errors
    /// See [`Authority::issue`].
    pub fn self_signed(&self) -> Result<Identity, CertificateError> {
        let key = key()?;
        let certificate = self.params()?.self_signed(&key).map_err(refused)?;
        Ok(Identity::new(&certificate, &key))
    }

    fn params(&self) -> Result<CertificateParams, CertificateError> {
        let mut params = params(&self.names)?;
        set_common_name(&mut params, &self.common_name);
        let (not_before, not_after) = self.validity.years();
        params.not_before = date_time_ymd(not_before, 1, 1);
        params.not_after = date_time_ymd(not_after, 1, 1);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match self.usage {
            Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }
}

/// When a certificate is valid. The bounds are fixed dates, so that the same test says the same
/// thing on every day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Validity {
    /// From 2020 to 2100: now.
    #[default]
    Current,
    /// From 2020 to 2021: no longer.
    Expired,
    /// From 2099 to 2100: not yet.
    NotYet,
}

impl Validity {
    fn years(self) -> (i32, i32) {
        match self {
            Self::Current => (FIRST_YEAR, LAST_YEAR),
            Self::Expired => (FIRST_YEAR, FIRST_YEAR + 1),
            Self::NotYet => (LAST_YEAR - 1, LAST_YEAR),
        }
    }
}

/// A certificate and its private key: what a server or a client shows of itself.
#[derive(Clone)]
pub struct Identity {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: Vec<u8>,
    key_pem: String,
}

impl Identity {
    /// The certificate as PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The private key as PEM (P-256, PKCS#8: `BEGIN PRIVATE KEY`).
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// Writes `<stem>.crt` and `<stem>.key` into `directory`, which must exist, and returns the
    /// two paths in this order. Files of these names are overwritten.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, directory: &Path, stem: &str) -> io::Result<(PathBuf, PathBuf)> {
        let certificate = directory.join(format!("{stem}.crt"));
        let key = directory.join(format!("{stem}.key"));
        std::fs::write(&certificate, &self.certificate_pem)?;
        std::fs::write(&key, &self.key_pem)?;
        Ok((certificate, key))
    }

    /// A TLS server configuration that shows this certificate: TLS 1.2 and 1.3, with the `ring`
    /// provider, which is given explicitly so that no process-wide choice is needed.
    ///
    /// With `client_auth` a client must show a certificate that this authority signed; without,
    /// none is asked for.
    ///
    /// # Errors
    /// [`CertificateError::Refused`] when the TLS library does not take the certificate.
    pub fn server_config(
        &self,
        client_auth: Option<&Authority>,
    ) -> Result<Arc<rustls::ServerConfig>, CertificateError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(refused)?;
        let builder = match client_auth {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add(authority.certificate()).map_err(refused)?;
                let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(refused)?)
            }
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let config = builder.with_single_cert(vec![self.certificate.clone()], key).map_err(refused)?;
        Ok(Arc::new(config))
    }

    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        Self {
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            key: key.serialize_der(),
            key_pem: key.serialize_pem(),
        }
    }
}

impl fmt::Debug for Identity {
    // Without the key: a habit worth keeping in tests too, since their output is published.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificate_pem", &self.certificate_pem).finish_non_exhaustive()
    }
}

/// Why a certificate could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// The caller gave a name that cannot stand in a certificate.
    Name(
        /// The name as it was given.
        String,
    ),
    /// The certificate or the TLS library refused what it was asked for.
    Refused(
        /// Its own words.
        String,
    ),
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => {
                write!(f, "{name:?} cannot stand in a certificate: give a host name in ASCII or an IP address")
            }
            Self::Refused(reason) => write!(f, "cannot make the test certificate: {reason}"),
        }
    }
}

impl std::error::Error for CertificateError {}

#[derive(Clone, Copy, Debug)]
enum Usage {
    Server,
    Client,
}

fn params(names: &[String]) -> Result<CertificateParams, CertificateError> {
    // One at a time, so that the error can say which name it was.
    let mut all = CertificateParams::default();
    for name in names {
        let one = CertificateParams::new([name.clone()]).map_err(|_| CertificateError::Name(name.clone()))?;
        all.subject_alt_names.extend(one.subject_alt_names);
    }
    all.not_before = date_time_ymd(FIRST_YEAR, 1, 1);
    all.not_after = date_time_ymd(LAST_YEAR, 1, 1);
    Ok(all)
}

fn set_common_name(params: &mut CertificateParams, name: &str) {
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
}

fn key() -> Result<KeyPair, CertificateError> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(refused)
}

fn refused(error: impl fmt::Display) -> CertificateError {
    CertificateError::Refused(error.to_string())
}

const FIRST_YEAR: i32 = 2020;
const LAST_YEAR: i32 = 2100;
