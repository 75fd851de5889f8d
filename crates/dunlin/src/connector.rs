use std::{future::Future, io, pin::Pin, sync::Arc};

use tokio::io::{AsyncRead, AsyncWrite};

/// A stream of bytes to a server, whatever is below it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

/// The application's own way to open a connection, with its types erased.
#[derive(Clone)]
pub(crate) struct CustomConnector {
    open: Arc<dyn Fn() -> Opening + Send + Sync>,
}

type Opening = Pin<Box<dyn Future<Output = io::Result<Pin<Box<dyn Stream>>>> + Send>>;

impl CustomConnector {
    pub(crate) fn new<C, F, S>(connect: C) -> Self
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let open = move || {
            let opening = connect();
            Box::pin(async move { opening.await.map(|stream| Box::pin(stream) as Pin<Box<dyn Stream>>) }) as Opening
        };
        Self { open: Arc::new(open) }
    }

    /// One more connection.
    pub(crate) async fn open(&self) -> io::Result<Pin<Box<dyn Stream>>> {
        (self.open)().await
    }
}
