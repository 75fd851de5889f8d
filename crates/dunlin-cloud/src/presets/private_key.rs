use core::fmt;

use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};

use crate::google::{Algorithm, JwtSigner, SignatureBuffer};

/// A private key in memory that signs tokens: P-256 (ES256) or RSA of 2,048 to 4,096 bits (RS256). `Debug` does not show
/// it.
pub struct PrivateKey {
    pair: Pair,
    random: SystemRandom,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl PrivateKey {
    /// From PEM: PKCS#8, or for RSA PKCS#1.
    ///
    /// # Errors
    /// See [`PrivateKeyError`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, PrivateKeyError> {
        let random = SystemRandom::new();
        let pair = match PrivateKeyDer::from_pem_slice(pem).map_err(|_| PrivateKeyError::NotPem)? {
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                let ecdsa = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random);
                match ecdsa {
                    Ok(pair) => Pair::Ecdsa(pair),
                    Err(_) => Pair::Rsa(RsaKeyPair::from_pkcs8(der).map_err(|_| PrivateKeyError::Kind)?),
                }
            }
            PrivateKeyDer::Pkcs1(der) => {
                Pair::Rsa(RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(|_| PrivateKeyError::Kind)?)
            }
            _ => return Err(PrivateKeyError::Sec1),
        };
        Ok(Self { pair, random })
    }
}

impl JwtSigner for PrivateKey {
    type Error = PrivateKeyError;

    fn algorithm(&self) -> Algorithm {
        match &self.pair {
            Pair::Ecdsa(_) => Algorithm::Es256,
            Pair::Rsa(_) => Algorithm::Rs256,
        }
    }

    fn sign(&mut self, message: &[u8], signature: &mut SignatureBuffer) -> Result<usize, PrivateKeyError> {
        let not_signed = |_| PrivateKeyError::NotSigned;
        match &self.pair {
            Pair::Ecdsa(pair) => {
                let made = pair.sign(&self.random, message).map_err(not_signed)?;
                signature.iter_mut().zip(made.as_ref()).for_each(|(to, from)| *to = *from);
                Ok(made.as_ref().len())
            }
            Pair::Rsa(pair) => {
                let len = pair.public().modulus_len();
                let room = signature.get_mut(..len).ok_or(PrivateKeyError::Kind)?;
                pair.sign(&RSA_PKCS1_SHA256, &self.random, message, room).map_err(not_signed)?;
                Ok(len)
            }
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?})", self.algorithm())
    }
}

/// Why a key does not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrivateKeyError {
    /// It is not PEM, or has no private key in it.
    NotPem,
    /// It is in the form that OpenSSL made in former times (SEC1).
    Sec1,
    /// It is neither of P-256 nor RSA of 2,048 to 4,096 bits, or damaged.
    Kind,
    /// The system has no random numbers.
    NotSigned,
}

impl fmt::Display for PrivateKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPem => "there is no private key in this PEM",
            Self::Sec1 => "the key is in SEC1 form: make PKCS#8 of it with `openssl pkcs8 -topk8 -nocrypt`",
            Self::Kind => "the key is neither of P-256 nor RSA of 2,048 to 4,096 bits, or it is damaged",
            Self::NotSigned => "the key did not sign: the system gave no random numbers",
        })
    }
}

impl core::error::Error for PrivateKeyError {}
