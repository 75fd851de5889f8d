//! What stands for QUIC in a build without the feature `quic`, which refuses its URLs before.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
};

use tokio::io::Empty;

use crate::{
    NetworkError,
    tls::{TlsError, TlsOptions},
};

/// Cannot be made.
#[derive(Clone)]
pub(crate) struct Connector(Infallible);

impl Connector {
    /// There is none.
    pub(crate) fn ready(_: &TlsOptions) -> Result<Option<Self>, TlsError> {
        Ok(None)
    }

    pub(crate) async fn connect(
        self,
        _: String,
        _: SocketAddr,
        _: Option<IpAddr>,
    ) -> Result<Result<Empty, TlsError>, NetworkError> {
        match self.0 {}
    }
}
