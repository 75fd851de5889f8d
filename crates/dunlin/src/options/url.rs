use core::fmt;

use super::ConnectOptions;
use crate::{tls::TlsOptions, websocket::WebSocketOptions};

/// Why a URL is not one to connect to. The caller's doing. Never shows the URL: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// It does not begin with `mqtt://`, `mqtts://`, `ws://`, `wss://`, `mqtt+unix://` or `mqtt-quic://`.
    Scheme,
    /// It has no host.
    Host,
    /// The port is not a number from 1 to 65,535.
    Port,
    /// The path of a socket does not begin at the root, or has a `?` or `#` that is not escaped.
    Socket,
    /// `%` is not followed by two hexadecimal digits, or a user name or the path of a socket is not UTF-8.
    Escape,
    /// Something follows the port: a fragment, or, where it is not WebSocket, a path or a query.
    Path,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the URL must begin with mqtt://, mqtts://, ws://, wss://, mqtt+unix:// or mqtt-quic://",
            Self::Host => "the URL has no host: write mqtt://HOST or mqtts://HOST:PORT, an IPv6 address in brackets",
            Self::Port => "the port in the URL is not a number from 1 to 65535",
            Self::Socket => {
                "the URL has no path of a socket: write mqtt+unix:///run/mosquitto.sock, with all three slashes"
            }
            Self::Escape => "the URL has a '%' without two hexadecimal digits behind it",
            Self::Path => {
                "the URL has something behind its port: write mqtt://USER:PASSWORD@HOST:PORT and no path; \
                 ws:// and wss:// may have a path and a query, and no '#'"
            }
        })
    }
}

impl core::error::Error for UrlError {}

/// `scheme://[user[:password]@]host[:port]`, for WebSocket with a path and a query behind it;
/// `mqtt+unix://[user[:password]@]/path`.
pub(super) fn parse(url: &str) -> Result<ConnectOptions, UrlError> {
    let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
    let (secure, websocket) = match scheme.to_ascii_lowercase().as_str() {
        "mqtt" | "tcp" => (false, false),
        "mqtts" | "ssl" => (true, false),
        "ws" => (false, true),
        "wss" => (true, true),
        "mqtt-quic" | "quic" => {
            let options = parse(&format!("mqtts://{rest}"))?;
            return Ok(options.quic(TlsOptions::default()));
        }
        "mqtt+unix" | "unix" => return parse_socket(rest),
        _ => return Err(UrlError::Scheme),
    };
    // A password of MQTT's own URLs may hold what begins a path elsewhere.
    let (rest, target) = match rest.find(['/', '?', '#']) {
        Some(at) if websocket => rest.split_at(at),
        _ => (rest, ""),
    };
    let (credentials, address) = match rest.rsplit_once('@') {
        Some((credentials, address)) => (Some(credentials), address),
        None => (None, rest),
    };
    let address = address.strip_suffix('/').unwrap_or(address);
    if address.contains(['/', '?', '#']) || target.contains('#') {
        return Err(UrlError::Path);
    }
    let (host, port) = split_port(address)?;
    let mut options = ConnectOptions::new(host);
    if secure {
        options = options.tls(TlsOptions::default());
    }
    if websocket {
        options = options.websocket(WebSocketOptions::of_url(target));
    }
    if let Some(port) = port {
        options = options.port(port);
    }
    with_credentials(options, credentials)
}

fn parse_socket(rest: &str) -> Result<ConnectOptions, UrlError> {
    let (credentials, path) = match rest.find("@/") {
        Some(at) if !rest.starts_with('/') => (Some(&rest[..at]), &rest[at + 1..]),
        _ => (None, rest),
    };
    if !path.starts_with('/') || path.contains(['?', '#']) {
        return Err(UrlError::Socket);
    }
    let path = String::from_utf8(unescape(path)?).map_err(|_| UrlError::Escape)?;
    with_credentials(ConnectOptions::new(LOCAL).unix_socket(path), credentials)
}

fn with_credentials(mut options: ConnectOptions, credentials: Option<&str>) -> Result<ConnectOptions, UrlError> {
    let Some(credentials) = credentials else { return Ok(options) };
    let (user_name, password) = match credentials.split_once(':') {
        Some((user_name, password)) => (user_name, Some(password)),
        None => (credentials, None),
    };
    if !user_name.is_empty() || password.is_none() {
        options = options.user_name(String::from_utf8(unescape(user_name)?).map_err(|_| UrlError::Escape)?);
    }
    if let Some(password) = password {
        options = options.password(unescape(password)?);
    }
    Ok(options)
}

pub(crate) fn split_port(address: &str) -> Result<(&str, Option<u16>), UrlError> {
    let (host, port) = match address.strip_prefix('[') {
        Some(bracketed) => {
            let (host, rest) = bracketed.split_once(']').ok_or(UrlError::Host)?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(UrlError::Host);
            }
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(UrlError::Host),
            }
        }
        None => match address.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err(UrlError::Host),
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(UrlError::Host);
    }
    let number = |digits: &str| match digits.bytes().all(|digit| digit.is_ascii_digit()) {
        true => digits.parse().ok().filter(|&port| port != 0),
        // `parse` would take a sign.
        false => None,
    };
    let port = port.map(|port| number(port).ok_or(UrlError::Port)).transpose()?;
    Ok((host, port))
}

pub(crate) fn unescape(text: &str) -> Result<Vec<u8>, UrlError> {
    let mut bytes = text.bytes();
    let mut unescaped = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16)).ok_or(UrlError::Escape);
        unescaped.push(if byte == b'%' { (digit()? * 16 + digit()?) as u8 } else { byte });
    }
    Ok(unescaped)
}

