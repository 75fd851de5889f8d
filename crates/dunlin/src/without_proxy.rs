//! What stands for proxies in a build without the feature `proxy`.

use core::fmt;
use std::convert::Infallible;

use tokio::{net::TcpStream, time::Instant};

use crate::{
    NetworkError,
    options::{ProxyChoice, Server},
};

/// A proxy to go through. There is none in a build without the feature `proxy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy(Infallible);

impl Proxy {
    /// From a URL.
    ///
    /// # Errors
    /// Always: [`ProxyError::NotBuilt`].
    pub fn from_url(_: &str) -> Result<Self, ProxyError> {
        Err(ProxyError::NotBuilt)
    }

    pub(crate) fn check(&self) -> Result<(), ProxyError> {
        match self.0 {}
    }

    pub(crate) fn address(&self) -> (&str, u16) {
        match self.0 {}
    }

    pub(crate) async fn tunnel(&self, _: TcpStream, _: &Server, _: Instant) -> Result<TcpStream, ProxyError> {
        match self.0 {}
    }

    pub(crate) fn unreachable(&self, _: NetworkError) -> ProxyError {
        match self.0 {}
    }
}

/// Why there is no way through the proxy: this build knows none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyError {
    /// The feature `proxy` is off.
    NotBuilt,
}

impl ProxyError {
    /// What to do about it.
    pub const fn hint(&self) -> Option<&str> {
        Some("build dunlin with its feature `proxy`")
    }

    pub(crate) const fn is_lasting(&self) -> bool {
        true
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this build knows no proxies: the feature `proxy` of dunlin is off")
    }
}

impl core::error::Error for ProxyError {}

/// There is none.
pub(crate) fn choose(choice: &ProxyChoice, _: &Server) -> Result<Option<Proxy>, ProxyError> {
    match choice {
        ProxyChoice::This(proxy) => match proxy.0 {},
        ProxyChoice::OfEnvironment | ProxyChoice::None => Ok(None),
    }
}
