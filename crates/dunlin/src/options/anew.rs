//! Where and as whom to connect, if that is not the same every time.

use core::{error::Error, future::Future};

use super::{ConnectOptions, Server, UrlError, url};
use crate::{
    Credentials, Will,
    providers::{Provide, Provided},
};

/// One more server to try. Without credentials of its own it is given those of the options.
#[derive(Clone)]
pub(crate) struct OtherServer {
    pub(crate) server: Server,
    pub(crate) credentials: Option<Credentials>,
}

impl ConnectOptions {
    /// One more server to try: may be said several times.
    ///
    /// Servers are tried one after the other and without a wait between, from the one that worked last, or at first from
    /// the one of these options. When all of them failed, that is one round; the wait before the next grows as ever.
    /// [`Event::ConnectFailed`](crate::Event::ConnectFailed) tells each, and [`Connected`](crate::Connected) names the one
    /// that took the client.
    ///
    /// The URL says where and what is spoken; user name and password only where it has some, else those of these options
    /// are sent. All else is as for the first server: TLS options, headers of WebSocket, proxy. All servers should know
    /// the same sessions: one that does not is a server that lost the session. Over a
    /// [`connector`](Self::connector) only the names differ.
    ///
    /// # Errors
    /// It is no URL to connect to.
    pub fn or_url(mut self, url: &str) -> Result<Self, UrlError> {
        let options = url::parse(url)?;
        let credentials = options.own_credentials();
        let server = self.settings.server.beside(&options.settings.server);
        self.edit().others.push(OtherServer { server, credentials });
        Ok(self)
    }

    /// Have the URL made anew before each try to connect, such as one with a signature that expires. It replaces the
    /// server that these options name, and user name and password where it has some.
    ///
    /// It may take as long as the connect timeout, and is dropped when that is over or the client is closed; it should not
    /// block. What it fails with is told as [`ConnectionError::Provider`](crate::ConnectionError::Provider), and tried
    /// again like any other failure: it should hold no secret. It is not asked where the server sends the client
    /// [elsewhere](Self::follow_redirects), and excludes [`or_url`](Self::or_url).
    ///
    /// ```no_run
    /// # async fn signed() -> std::io::Result<String> { Ok("wss://broker.example/mqtt?signature=...".into()) }
    /// # async fn example() -> Result<(), dunlin::ConnectionError> {
    /// use dunlin::{Client, ConnectOptions};
    ///
    /// let options = ConnectOptions::new("signed").url_from(|| async { signed().await });
    /// let client = Client::connect(options).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn url_from<P, F, E>(mut self, provide: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.edit().providers.url = Some(Provide::new(provide));
        self
    }

    /// Have user name and password made anew before each try to connect, such as a token that expires; else as for
    /// [`url_from`](Self::url_from). They replace those of these options and of URLs.
    ///
    /// After credentials that the server refused the next try comes at about the longest interval.
    pub fn credentials_from<P, F, E>(mut self, provide: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Credentials, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.edit().providers.credentials = Some(Provide::new(provide));
        self
    }

    /// Have the will made anew before each try to connect, such as one that tells since when; `None`: there is none this
    /// time. Else as for [`url_from`](Self::url_from).
    pub fn will_from<P, F, E>(mut self, provide: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Option<Will>, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.edit().providers.will = Some(Provide::new(provide));
        self
    }

    /// The user name and password that stand in these options.
    pub(crate) fn own_credentials(&self) -> Option<Credentials> {
        let given = self.user_name.is_some() || self.password.is_some();
        given.then(|| Credentials {
            user_name: self.user_name.clone(),
            password: self.password.clone(),
            good_for: None,
        })
    }

    pub(crate) fn set_credentials(&mut self, credentials: Credentials) {
        (self.user_name, self.password) = (credentials.user_name, credentials.password);
    }

    /// Takes over what the providers gave; `usual` stands for the credentials that a URL does not have.
    pub(crate) fn take_over(&mut self, provided: Provided, usual: Option<&Credentials>) -> Result<(), UrlError> {
        if let Some(url) = provided.url {
            let options = url::parse(&url)?;
            self.set_credentials(options.own_credentials().or_else(|| usual.cloned()).unwrap_or_default());
            self.edit().server = self.settings.server.beside(&options.settings.server);
        }
        if let Some(credentials) = provided.credentials {
            self.set_credentials(credentials);
        }
        if let Some(will) = provided.will {
            self.will = will.map(Box::new);
        }
        Ok(())
    }
}
