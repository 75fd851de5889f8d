//! A socket of this machine.

use std::{io, path::Path, pin::Pin};

use super::Stream;
use crate::NetworkError;

pub(super) async fn connect(path: &Path) -> Result<Pin<Box<dyn Stream>>, NetworkError> {
    stream(path).await.map_err(|error| NetworkError::Socket { path: path.into(), kind: error.kind() })
}

#[cfg(unix)]
async fn stream(path: &Path) -> io::Result<Pin<Box<dyn Stream>>> {
    Ok(Box::pin(tokio::net::UnixStream::connect(path).await?))
}

/// Never called: the options are refused before.
#[cfg(not(unix))]
async fn stream(_: &Path) -> io::Result<Pin<Box<dyn Stream>>> {
    Err(io::ErrorKind::Unsupported.into())
}