/// The host that stands for a socket of this machine.
const LOCAL: &str = "localhost";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_who() {
        for (url, secure, authority, user_name, password) in [
            ("mqtt://localhost", false, "localhost:1883", None, None),
            ("mqtts://broker.example/", true, "broker.example:8883", None, None),
            ("MQTTS://broker.example:443", true, "broker.example:443", None, None),
            ("mqtt://[::1]:1884", false, "[::1]:1884", None, None),
            ("mqtts://[fe80::1]", true, "[fe80::1]:8883", None, None),
            ("mqtt://anna@127.0.0.1", false, "127.0.0.1:1883", Some("anna"), None),
            ("mqtt://anna:s3%40cret@h", false, "h:1883", Some("anna"), Some(&b"s3@cret"[..])),
            ("mqtt://a@b:p@h", false, "h:1883", Some("a@b"), Some(b"p")),
            ("mqtt://anna:@h", false, "h:1883", Some("anna"), Some(b"")),
            ("mqtt://:only%00password@h", false, "h:1883", None, Some(b"only\0password")),
            ("mqtt://anna:a/b@h", false, "h:1883", Some("anna"), Some(b"a/b")),
            ("ws://h", false, "h:80", None, None),
            ("WSS://h/mqtt", true, "h:443", None, None),
            ("mqtt-quic://anna@h", true, "h:14567", Some("anna"), None),
            ("QUIC://[::1]:1", true, "[::1]:1", None, None),
            ("ws://anna:secret@[::1]:8083/@?a=b@c:d", false, "[::1]:8083", Some("anna"), Some(b"secret")),
        ] {
            let options = parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(
                (options.settings().server.secure, options.settings().server.authority().as_str()),
                (secure, authority),
                "{url}"
            );
            assert_eq!((options.user_name.as_deref(), options.password.as_deref()), (user_name, password), "{url}");
        }
    }

    #[test]
    fn a_socket_of_the_file_system_is_named_by_its_path() {
        for (url, path, user_name, password) in [
            ("mqtt+unix:///run/mosquitto.sock", "/run/mosquitto.sock", None, None),
            ("unix:///tmp/a%20b%3F@/c:d", "/tmp/a b?@/c:d", None, None),
            ("MQTT+UNIX://anna:se%2Fcret@/s", "/s", Some("anna"), Some(&b"se/cret"[..])),
            ("unix://anna@/s@/t", "/s@/t", Some("anna"), None),
        ] {
            let options = parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(options.settings().server.unix.as_deref(), Some(std::path::Path::new(path)), "{url}");
            assert_eq!((options.user_name.as_deref(), options.password.as_deref()), (user_name, password), "{url}");
            assert_eq!(options.settings().server.url(), format!("mqtt+unix://{path}"));
        }
    }

    #[test]
    fn a_server_is_named_without_what_is_secret() {
        for (url, name) in [
            ("mqtt://anna:secret@h", "mqtt://h:1883"),
            ("wss://anna:secret@h/path?token=secret", "wss://h:443/path"),
            ("ws://[::1]:1", "ws://[::1]:1/mqtt"),
        ] {
            assert_eq!(parse(url).map(|options| options.settings().server.url()).as_deref(), Ok(name));
        }
    }

    #[test]
    fn a_url_that_cannot_be_read_says_why() {
        for (url, expected) in [
            ("broker.example", UrlError::Scheme),
            ("http://broker.example", UrlError::Scheme),
            ("mqtt://", UrlError::Host),
            ("mqtt://:1883", UrlError::Host),
            ("mqtt://::1:1883", UrlError::Host),
            ("mqtt://[::1", UrlError::Host),
            ("mqtt://[host]", UrlError::Host),
            ("mqtt://a host", UrlError::Host),
            ("mqtt://h:0", UrlError::Port),
            ("mqtt://h:65536", UrlError::Port),
            ("mqtt://h:", UrlError::Port),
            ("mqtt://h:+80", UrlError::Port),
            ("mqtt://anna:%4@h", UrlError::Escape),
            ("mqtt://%FF@h", UrlError::Escape),
            ("mqtt://h/topic", UrlError::Path),
            ("mqtt://h:1883?x=1", UrlError::Path),
            ("ws://h/mqtt#top", UrlError::Path),
            ("ws:///mqtt", UrlError::Host),
            ("ws://anna:a/b@h", UrlError::Port),
            ("mqtt+unix://run/s", UrlError::Socket),
            ("mqtt+unix://", UrlError::Socket),
            ("unix:///s?x=1", UrlError::Socket),
            ("unix:///s%", UrlError::Escape),
            ("unix:///s%FF", UrlError::Escape),
        ] {
            assert_eq!(parse(url).err(), Some(expected), "{url}");
        }
    }

    #[test]
    fn http_is_told_the_port_where_it_is_unusual() {
        for (url, host) in [
            ("ws://h", "h"),
            ("ws://h:80", "h"),
            ("ws://h:443", "h:443"),
            ("wss://[::1]:443", "[::1]"),
            ("wss://[::1]:8083", "[::1]:8083"),
        ] {
            assert_eq!(parse(url).map(|options| options.settings().server.http_host()).as_deref(), Ok(host), "{url}");
        }
    }

    #[test]
    fn neither_user_name_nor_password_is_shown() {
        let shown = format!("{:?}", parse("mqtt://anna:secret@h").unwrap());
        assert!(!shown.contains("anna") && !shown.contains("secret"), "{shown}");
    }
}
