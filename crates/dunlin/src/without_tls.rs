//! What stands for TLS in a build without the feature `tls`.

use core::fmt;
use std::{convert::Infallible, io};

/// Nothing can be said about TLS in a build without the feature `tls`.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {}

/// Why TLS failed: this build has none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsError {
    /// The feature `tls` is off.
    NotBuilt,
}

impl TlsError {
    pub(crate) fn from_io(_: &io::Error) -> Option<Self> {
        None
    }

    pub(crate) fn network(&self) -> Option<io::ErrorKind> {
        None
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        "build dunlin with its feature `tls`, or connect to mqtt://"
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this build has no TLS")
    }
}

impl core::error::Error for TlsError {}

/// Cannot be made.
#[derive(Clone)]
pub(crate) struct Connector(Infallible);

impl Connector {
    pub(crate) fn new(_: &TlsOptions) -> Result<Self, TlsError> {
        Err(TlsError::NotBuilt)
    }

    pub(crate) async fn connect<S>(&self, _: S, _: &str) -> Result<S, TlsError> {
        match self.0 {}
    }
}
