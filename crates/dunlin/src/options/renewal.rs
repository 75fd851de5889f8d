//! When credentials are made anew while a connection lasts.

use core::{fmt, future::Future, pin::Pin};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{task, time};

use super::ConnectOptions;

/// What is made anew is what [`credentials_from`](ConnectOptions::credentials_from), [`url_from`](ConnectOptions::url_from)
/// and [`will_from`](ConnectOptions::will_from) give, or what an [`Authenticator`](crate::Authenticator) begins with. Where
/// they know for how long it is good ([`Credentials::good_for`](crate::Credentials::good_for),
/// [`Authenticator::good_for`](crate::Authenticator::good_for)), nothing need be said here.
///
/// Each does what [`Client::renew`](crate::Client::renew) does. If that fails, it is told as
/// [`Event::RenewalFailed`](crate::Event::RenewalFailed), the connection goes on as long as the server has it, and it is
/// tried again after a second, then two, up to a minute.
impl ConnectOptions {
    /// Make the credentials anew so long after each connection began, or up to a tenth of that earlier, so that many
    /// clients do not come back together; also where they say themselves that they are good for longer.
    pub fn renew_after(mut self, time: Duration) -> Self {
        self.edit().renew_after = Some(time);
        self
    }

    /// Make the credentials anew whenever the future ends that `wait` gives. It is called anew for each connection and after
    /// each renewal, and polled by the driver: it must not block. What was given before is forgotten.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dunlin::ConnectOptions;
    /// use tokio::sync::Notify;
    ///
    /// let rotated = Arc::new(Notify::new());
    /// let signal = rotated.clone();
    /// let options = ConnectOptions::new("broker.example").renew_when(move || {
    ///     let signal = signal.clone();
    ///     async move { signal.notified().await }
    /// });
    /// ```
    pub fn renew_when<W, F>(mut self, wait: W) -> Self
    where
        W: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.edit().renew_when = Some(Signal(Arc::new(move || Box::pin(wait()))));
        self
    }

    /// As [`renew_when`](ConnectOptions::renew_when), whenever this file is another one or was written to, such as one with
    /// a token that somebody replaces in good time. It is looked at every 10 s, on a thread for blocking work.
    pub fn renew_when_changed(self, file: impl Into<PathBuf>) -> Self {
        let file = file.into();
        self.renew_when(move || {
            let file = file.clone();
            async move {
                let before = state_of(&file).await;
                while state_of(&file).await == before {
                    time::sleep(LOOK_EVERY).await;
                }
            }
        })
    }

    /// How long a connection that makes room for another one, with fresh credentials, waits for the server's answers to
    /// what was sent, and for the application to acknowledge what it was given. What is not settled then is as after any
    /// connection that is lost: sent again with a session that is kept, and perhaps there twice without. Default: 10 s.
    pub fn renew_drain(mut self, time: Duration) -> Self {
        self.edit().renew_drain = time;
        self
    }
}

/// A function of the application whose future ends when something is to be done.
#[derive(Clone)]
pub(crate) struct Signal(Arc<dyn Fn() -> Waiting + Send + Sync>);

type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Signal {
    pub(crate) fn wait(&self) -> Waiting {
        (self.0)()
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signal")
    }
}

/// When it was written to last, and how long it is; `None`: it cannot be seen just now.
async fn state_of(file: &Path) -> Option<(SystemTime, u64)> {
    let file = file.to_owned();
    let looked = task::spawn_blocking(move || {
        let data = fs::metadata(file).ok()?;
        Some((data.modified().ok()?, data.len()))
    });
    looked.await.ok()?
}

const LOOK_EVERY: Duration = Duration::from_secs(10);
