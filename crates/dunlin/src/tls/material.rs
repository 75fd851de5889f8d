//! Certificates and keys as the caller gives them: files or bytes, PEM or DER.

use core::fmt;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::certificate::{Certificate, readable};
use super::der::{Der, SEQUENCE};
use super::error::{TlsInput, TlsSetupError};
use crate::encrypted_key;

/// Something the caller gave, and what it is for.
#[derive(Clone)]
pub(super) struct Material {
    role: Role,
    source: Source,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    Authority,
    Certificate,
    Key,
}

#[derive(Clone)]
enum Source {
    File(PathBuf),
    Bytes(Vec<u8>),
}

impl Material {
    pub(super) fn file(role: Role, path: PathBuf) -> Self {
        Self { role, source: Source::File(path) }
    }

    pub(super) fn bytes(role: Role, bytes: Vec<u8>) -> Self {
        Self { role, source: Source::Bytes(bytes) }
    }

    /// What errors call it.
    pub(super) fn name(&self) -> TlsInput {
        match (self.role, &self.source) {
            (Role::Authority, Source::File(path)) => TlsInput::CaFile(path.clone()),
            (Role::Authority, Source::Bytes(_)) => TlsInput::CaBytes,
            (Role::Certificate, Source::File(path)) => TlsInput::CertificateFile(path.clone()),
            (Role::Certificate, Source::Bytes(_)) => TlsInput::CertificateBytes,
            (Role::Key, Source::File(path)) => TlsInput::KeyFile(path.clone()),
            (Role::Key, Source::Bytes(_)) => TlsInput::KeyBytes,
        }
    }

    /// All certificates in it, in their order; at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsSetupError> {
        let bytes = self.read()?;
        if self.encoding(&bytes)? == Encoding::Der {
            return match Certificate::parse(&bytes) {
                Some(_) => Ok(vec![CertificateDer::from(bytes.into_owned())]),
                None => Err(TlsSetupError::BadCertificate { input: self.name() }),
            };
        }
        let found = CertificateDer::pem_slice_iter(&bytes)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| self.pem_fault(&bytes))?;
        if found.is_empty() {
            return Err(TlsSetupError::NoCertificate { input: self.name(), found: first_label(&bytes) });
        }
        Ok(found)
    }

    /// The first private key in it.
    fn private_key(&self, pass_phrase: Option<&[u8]>) -> Result<PrivateKeyDer<'static>, TlsSetupError> {
        let bytes = self.read()?;
        if self.encoding(&bytes)? == Encoding::Der {
            if is_encrypted(&bytes) {
                return self.decrypt(&bytes, pass_phrase);
            }
            return PrivateKeyDer::try_from(bytes.into_owned())
                .map_err(|_| TlsSetupError::UnsupportedKey { input: self.name() });
        }
        if let Some(key) = self.first_key(&bytes)? {
            return Ok(key);
        }
        // The reader of PEM passes over what it does not know; by the other name it is read.
        match self.first_key(&String::from_utf8_lossy(&bytes).replace(ENCRYPTED, PLAIN).into_bytes())? {
            Some(key) => self.decrypt(key.secret_der(), pass_phrase),
            None => Err(TlsSetupError::NoPrivateKey { input: self.name(), found: first_label(&bytes) }),
        }
    }

    fn first_key(&self, pem: &[u8]) -> Result<Option<PrivateKeyDer<'static>>, TlsSetupError> {
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
            let (kind, der) = section.map_err(|_| self.pem_fault(pem))?;
            if let Some(key) = PrivateKeyDer::from_pem(kind, der) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    fn decrypt(&self, der: &[u8], pass_phrase: Option<&[u8]>) -> Result<PrivateKeyDer<'static>, TlsSetupError> {
        let pass_phrase = pass_phrase.ok_or_else(|| TlsSetupError::EncryptedKey { input: self.name() })?;
        let key = encrypted_key::decrypt(der, pass_phrase, self.name())?;
        PrivateKeyDer::try_from(key).map_err(|_| TlsSetupError::WrongPassPhrase { input: self.name() })
    }

    fn read(&self) -> Result<Cow<'_, [u8]>, TlsSetupError> {
        let bytes = match &self.source {
            Source::Bytes(bytes) => Cow::Borrowed(bytes.as_slice()),
            Source::File(path) => {
                let mut bytes = Vec::new();
                File::open(path)
                    // One byte above the limit tells too much from just enough.
                    .and_then(|file| file.take(LIMIT as u64 + 1).read_to_end(&mut bytes))
                    .map_err(|error| self.unreadable(&error))?;
                Cow::Owned(bytes)
            }
        };
        if bytes.len() > LIMIT {
            return Err(TlsSetupError::TooLarge { input: self.name(), limit: LIMIT });
        }
        Ok(without_mark(bytes))
    }

    fn encoding(&self, bytes: &[u8]) -> Result<Encoding, TlsSetupError> {
        if bytes.trim_ascii().is_empty() {
            Err(TlsSetupError::Empty { input: self.name() })
        } else if labels(bytes).next().is_some() {
            Ok(Encoding::Pem)
        } else if bytes.first() == Some(&SEQUENCE) {
            Ok(Encoding::Der)
        } else {
            Err(TlsSetupError::NotPem { input: self.name() })
        }
    }

    /// The old way to encrypt a key puts headers inside the PEM, which look
    /// like damage to a reader of today's PEM.
    fn pem_fault(&self, bytes: &[u8]) -> TlsSetupError {
        let input = self.name();
        let encrypted = lines(bytes).any(|line| line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED"));
        match self.role {
            Role::Key if encrypted => TlsSetupError::UnsupportedEncryption { input },
            _ => TlsSetupError::DamagedPem { input },
        }
    }

    fn unreadable(&self, error: &io::Error) -> TlsSetupError {
        TlsSetupError::Unreadable { input: self.name(), kind: error.kind() }
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::File(path) => write!(f, "{path:?}"),
            Source::Bytes(bytes) => write!(f, "<{} bytes>", bytes.len()),
        }
    }
}

