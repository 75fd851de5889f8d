use core::fmt;

use crate::NetworkError;

/// Why there is no way through the proxy. A proxy is named as a URL, without user name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyError {
    /// The URL of the proxy cannot be read. The caller's doing, or that of the environment.
    Url {
        /// The variable of the environment that holds it; `None`: it was given.
        variable: Option<&'static str>,
        /// What is wrong with it.
        problem: ProxyUrlProblem,
    },
    /// Something is longer than the proxy's protocol can say, or has bytes that it cannot.
    Unsayable {
        /// What.
        field: &'static str,
    },
    /// There is no connection to the proxy itself, or it broke before the proxy had answered.
    Network {
        /// The proxy.
        proxy: Box<str>,
        /// What the network did.
        error: NetworkError,
    },
    /// The proxy closed the connection instead of an answer.
    Closed {
        /// The proxy.
        proxy: Box<str>,
    },
    /// What answers there is no such proxy.
    NotSpoken {
        /// The proxy.
        proxy: Box<str>,
    },
    /// The proxy wants a user name and a password, or others than these.
    Credentials {
        /// The proxy.
        proxy: Box<str>,
        /// Some were given.
        given: bool,
    },
    /// The proxy answers and does not connect to the server.
    Refused {
        /// The proxy.
        proxy: Box<str>,
        /// Why.
        answer: ProxyAnswer,
    },
}

/// What is wrong with the URL of a proxy. It is never shown: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyUrlProblem {
    /// It begins with another scheme than `http://`, `socks5://` or `socks5h://`.
    Scheme,
    /// It has no host, or something follows the port.
    Host,
    /// The port is not a number from 1 to 65,535.
    Port,
    /// `%` is not followed by two hexadecimal digits, or what is escaped is not UTF-8.
    Escape,
}

/// A proxy's word for why it does not connect to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyAnswer {
    /// An HTTP status.
    Status(u16),
    /// A reply of SOCKS5 (RFC 1928 section 6).
    Reply(u8),
}

impl ProxyAnswer {
    fn is_a_rule(self) -> bool {
        matches!(self, Self::Status(403 | 405) | Self::Reply(0x02))
    }
}

impl ProxyError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        Some(match self {
            Self::Url { .. } => {
                "write http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ before the host if it wants them"
            }
            Self::Unsayable { .. } => "give a shorter one, of letters, digits and signs",
            Self::Network { .. } => "check the proxy's host and port, and that it runs",
            Self::Closed { .. } | Self::NotSpoken { .. } => {
                "check the proxy's port and kind: http:// for an HTTP proxy, socks5:// for SOCKS"
            }
            Self::Credentials { given: false, .. } => {
                "give the proxy's user name and password in its URL: SCHEME://USER:PASSWORD@HOST:PORT"
            }
            Self::Credentials { given: true, .. } => "check the user name and password in the proxy's URL",
            Self::Refused { answer, .. } if answer.is_a_rule() => {
                "the proxy's rules forbid it: many allow port 443 alone, or names of their own list"
            }
            Self::Refused { .. } => "check the server's host and port, and that the proxy can reach it",
        })
    }

    /// Whether trying again soon would end the same way.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            Self::Url { .. } | Self::Unsayable { .. } | Self::NotSpoken { .. } | Self::Credentials { .. } => true,
            Self::Refused { answer, .. } => answer.is_a_rule(),
            Self::Network { .. } | Self::Closed { .. } => false,
        }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { variable: Some(variable), problem } => {
                write!(f, "the environment variable {variable} names no proxy: {problem}")
            }
            Self::Url { variable: None, problem } => write!(f, "this names no proxy: {problem}"),
            Self::Unsayable { field } => write!(f, "the {field} cannot be told to the proxy"),
            Self::Network { proxy, error } => write!(f, "the proxy {proxy} cannot be used: {error}"),
            Self::Closed { proxy } => write!(f, "the proxy {proxy} closed the connection instead of an answer"),
            Self::NotSpoken { proxy } => write!(f, "what answers at {proxy} is no such proxy"),
            Self::Credentials { proxy, given: false } => {
                write!(f, "the proxy {proxy} wants a user name and a password")
            }
            Self::Credentials { proxy, given: true } => {
                write!(f, "the proxy {proxy} refuses this user name and password")
            }
            Self::Refused { proxy, answer } => write!(f, "the proxy {proxy} does not connect to the server: {answer}"),
        }
    }
}

impl core::error::Error for ProxyError {}

impl fmt::Display for ProxyUrlProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "it does not begin with http://, socks5:// or socks5h://",
            Self::Host => "it has no host, or something behind its port",
            Self::Port => "its port is not a number from 1 to 65535",
            Self::Escape => "it has a '%' without two hexadecimal digits behind it",
        })
    }
}

impl fmt::Display for ProxyAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Status(403) => "it is forbidden (HTTP status 403)",
            Self::Status(502 | 503) => "it cannot reach it (HTTP status 502 or 503)",
            Self::Status(504) => "it has no answer from it (HTTP status 504)",
            Self::Status(status) => return write!(f, "HTTP status {status}"),
            Self::Reply(0x02) => "its rules forbid it (SOCKS reply 0x02)",
            Self::Reply(0x03) => "there is no way to its network (SOCKS reply 0x03)",
            Self::Reply(0x04) => "there is no way to it, or its name is not known (SOCKS reply 0x04)",
            Self::Reply(0x05) => "nothing listens there (SOCKS reply 0x05)",
            Self::Reply(0x06) => "no answer in time (SOCKS reply 0x06)",
            Self::Reply(code) => return write!(f, "SOCKS reply 0x{code:02X}"),
        };
        f.write_str(what)
    }
}
