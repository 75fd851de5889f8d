//! Private keys that are encrypted with a pass phrase: PKCS#8 (RFC 5958) with PBES2 (RFC 8018).

use pkcs8::{EncryptedPrivateKeyInfo, Error, pkcs5::Error as Pbes};

use crate::tls::{TlsInput, TlsSetupError};

/// The PKCS#8 inside. `input` is what errors call it.
pub(crate) fn decrypt(der: &[u8], pass_phrase: &[u8], input: TlsInput) -> Result<Vec<u8>, TlsSetupError> {
    let unsupported = TlsSetupError::UnsupportedEncryption { input: input.clone() };
    let Ok(encrypted) = EncryptedPrivateKeyInfo::try_from(der) else { return Err(unsupported) };
    match encrypted.decrypt(pass_phrase) {
        Ok(key) => Ok(key.as_bytes().to_vec()),
        // The first is said of a padding that is not one; the others when by chance it is.
        Err(Error::EncryptedPrivateKey(Pbes::EncryptFailed | Pbes::DecryptFailed))
        | Err(Error::Asn1(_) | Error::KeyMalformed) => Err(TlsSetupError::WrongPassPhrase { input }),
        Err(_) => Err(unsupported),
    }
}
