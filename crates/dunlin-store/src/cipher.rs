use core::fmt;

/// Seals what is written and opens what is read, so that who has the disk does not have the messages. It is the
/// caller's: an authenticated cipher with a key from wherever keys are kept.
///
/// Only values are sealed. What can be seen is how many entries there are, how long they are, and their keys, in which
/// are packet identifiers and counters. Seal the key in with the value (as associated data), so that nobody can
/// exchange two values.
///
/// ```
/// use dunlin_store::{Cipher, CipherFailed};
///
/// /// Hides nothing from anybody: it shows the shape.
/// struct Mask(u8);
///
/// impl Cipher for Mask {
///     fn seal(&mut self, _key: u64, plain: &[u8], sealed: &mut Vec<u8>) -> Result<(), CipherFailed> {
///         sealed.extend(plain.iter().map(|byte| byte ^ self.0));
///         Ok(())
///     }
///
///     fn open(&mut self, _key: u64, sealed: &[u8], plain: &mut Vec<u8>) -> Result<(), CipherFailed> {
///         plain.extend(sealed.iter().map(|byte| byte ^ self.0));
///         Ok(())
///     }
/// }
/// ```
pub trait Cipher: Send {
    /// Appends the sealed form of `plain` to `sealed`.
    ///
    /// # Errors
    /// It cannot now; the group is not written, and the client tries again later.
    fn seal(&mut self, key: u64, plain: &[u8], sealed: &mut Vec<u8>) -> Result<(), CipherFailed>;

    /// Appends what was sealed to `plain`.
    ///
    /// # Errors
    /// It was sealed with another key, or is not what was sealed: the entry is put into quarantine.
    fn open(&mut self, key: u64, sealed: &[u8], plain: &mut Vec<u8>) -> Result<(), CipherFailed>;
}

/// A [`Cipher`] refused to seal or to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CipherFailed;

impl fmt::Display for CipherFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the cipher refused to seal or to open an entry")
    }
}

impl core::error::Error for CipherFailed {}
