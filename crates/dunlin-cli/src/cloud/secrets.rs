//! Secrets from files and the environment, and what is made of them.

use std::fmt::Display;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use dunlin_cloud::SymmetricKey;

use crate::connection::secret;
use crate::exit_codes::ExitCode;
use crate::failure::Failure;

/// An option, or a file that it names, is not what it should be.
pub(super) fn unusable(error: impl Display) -> Failure {
    Failure::new(ExitCode::Options, error.to_string())
}

/// The text in a file, without a line break at its end.
pub(super) fn text_in(what: &str, path: &Path) -> Result<String, Failure> {
    String::from_utf8(secret::read(what, path)?).map_err(|_| unusable(format!("{what} {} is no text", path.display())))
}

/// A symmetric key in Base64.
pub(super) fn key_in(what: &str, path: &Path) -> Result<SymmetricKey, Failure> {
    SymmetricKey::from_base64(&text_in(what, path)?).map_err(|error| unusable(error).during(what))
}

/// What is written into memory, as a text.
pub(super) fn written<E: Display>(
    write: impl for<'o> FnOnce(&'o mut [u8]) -> Result<&'o str, E>,
) -> Result<String, Failure> {
    write(&mut vec![0; ROOM]).map(str::to_owned).map_err(unusable)
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// More than a token of the largest key needs.
const ROOM: usize = 16 << 10;
