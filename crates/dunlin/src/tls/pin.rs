use core::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::digest::{SHA256, digest};

/// The SHA-256 of a public key (its SubjectPublicKeyInfo): a certificate that is made anew for the same key has the same.
///
/// From text as OpenSSL prints it, 64 hexadecimal digits with or without colons, or as curl takes it, `sha256//` and
/// base64; it displays itself as the latter. This prints the former for a certificate:
///
/// ```sh
/// openssl x509 -in CERT -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyPin([u8; 32]);

/// A text is no SHA-256 of a key. The caller's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPinError;

impl KeyPin {
    pub(super) fn of(public_key: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, public_key).as_ref());
        Self(hash)
    }
}

impl From<[u8; 32]> for KeyPin {
    fn from(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

impl FromStr for KeyPin {
    type Err = KeyPinError;

    fn from_str(text: &str) -> Result<Self, KeyPinError> {
        let bytes = match text.strip_prefix("sha256//") {
            Some(base64) => BASE64_STANDARD.decode(base64).map_err(|_| KeyPinError)?,
            None => {
                let digits: Vec<u32> = text
                    .chars()
                    .filter(|digit| *digit != ':')
                    .map(|digit| digit.to_digit(16).ok_or(KeyPinError))
                    .collect::<Result<_, _>>()?;
                if !digits.len().is_multiple_of(2) {
                    return Err(KeyPinError);
                }
                digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8)).collect()
            }
        };
        bytes.try_into().map(Self).map_err(|_| KeyPinError)
    }
}

impl fmt::Display for KeyPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256//{}", BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for KeyPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KeyPinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no SHA-256 of a key: 64 hexadecimal digits, or sha256// and base64")
    }
}

impl core::error::Error for KeyPinError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_read_in_every_form() {
        let pin = KeyPin::of(b"abc");
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let colons = hex.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap().to_uppercase());
        let colons = colons.collect::<Vec<_>>().join(":");
        assert_eq!(pin.to_string(), "sha256//ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        for text in [hex, &colons, &pin.to_string()] {
            assert_eq!(text.parse(), Ok(pin), "{text}");
        }
        for text in ["", "ba78", &hex[1..], &format!("{hex}00"), &hex.replace('b', "g"), "sha256//", "sha256//ungW"] {
            assert_eq!(text.parse::<KeyPin>(), Err(KeyPinError), "{text}");
        }
    }
}