/// The client's certificate, with its intermediates, and the key of it.
pub(super) fn identity(
    certificate: &Material,
    key: &Material,
    pass_phrase: Option<&[u8]>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsSetupError> {
    let mut chain = certificate.certificates()?;
    let private = provider
        .key_provider
        .load_private_key(key.private_key(pass_phrase)?)
        .map_err(|_| TlsSetupError::UnsupportedKey { input: key.name() })?;

    if let Some(public) = private.public_key() {
        let mut keys = Vec::with_capacity(chain.len());
        for link in &chain {
            let parsed =
                Certificate::parse(link).ok_or_else(|| TlsSetupError::BadCertificate { input: certificate.name() })?;
            keys.push(parsed.public_key());
        }
        let own = keys.iter().position(|key| *key == public.as_ref());
        let own = own.ok_or_else(|| TlsSetupError::KeyMismatch { certificate: certificate.name(), key: key.name() })?;
        // TLS wants our own first; files made with the CA on top are common.
        let own = chain.remove(own);
        chain.insert(0, own);
    }
    Ok(CertifiedKey::new(chain, private))
}

/// Whether this is an EncryptedPrivateKeyInfo: it begins with an algorithm, all others with a version.
fn is_encrypted(der: &[u8]) -> bool {
    Der::new(der).enter(SEQUENCE).is_some_and(|mut inside| inside.enter(SEQUENCE).is_some())
}

/// Windows editors like to begin UTF-8 text with a mark.
fn without_mark(bytes: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes)),
        Cow::Owned(mut bytes) => {
            if bytes.starts_with(UTF8_MARK) {
                bytes.drain(..UTF8_MARK.len());
            }
            Cow::Owned(bytes)
        }
    }
}

fn first_label(bytes: &[u8]) -> Option<String> {
    labels(bytes).next().map(|label| readable(&label))
}

/// The labels of all PEM sections, in their order.
fn labels(bytes: &[u8]) -> impl Iterator<Item = Cow<'_, str>> {
    lines(bytes).filter_map(|line| {
        let label = line.strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")?;
        Some(String::from_utf8_lossy(label))
    })
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii_end)
}

#[derive(PartialEq, Eq)]
enum Encoding {
    Pem,
    Der,
}

/// The largest bundles of CA certificates are well below 1 MiB.
const LIMIT: usize = 16 << 20;
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY-----";
const PLAIN: &str = "PRIVATE KEY-----";
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
