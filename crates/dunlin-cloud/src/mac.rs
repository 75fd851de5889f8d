use core::{
    convert::Infallible,
    fmt::{self, Write},
};

use base64ct::{Base64, Encoding};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// Somebody who has a key and makes HMAC-SHA256 with it: a [`SymmetricKey`] in memory, or a secure element that never
/// gives its key away.
pub trait HmacSha256 {
    /// Why it did not.
    type Error;

    /// The code of all `parts`, one behind the other.
    ///
    /// # Errors
    /// As the key has it; what was to be signed is then not signed.
    fn authenticate(&mut self, parts: &[&[u8]]) -> Result<[u8; 32], Self::Error>;
}

/// A key in memory, of at most 64 bytes. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SymmetricKey {
    bytes: [u8; LONGEST],
    len: usize,
}

impl SymmetricKey {
    /// From Base64, as Azure shows its keys; it takes the same time for every key of a length.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        // The longest key has two characters of padding; a text of that length without is of more bytes.
        let mut bytes = [0; LONGEST + 2];
        if text.len() > LONGEST_TEXT {
            return Err(KeyError::TooLong);
        }
        Self::new(Base64::decode(text, &mut bytes).map_err(|_| KeyError::NotBase64)?)
    }

    /// From the bytes themselves.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn new(key: &[u8]) -> Result<Self, KeyError> {
        if key.is_empty() {
            return Err(KeyError::Empty);
        }
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..key.len()).ok_or(KeyError::TooLong)?.copy_from_slice(key);
        Ok(Self { bytes, len: key.len() })
    }

    /// The key of one device, from the key of its group: what Azure's Device Provisioning Service does with the keys of
    /// an enrolment group.
    pub fn derive(&self, registration_id: &str) -> Self {
        let mut bytes = [0; LONGEST];
        let code = hmac_sha256(self.as_bytes(), &[registration_id.as_bytes()]);
        for (to, from) in bytes.iter_mut().zip(code) {
            *to = from;
        }
        Self { bytes, len: code.len() }
    }

    /// The key, to be kept as secret as it is.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl HmacSha256 for SymmetricKey {
    type Error = Infallible;

    fn authenticate(&mut self, parts: &[&[u8]]) -> Result<[u8; 32], Infallible> {
        Ok(hmac_sha256(self.as_bytes(), parts))
    }
}

impl fmt::Debug for SymmetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SymmetricKey({} bytes)", self.len)
    }
}

/// Why there is no key. The caller's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not Base64 with its padding.
    NotBase64,
    /// It has no byte.
    Empty,
    /// More than 64 bytes.
    TooLong,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBase64 => "the key is not Base64: copy it whole, with the '=' at its end",
            Self::Empty => "the key is empty",
            Self::TooLong => "the key is longer than 64 bytes",
        })
    }
}

impl core::error::Error for KeyError {}

/// Why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError<E> {
    /// The caller's slice is too short.
    NoRoom(crate::NoRoom),
    /// Whoever has the key did not sign.
    Signer(E),
}

impl<E: fmt::Display> fmt::Display for SignError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom(error) => error.fmt(f),
            Self::Signer(error) => write!(f, "the token was not signed: {error}"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for SignError<E> {}

impl<E> From<crate::NoRoom> for SignError<E> {
    fn from(error: crate::NoRoom) -> Self {
        Self::NoRoom(error)
    }
}

pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = new_mac(key);
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The code of a text, which is not written down for it.
pub(crate) fn hmac_of_text(key: &[u8], text: impl fmt::Display) -> [u8; 32] {
    let mut mac = new_mac(key);
    let _ = write!(Authenticating(&mut mac), "{text}");
    mac.finalize().into_bytes().into()
}

/// A key of any length: one that is longer than a block stands as its digest, as HMAC says.
fn new_mac(key: &[u8]) -> Hmac<Sha256> {
    let (digest, mut block) = (sha256(&[key]), [0; BLOCK]);
    let key = if key.len() > BLOCK { &digest } else { key };
    for (byte, of_key) in block.iter_mut().zip(key) {
        *byte = *of_key;
    }
    Hmac::new(&block.into())
}

/// Bytes that SHA-256 takes at once.
const BLOCK: usize = 64;

struct Authenticating<'a>(&'a mut Hmac<Sha256>);

impl Write for Authenticating<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().into()
}

/// Bytes as hexadecimal digits.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Bytes of a key.
const LONGEST: usize = 64;
/// Characters of it in Base64.
const LONGEST_TEXT: usize = 88;

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    /// RFC 4231, the sixth of its cases.
    #[test]
    fn a_key_that_is_longer_than_a_block_stands_as_its_digest() {
        let code = hmac_sha256(&[0xAA; 131], &[b"Test Using Larger Than Block-Size Key - Hash Key First"]);
        let expected = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        assert_eq!(code.iter().map(|byte| format!("{byte:02x}")).collect::<std::string::String>(), expected);
    }

    #[test]
    fn keys_are_checked_and_never_shown() {
        assert_eq!(SymmetricKey::from_base64(""), Err(KeyError::Empty));
        assert_eq!(SymmetricKey::from_base64("a"), Err(KeyError::NotBase64));
        assert_eq!(SymmetricKey::from_base64("YWJj\n"), Err(KeyError::NotBase64));
        assert_eq!(SymmetricKey::from_base64(&"AAAA".repeat(22)), Err(KeyError::TooLong));
        assert_eq!(SymmetricKey::from_base64(&"AAAA".repeat(23)), Err(KeyError::TooLong));
        assert_eq!(SymmetricKey::new(&[7; 65]), Err(KeyError::TooLong));
        assert_eq!(SymmetricKey::new(&[]), Err(KeyError::Empty));
        let key = SymmetricKey::from_base64("c2VjcmV0").unwrap();
        assert_eq!(key, SymmetricKey::new(b"secret").unwrap());
        assert_eq!(format!("{key:?}"), "SymmetricKey(6 bytes)");
        let longest = format!("{}AA==", "AAAA".repeat(21));
        assert_eq!(SymmetricKey::from_base64(&longest).map(|key| key.as_bytes().len()), Ok(64));
    }

    /// RFC 4231, test case 2.
    #[test]
    fn hmac_is_that_of_the_rfc() {
        let code = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(format!("{}", Hex(&code)), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
