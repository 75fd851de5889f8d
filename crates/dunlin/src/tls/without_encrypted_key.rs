//! What stands for the decryption of private keys in a build without the feature `encrypted-keys`.

use crate::tls::{TlsInput, TlsSetupError};

/// Fails.
pub(crate) fn decrypt(_: &[u8], _: &[u8], input: TlsInput) -> Result<Vec<u8>, TlsSetupError> {
    Err(TlsSetupError::EncryptedKeyNotBuilt { input })
}
