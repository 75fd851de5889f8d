//! Through a proxy to the server: SOCKS5 (RFC 1928, with user name and password of RFC 1929) and HTTP CONNECT (RFC 9110
//! section 9.3.6).
//!
//! ```text
//!  driver -- TCP --> proxy -- TCP --> server
//!            1. a request that names the server, and its answer (`socks`, `http`)
//!            2. from then on a stream of bytes, as if the proxy were not there: MQTT, TLS or WebSocket
//! ```
//!
//! Which proxy is the options' choice, or that of the environment (`environment`). It is the proxy that looks up the
//! server's name.

mod environment;
mod error;
mod http;
mod socks;
mod url;

use core::fmt;
use std::io;

use tokio::{
    net::TcpStream,
    time::{self, Instant},
};

pub use self::error::{ProxyAnswer, ProxyError, ProxyUrlProblem};

use crate::{
    NetworkError,
    options::{ProxyChoice, Server},
};

/// A proxy to go through: HTTP, by CONNECT, or SOCKS5. It looks up the server's name, so this machine needs no name
/// server for that.
///
/// What goes through it is as safe from the proxy as from anybody else on the way: with TLS it sees where the connection
/// goes, and nothing else. User name and password are sent to the proxy as they are.
///
/// `Debug` shows neither of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    kind: Kind,
    host: String,
    port: u16,
    credentials: Option<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Http,
    Socks5,
}

impl Proxy {
    /// An HTTP proxy, asked to CONNECT. Many allow port 443 alone.
    #[must_use]
    pub fn http(host: impl Into<String>, port: u16) -> Self {
        Self { kind: Kind::Http, host: host.into(), port, credentials: None }
    }

    /// A SOCKS5 proxy.
    #[must_use]
    pub fn socks5(host: impl Into<String>, port: u16) -> Self {
        Self { kind: Kind::Socks5, host: host.into(), port, credentials: None }
    }

    /// Who we are to the proxy. For SOCKS5 each has 1 to 255 bytes; for HTTP a user name has no colon.
    #[must_use]
    pub fn credentials(mut self, user_name: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some((user_name.into(), password.into()));
        self
    }

    /// From `SCHEME://user:password@host:port`; user name and password may have `%XX` escapes.
    ///
    /// | scheme | proxy | port |
    /// |---|---|---|
    /// | `http://`, or none | HTTP | 1080 |
    /// | `socks5://`, `socks5h://` | SOCKS5 | 1080 |
    ///
    /// The port is that of curl, where none is given.
    ///
    /// # Errors
    /// [`ProxyError::Url`] says what cannot be read. Proxies that are spoken to over TLS (`https://`) are none of these.
    pub fn from_url(url: &str) -> Result<Self, ProxyError> {
        url::parse(url).map_err(|problem| ProxyError::Url { variable: None, problem })
    }

    pub(crate) fn check(&self) -> Result<(), ProxyError> {
        let Some((user_name, password)) = &self.credentials else { return Ok(()) };
        let fits = match self.kind {
            Kind::Http => !user_name.contains(':'),
            Kind::Socks5 => [user_name, password].iter().all(|text| (1..=255).contains(&text.len())),
        };
        if fits { Ok(()) } else { Err(ProxyError::Unsayable { field: "user name or password of the proxy" }) }
    }

    /// Host and port to connect to.
    pub(crate) fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// Asks the proxy at the other end of `stream` for a connection to the server, until the time is over.
    pub(crate) async fn tunnel(
        &self,
        mut stream: TcpStream,
        server: &Server,
        until: Instant,
    ) -> Result<TcpStream, ProxyError> {
        let asked = async {
            match self.kind {
                Kind::Http => http::connect(&mut stream, self, server).await,
                Kind::Socks5 => socks::connect(&mut stream, self, server).await,
            }
        };
        match time::timeout_at(until, asked).await {
            Ok(asked) => asked.map(|()| stream),
            Err(_) => Err(self.unreachable(NetworkError::TimedOut(self.url().into()))),
        }
    }

    pub(crate) fn unreachable(&self, error: NetworkError) -> ProxyError {
        ProxyError::Network { proxy: self.url().into(), error }
    }

    /// What became of the connection while the proxy was to answer.
    fn cut(&self, error: &io::Error) -> ProxyError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => ProxyError::Closed { proxy: self.url().into() },
            _ => self.unreachable(NetworkError::of_stream(error)),
        }
    }

    fn not_spoken(&self) -> ProxyError {
        ProxyError::NotSpoken { proxy: self.url().into() }
    }

    fn refused(&self, answer: ProxyAnswer) -> ProxyError {
        ProxyError::Refused { proxy: self.url().into(), answer }
    }

    fn wants_credentials(&self) -> ProxyError {
        ProxyError::Credentials { proxy: self.url().into(), given: self.credentials.is_some() }
    }

    /// Without user name and password.
    fn url(&self) -> String {
        let scheme = match self.kind {
            Kind::Http => "http",
            Kind::Socks5 => "socks5",
        };
        match self.host.contains(':') {
            true => format!("{scheme}://[{}]:{}", self.host, self.port),
            false => format!("{scheme}://{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("url", &format_args!("{}", self.url()))
            .field("credentials", &self.credentials.as_ref().map(|_| "..."))
            .finish()
    }
}

/// The proxy to go through to this server, if there is one.
pub(crate) fn choose(choice: &ProxyChoice, server: &Server) -> Result<Option<Proxy>, ProxyError> {
    match choice {
        ProxyChoice::This(proxy) => Ok(Some(proxy.clone())),
        ProxyChoice::None => Ok(None),
        ProxyChoice::OfEnvironment => environment::proxy(server, |name| std::env::var(name).ok()),
    }
}
