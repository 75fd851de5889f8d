use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm};
use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};

/// The public half of a device's key: of P-256 or RSA, in PEM (`BEGIN PUBLIC KEY`).
#[derive(Clone)]
pub struct PublicKey {
    is_rsa: bool,
    bytes: Vec<u8>,
}

impl PublicKey {
    /// Reads it, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// It is no such key.
    pub fn from_pem(pem: &str) -> Result<Self, PublicKeyError> {
        let info = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).map_err(|_| PublicKeyError)?;
        Self::of_info(&info).ok_or(PublicKeyError)
    }

    /// A sequence of the algorithm and a string of bits, which is the key.
    fn of_info(info: &[u8]) -> Option<Self> {
        let (inside, _) = element(info, 0x30)?;
        let (algorithm, rest) = element(inside, 0x30)?;
        let (bits, _) = element(rest, 0x03)?;
        let is_rsa = algorithm.starts_with(RSA);
        (is_rsa || algorithm.ends_with(P256)).then_some(())?;
        Some(Self { is_rsa, bytes: bits.strip_prefix(&[0])?.to_vec() })
    }

    /// Whether the private half signed the message of a token whose header says so.
    pub(super) fn verify(&self, message: &str, signature: &str) -> Option<()> {
        let header = BASE64.decode(message.split_once('.')?.0).ok()?;
        let header: serde_json::Value = serde_json::from_slice(&header).ok()?;
        let (name, algorithm): (_, &'static dyn VerificationAlgorithm) =
            if self.is_rsa { ("RS256", &RSA_PKCS1_2048_8192_SHA256) } else { ("ES256", &ECDSA_P256_SHA256_FIXED) };
        (header.get("alg")?.as_str()? == name).then_some(())?;
        let signature = BASE64.decode(signature).ok()?;
        UnparsedPublicKey::new(algorithm, &self.bytes).verify(message.as_bytes(), &signature).ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", if self.is_rsa { "RSA" } else { "P-256" })
    }
}

/// The text is no public key of P-256 or RSA in PEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKeyError;

impl fmt::Display for PublicKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no public key of P-256 or RSA in PEM: make one with `openssl pkey -pubout`")
    }
}

impl std::error::Error for PublicKeyError {}

/// The contents of an element of DER with this tag, and what is behind it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [first, length, rest @ ..] = der else { return None };
    let (len, rest) = match length {
        0..=0x7F => (usize::from(*length), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), rest.get(2..)?),
        _ => return None,
    };
    (*first == tag).then(|| rest.split_at_checked(len)).flatten()
}

/// The names of the algorithms, as elements of DER.
const RSA: &[u8] = &[0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const P256: &[u8] = &[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
