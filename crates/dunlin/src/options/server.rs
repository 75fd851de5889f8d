use std::{
    mem,
    path::{Path, PathBuf},
};

use super::OptionsError;
use crate::websocket::WebSocketOptions;

/// Where a server is, and what is spoken there: what a URL says, but for user name and password.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) secure: bool,
    /// Over QUIC, and `secure`.
    pub(crate) quic: bool,
    pub(crate) host: String,
    /// `None`: the usual one.
    port: Option<u16>,
    pub(crate) websocket: Option<WebSocketOptions>,
    /// The socket of this machine to connect to, instead of host and port.
    pub(crate) unix: Option<PathBuf>,
}

impl Server {
    pub(super) fn new(host: String) -> Self {
        Self { secure: false, quic: false, host, port: None, websocket: None, unix: None }
    }

    pub(super) fn set_port(&mut self, port: u16) {
        self.port = Some(port);
    }

    /// Another server, of which this one knows more than a URL says: how to speak WebSocket.
    pub(crate) fn beside(&self, other: &Self) -> Self {
        let mut other = other.clone();
        if let (Some(ours), Some(of_url)) = (&self.websocket, &other.websocket) {
            other.websocket = Some(ours.clone().path_of(of_url));
        }
        other
    }

    pub(super) fn check(&self) -> Result<(), OptionsError> {
        if self.host.is_empty() {
            return Err(OptionsError::HostEmpty);
        }
        if self.unix.is_some() && !cfg!(unix) {
            return Err(OptionsError::UnixSocket);
        }
        if self.quic && !crate::QUIC {
            return Err(OptionsError::QuicNotBuilt);
        }
        if self.quic && (self.unix.is_some() || self.websocket.is_some()) {
            return Err(OptionsError::QuicAlone);
        }
        match &self.websocket {
            Some(websocket) => websocket.check(&self.host).map_err(OptionsError::WebSocket),
            None => Ok(()),
        }
    }

    /// Another host and port; gives those before. No port: the usual one.
    pub(crate) fn set_address(&mut self, (host, port): (String, Option<u16>)) -> (String, Option<u16>) {
        (mem::replace(&mut self.host, host), mem::replace(&mut self.port, port))
    }

    /// As it was given, or the usual one.
    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(self.scheme().1)
    }

    /// `host:port`, an IPv6 address in brackets.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port())
    }

    /// As HTTP wants it: without the port where it is the usual one.
    pub(crate) fn http_host(&self) -> String {
        match self.port() == self.scheme().1 {
            true => self.bracketed(),
            false => self.authority(),
        }
    }

    /// The server for people to read: a URL without user name, password and query.
    pub(crate) fn url(&self) -> String {
        let scheme = self.scheme().0;
        match (&self.unix, &self.websocket) {
            (Some(path), _) => format!("{scheme}+unix://{}", path.display()),
            (None, Some(websocket)) => format!("{scheme}://{}{}", self.authority(), websocket.path_alone()),
            (None, None) => format!("{scheme}://{}", self.authority()),
        }
    }

    /// What the server is called where no answer came from it.
    pub(crate) fn place(&self) -> String {
        self.unix.as_deref().map_or_else(|| self.authority(), |path: &Path| path.display().to_string())
    }

    fn bracketed(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        }
    }

    /// What is spoken, as a URL says it, and the port that is usual for it.
    fn scheme(&self) -> (&'static str, u16) {
        match (&self.websocket, self.secure) {
            _ if self.quic => ("mqtt-quic", 14_567),
            (None, false) => ("mqtt", 1883),
            (None, true) => ("mqtts", 8883),
            (Some(_), false) => ("ws", 80),
            (Some(_), true) => ("wss", 443),
        }
    }
}
