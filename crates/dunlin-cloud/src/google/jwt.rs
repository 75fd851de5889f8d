use core::fmt::{self, Write};

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::{
    SignError,
    json::{Object, Value},
    line::Line,
};

/// Whom a token is for, and from when to when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims<'a> {
    /// For whom: the project.
    pub audience: &'a str,
    /// Seconds since 1970, UTC.
    pub issued_at: u64,
    /// Seconds since 1970, UTC; at most 24 hours later.
    pub expires_at: u64,
}

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: 64 bytes, r and s.
    Es256,
    /// RSA PKCS#1 1.5 with SHA-256: as many bytes as the key has.
    Rs256,
}

/// Somebody who has a private key and signs with it: a library, or a secure element.
pub trait JwtSigner {
    /// Why it did not.
    type Error;

    /// By which algorithm.
    fn algorithm(&self) -> Algorithm;

    /// Signs `message` and puts the signature at the front of `signature`; gives its length.
    ///
    /// # Errors
    /// As the key has it.
    fn sign(&mut self, message: &[u8], signature: &mut SignatureBuffer) -> Result<usize, Self::Error>;
}

/// Room for the signature of an RSA key of 4,096 bits.
pub type SignatureBuffer = [u8; 512];

impl Claims<'_> {
    /// Writes the token, which is a password.
    ///
    /// # Errors
    /// It needs more room, or the key does not sign.
    pub fn write<'o, S: JwtSigner>(&self, out: &'o mut [u8], signer: &mut S) -> Result<&'o str, SignError<S::Error>> {
        let mut line = Line::new(out);
        let header = Object([("alg", Some(Value::Text(signer.algorithm().name()))), ("typ", Some(Value::Text("JWT")))]);
        let claims = Object([
            ("iat", Some(Value::Number(self.issued_at))),
            ("exp", Some(Value::Number(self.expires_at))),
            ("aud", Some(Value::Text(self.audience))),
        ]);
        line.push(format_args!("{}.{}", Base64Url(header), Base64Url(claims)));
        let mut buffer = [0; 512];
        // A key is not asked to sign what is not whole.
        let message = line.so_far(signer.algorithm().most_behind_message())?;
        let len = signer.sign(message, &mut buffer).map_err(SignError::Signer)?;
        line.push('.');
        for piece in buffer.get(..len).unwrap_or_default().chunks(3) {
            line.push(Base64UrlUnpadded::encode(piece, &mut [0; 4]).unwrap_or_default());
        }
        Ok(line.finish()?)
    }
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The point and the longest signature in Base64.
    const fn most_behind_message(self) -> usize {
        match self {
            Self::Es256 => 1 + 86,
            Self::Rs256 => 1 + 683,
        }
    }
}

/// A text in Base64 for URLs, without padding.
struct Base64Url<T>(T);

impl<T: fmt::Display> fmt::Display for Base64Url<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut encoder = Encoder { f, waiting: [0; 3], len: 0 };
        write!(encoder, "{}", self.0)?;
        encoder.flush()
    }
}

struct Encoder<'a, 'f> {
    f: &'a mut fmt::Formatter<'f>,
    /// Bytes that make no whole group yet.
    waiting: [u8; 3],
    len: usize,
}

impl Encoder<'_, '_> {
    fn flush(&mut self) -> fmt::Result {
        let group = self.waiting.get(..self.len).unwrap_or_default();
        self.len = 0;
        self.f.write_str(Base64UrlUnpadded::encode(group, &mut [0; 4]).unwrap_or_default())
    }
}

impl Write for Encoder<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if let Some(slot) = self.waiting.get_mut(self.len) {
                *slot = byte;
            }
            self.len += 1;
            if self.len == self.waiting.len() {
                self.flush()?;
            }
        }
        Ok(())
    }
}
