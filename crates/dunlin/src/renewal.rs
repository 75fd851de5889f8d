//! Credentials that end while the connection lasts: they are made anew in good time, and no message is in doubt for it.
//!
//! ```text
//!  asked, due or told so
//!        |
//!        |   with an authentication method: AUTH 0x19 on the connection there is
//!        +------------------------------------------------------------------------> renewed in place
//!        |   else: the providers are asked,       no PUBLISH is begun,   DISCONNECT
//!        |   while all goes on as it was          and the server answers what was begun
//!        +------------------------------------>---------------------------->----------> the next connection
//! ```

use core::{
    fmt,
    future::poll_fn,
    task::{Poll, ready},
};

use crate::{Client, ConnectionError, ProviderError, ReauthenticateError, Status};

impl Client {
    /// Makes the credentials of the connection anew, now, as the client does by itself where the options
    /// [say when](crate::ConnectOptions::renew_after): with an [authentication
    /// method](crate::ConnectOptions::authentication) on the connection that there is, otherwise on another one, for which
    /// the providers are asked first. Without either it is another connection all the same.
    ///
    /// Messages are accepted meanwhile. Before the connection ends none is begun any more, those that were begun have
    /// [some time](crate::ConnectOptions::renew_drain) to be settled, and the application to acknowledge what it was
    /// given. Where the session ends with its connection, what the server sends between the two is lost.
    ///
    /// Waits for the end of it; several callers wait for the same. Dropping the future does not stop the renewal.
    ///
    /// ```no_run
    /// # async fn example(client: dunlin::Client) -> Result<(), dunlin::RenewError> {
    /// use dunlin::Renewed;
    /// match client.renew().await? {
    ///     Renewed::InPlace => println!("the server took the new token"),
    ///     Renewed::Reconnected { session_present } => println!("connected anew; same session: {session_present}"),
    ///     _ => {}
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`RenewError`].
    pub async fn renew(&self) -> Result<Renewed, RenewError> {
        let shared = self.shared();
        let number = shared.with_driver_woken(|engine| engine.ask_for_renewal())?;
        poll_fn(|cx| {
            let mut engine = shared.lock();
            let ended = engine.renewal_result(number);
            if ended.is_none() {
                ready!(engine.poll_status(cx, |engine| engine.status == Status::Closed));
            }
            Poll::Ready(ended.unwrap_or(Err(RenewError::Closed)))
        })
        .await
    }
}

/// How the credentials were made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Renewed {
    /// By an authentication on the connection that there was: it goes on.
    InPlace,
    /// By another connection.
    Reconnected {
        /// The server went on with the session. Otherwise subscriptions are being made again.
        session_present: bool,
    },
}

/// Why the credentials were not made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RenewError {
    /// There is no connection: the next begins with fresh credentials anyway.
    NotConnected,
    /// What is made anew could not be had. The connection goes on as it was.
    Provider(ProviderError),
    /// The authentication did not come to its end.
    Authentication(ReauthenticateError),
    /// The other connection could not be made; the client goes on trying.
    Connect(Box<ConnectionError>),
    /// The client is closed, or was before the renewal ended.
    Closed,
}

impl fmt::Display for RenewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => {
                f.write_str("there is no connection to renew: the next begins with fresh credentials")
            }
            Self::Provider(error) => error.fmt(f),
            Self::Authentication(error) => error.fmt(f),
            Self::Connect(error) => error.fmt(f),
            Self::Closed => f.write_str("the client is closed"),
        }
    }
}

impl core::error::Error for RenewError {}
