//! What the caller may say about WebSocket.

use core::fmt;

use super::{WebSocketError, WebSocketSetupError};

/// How to speak WebSocket: where on the server, and with which headers.
///
/// The default asks for the path `/mqtt`, adds no header, and refuses a server that does not agree on the subprotocol
/// `mqtt`. Nothing is checked by the setters; what cannot be sent is told when the client is made, as a
/// [`WebSocketError::Setup`].
///
/// `Debug` shows neither the query nor what the headers say: both may hold a signature or a token.
#[derive(Clone)]
pub struct WebSocketOptions {
    pub(super) path: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) any_subprotocol: bool,
}

impl WebSocketOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self { path: DEFAULT_PATH.to_owned(), headers: Vec::new(), any_subprotocol: false }
    }

    /// What to ask the server for: the path, and the query behind a `?` if there is one, as they stand in a URL.
    ///
    /// `/mqtt` is usual, but each server has its own: `/`, `/ws`, `/mqtt?x-id=7`. Spaces, `#` and all that is not ASCII
    /// must be written as `%XX`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Adds a header to the request, such as `Authorization`; may be said several times.
    ///
    /// Those that make the request one for WebSocket, and those that say how long it is, are not for the caller.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Goes on with a server that selects another subprotocol than `mqtt`, or none.
    ///
    /// The standard wants `mqtt` [MQTT-6.0.0-4]. Some old servers and gateways speak MQTT all the same and do not say
    /// so; others then speak something else, which ends the connection.
    #[must_use]
    pub fn accept_any_subprotocol(mut self, accept: bool) -> Self {
        self.any_subprotocol = accept;
        self
    }

    /// What stands in a URL behind the port.
    pub(crate) fn of_url(target: &str) -> Self {
        match target.starts_with('/') {
            true => Self::new().path(target),
            false => Self::new().path(format!("{DEFAULT_PATH}{target}")),
        }
    }

    /// The same, with the path of another.
    pub(crate) fn path_of(self, other: &Self) -> Self {
        self.path(other.path.clone())
    }

    /// The path without the query, which may be a secret.
    pub(crate) fn path_alone(&self) -> &str {
        self.path.split_once('?').map_or(&self.path, |(path, _)| path)
    }

    /// Whether all of it, and the host, can be said in HTTP.
    pub(crate) fn check(&self, host: &str) -> Result<(), WebSocketError> {
        let is_path = self.path.starts_with('/') && self.path.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_path || self.path.contains('#') {
            return Err(WebSocketSetupError::Path.into());
        }
        if !host.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(WebSocketSetupError::Host.into());
        }
        for (name, value) in &self.headers {
            if !is_token(name) || !value.iter().all(|&byte| byte == b'\t' || byte >= b' ' && byte != 0x7F) {
                return Err(WebSocketSetupError::Header { name: name_alone(name).into() }.into());
            }
            if is_ours(name) {
                return Err(WebSocketSetupError::HeaderTaken { name: name.as_str().into() }.into());
            }
        }
        Ok(())
    }
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WebSocketOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path_alone();
        let query = if path.len() < self.path.len() { "?..." } else { "" };
        f.debug_struct("WebSocketOptions")
            .field("path", &format_args!("{path}{query}"))
            .field("headers", &self.headers.iter().map(|(name, _)| name_alone(name)).collect::<Vec<_>>())
            .field("accept_any_subprotocol", &self.any_subprotocol)
            .finish()
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

/// Whoever gives a whole line as the name of a header gives a token away in it.
fn name_alone(name: &str) -> &str {
    name.split_once([':', ' ']).map_or(name, |(name, _)| name)
}

fn is_ours(name: &str) -> bool {
    const OURS: [&str; 5] = ["host", "connection", "upgrade", "content-length", "transfer-encoding"];
    let name = name.to_ascii_lowercase();
    name.starts_with("sec-websocket-") || OURS.contains(&name.as_str())
}

const DEFAULT_PATH: &str = "/mqtt";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_the_port_of_a_url() {
        for (target, path) in [("", "/mqtt"), ("/", "/"), ("/ws?a=b", "/ws?a=b"), ("?a=/b", "/mqtt?a=/b")] {
            assert_eq!(WebSocketOptions::of_url(target).path, path);
        }
    }

    #[test]
    fn what_http_cannot_say_is_refused() {
        let refused = |options: WebSocketOptions| options.check("h").unwrap_err();
        for path in ["", "mqtt", "/a b", "/a\r\nb", "/ä", "/a#b"] {
            assert_eq!(refused(WebSocketOptions::new().path(path)), WebSocketSetupError::Path.into(), "{path:?}");
        }
        for (name, value) in [("", "x"), ("a b", "x"), ("a: b", "x"), ("a", "x\r\nb: y"), ("a", "\0"), ("a", "\n")] {
            let expected = WebSocketSetupError::Header { name: if name.is_empty() { "" } else { "a" }.into() };
            assert_eq!(refused(WebSocketOptions::new().header(name, value)), expected.into(), "{name:?}");
        }
        for name in ["Host", "UPGRADE", "Sec-WebSocket-Protocol", "content-length"] {
            let expected = WebSocketSetupError::HeaderTaken { name: name.into() };
            assert_eq!(refused(WebSocketOptions::new().header(name, "x")), expected.into(), "{name:?}");
        }
        assert_eq!(WebSocketOptions::new().check("h\r\nx: y"), Err(WebSocketSetupError::Host.into()));
        let usual = WebSocketOptions::new().path("/ws?a=%20").header("Authorization", "Bearer ä").header("X-A", "");
        assert_eq!(usual.check("[::1]:80"), Ok(()));
    }

    #[test]
    fn no_secret_is_shown() {
        let options = WebSocketOptions::new().path("/mqtt?token=secret").header("Authorization", "secret");
        let shown = format!("{options:?}");
        assert!(shown.contains("/mqtt?...") && shown.contains("Authorization") && !shown.contains("secret"), "{shown}");
    }
}
