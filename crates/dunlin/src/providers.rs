//! What the application makes anew before each try to connect: URL, credentials and will.

use core::{error::Error, fmt, future::Future, pin::Pin};
use std::{sync::Arc, time::Duration};

use tokio::time::{self, Instant};

use crate::Will;

/// As whom to connect. `Debug` shows neither.
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "credentials do nothing until they are given to the client"]
pub struct Credentials {
    pub(crate) user_name: Option<String>,
    pub(crate) password: Option<Vec<u8>>,
    pub(crate) good_for: Option<Duration>,
}

impl Credentials {
    /// Neither user name nor password.
    pub const fn new() -> Self {
        Self { user_name: None, password: None, good_for: None }
    }

    /// The user name; may be empty.
    pub fn user_name(mut self, user_name: impl Into<String>) -> Self {
        self.user_name = Some(user_name.into());
        self
    }

    /// The password, or a token: any bytes. Without a user name it needs 5.0 [MQTT-3.1.2-22].
    pub fn password(mut self, password: impl Into<Vec<u8>>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// For how long the server takes them, from now on. Where they are made anew for each connection
    /// ([`credentials_from`](crate::ConnectOptions::credentials_from)), the client comes back with new ones by itself when
    /// 85 % of that time are over, or up to a tenth earlier; see [`Client::renew`](crate::Client::renew).
    pub fn good_for(mut self, time: Duration) -> Self {
        self.good_for = Some(time);
        self
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user_name", &self.user_name.as_ref().map(|_| "..."))
            .field("password", &self.password.as_ref().map(|_| "..."))
            .finish()
    }
}

/// Something that the application makes anew before each try to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provider {
    /// See [`ConnectOptions::url_from`](crate::ConnectOptions::url_from).
    Url,
    /// See [`ConnectOptions::credentials_from`](crate::ConnectOptions::credentials_from).
    Credentials,
    /// See [`ConnectOptions::will_from`](crate::ConnectOptions::will_from).
    Will,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => "URL",
            Self::Credentials => "credentials",
            Self::Will => "will",
        })
    }
}

/// The application could not make something that a try to connect needs. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProviderError {
    /// It says why not.
    Failed {
        /// What was to be made.
        provider: Provider,
        /// The application's own error, as it displays itself.
        text: Box<str>,
    },
    /// It did not end within the connect timeout.
    TimedOut {
        /// What was to be made.
        provider: Provider,
    },
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { provider, text } => write!(f, "there is no {provider} to connect with: {text}"),
            Self::TimedOut { provider } => write!(f, "there is no {provider} to connect with in time"),
        }
    }
}

impl Error for ProviderError {}

/// Where each of them comes from.
#[derive(Clone, Default)]
pub(crate) struct Providers {
    pub(crate) url: Option<Provide<String>>,
    pub(crate) credentials: Option<Provide<Credentials>>,
    pub(crate) will: Option<Provide<Option<Will>>>,
}

/// What they gave. `None`: there is no such provider, or it was not asked.
#[derive(Default)]
pub(crate) struct Provided {
    pub(crate) url: Option<String>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) will: Option<Option<Will>>,
}

impl Provided {
    /// How long the server takes it, from now on.
    pub(crate) fn good_for(&self) -> Option<Duration> {
        self.credentials.as_ref()?.good_for
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.url.is_none() && self.credentials.is_none() && self.will.is_none()
    }
}

impl Providers {
    /// Asks one after the other, until the time is over.
    pub(crate) async fn ask(&self, url_is_known: bool, until: Instant) -> Result<Provided, ProviderError> {
        let url = self.url.as_ref().filter(|_| !url_is_known);
        Ok(Provided {
            url: ask(url, Provider::Url, until).await?,
            credentials: ask(self.credentials.as_ref(), Provider::Credentials, until).await?,
            will: ask(self.will.as_ref(), Provider::Will, until).await?,
        })
    }
}

async fn ask<T>(provide: Option<&Provide<T>>, provider: Provider, until: Instant) -> Result<Option<T>, ProviderError> {
    let Some(provide) = provide else { return Ok(None) };
    match time::timeout_at(until, (provide.0)()).await {
        Ok(Ok(given)) => Ok(Some(given)),
        Ok(Err(error)) => Err(ProviderError::Failed { provider, text: error.to_string().into() }),
        Err(_) => Err(ProviderError::TimedOut { provider }),
    }
}

/// A function of the application, with its types erased.
pub(crate) struct Provide<T>(Arc<dyn Fn() -> Providing<T> + Send + Sync>);

type Providing<T> = Pin<Box<dyn Future<Output = Result<T, Box<dyn Error + Send + Sync>>> + Send>>;

impl<T> Provide<T> {
    pub(crate) fn new<P, F, E>(provide: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self(Arc::new(move || {
            let providing = provide();
            Box::pin(async move { providing.await.map_err(Into::into) })
        }))
    }
}

impl<T> Clone for Provide<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
