//! Why WebSocket failed: first whose fault it is, then what it is.

use core::{error::Error, fmt};
use std::io;

/// Why a connection over WebSocket could not be made or kept.
///
/// `Display` is one line that says what is wrong, and [`hint`](Self::hint) one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebSocketError {
    /// Ours: an option of the caller cannot be sent. Nothing was sent.
    Setup(WebSocketSetupError),
    /// The server answered in HTTP and did not go over to WebSocket.
    Refused {
        /// The status of its answer, such as 404.
        status: u16,
        /// Where it sends us (status 3xx), without the query; dunlin does not go there by itself.
        location: Option<Box<str>>,
    },
    /// The wrong port, most likely: what answers there does not speak WebSocket.
    NotSpoken(WebSocketNotSpoken),
    /// The server did not agree on the subprotocol `mqtt` [MQTT-6.0.0-4]. See
    /// [`accept_any_subprotocol`](crate::WebSocketOptions::accept_any_subprotocol).
    Subprotocol {
        /// What it selected instead, if anything.
        selected: Option<Box<str>>,
    },
    /// The server sent text, where MQTT has binary frames only [MQTT-6.0.0-1].
    TextFrame,
    /// The server broke the rules of WebSocket.
    Violation(WebSocketViolation),
    /// The server closed the connection and said why, in the words of WebSocket.
    Closed {
        /// The code (RFC 6455 section 7.4), other than 1000 and 1001, which are a usual end.
        code: u16,
        /// What it said for people to read; at most 123 bytes, often nothing.
        reason: Box<str>,
    },
}

impl WebSocketError {
    /// What is WebSocket's own in an error of the stream.
    pub(crate) fn from_io(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref::<Self>().cloned()
    }

    /// Whether trying again soon would end the same way.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            Self::Refused { status: 408 | 425 | 429 | 500.., .. } | Self::Violation(_) => false,
            Self::Closed { code, .. } => *code == POLICY,
            _ => true,
        }
    }

    /// One line that says what to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Setup(error) => error.hint(),
            Self::Refused { status, .. } => hint_of_status(*status),
            Self::NotSpoken(_) => {
                "check the port: MQTT over TCP (mqtt://) has another one than over WebSocket, and so has TLS (wss://)"
            }
            Self::Subprotocol { .. } => {
                "check the path in the URL; a server that speaks MQTT there without saying so must be allowed to"
            }
            Self::TextFrame => "what answers at this path is not MQTT: check the path in the URL",
            Self::Violation(_) => {
                "look at the server, and at any proxy on the way that may change what passes through it"
            }
            Self::Closed { .. } => "the server's log says more, or that of the gateway in front of it",
        }
    }
}

fn hint_of_status(status: u16) -> &'static str {
    match status {
        300..=399 => "connect to the address that it names; redirects are not followed",
        400 | 426 => "check the scheme (ws:// or wss://) and the path: this port may speak something else",
        401 | 403 | 407 => {
            "a web server in front of MQTT wants to know who you are: by a header, by the query of the URL, or by a client certificate"
        }
        404 | 405 | 410 => "check the path in the URL: /mqtt is usual, some servers have / or /ws",
        429 | 500..=599 => {
            "the web server is there, and what is behind it is not; its log says more, or try again later"
        }
        _ => "check the URL; a web server answers there that does not go over to WebSocket",
    }
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup(error) => error.fmt(f),
            Self::Refused { status, location: None } => {
                write!(f, "the server did not go over to WebSocket: HTTP status {status}")
            }
            Self::Refused { status, location: Some(location) } => {
                write!(f, "the server sends WebSocket elsewhere: HTTP status {status}, to {location:?}")
            }
            Self::NotSpoken(how) => how.fmt(f),
            Self::Subprotocol { selected: None } => {
                f.write_str("the server speaks WebSocket here, and does not say that it speaks MQTT over it")
            }
            Self::Subprotocol { selected: Some(other) } => {
                write!(f, "the server speaks {other:?} over WebSocket here, where mqtt was asked for")
            }
            Self::TextFrame => f.write_str("the server sent text over WebSocket; MQTT has binary frames only"),
            Self::Violation(rule) => write!(f, "the server broke the rules of WebSocket: {rule}"),
            Self::Closed { code, reason } if reason.is_empty() => {
                write!(f, "the server closed the WebSocket with code {code}")
            }
            Self::Closed { code, reason } => {
                write!(f, "the server closed the WebSocket with code {code}: {reason:?}")
            }
        }
    }
}

impl Error for WebSocketError {}

impl From<WebSocketError> for io::Error {
    fn from(error: WebSocketError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

impl From<WebSocketSetupError> for WebSocketError {
    fn from(error: WebSocketSetupError) -> Self {
        Self::Setup(error)
    }
}

impl From<WebSocketViolation> for WebSocketError {
    fn from(rule: WebSocketViolation) -> Self {
        Self::Violation(rule)
    }
}

/// What HTTP cannot say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebSocketSetupError {
    /// The path does not begin with `/`, or has something in it that must be written as `%XX`.
    Path,
    /// The host has something in it that no host has.
    Host,
    /// A header whose name or value HTTP cannot say; of the name, what stands before a colon or space.
    Header {
        /// Its name.
        name: Box<str>,
    },
    /// A header that dunlin itself sends, or that would say that the request has a body.
    HeaderTaken {
        /// Its name.
        name: Box<str>,
    },
}

impl WebSocketSetupError {
    fn hint(&self) -> &'static str {
        match self {
            Self::Path => "begin it with '/', and write spaces, '#' and all that is not ASCII as %XX",
            Self::Host => "check the host's spelling; names in other scripts begin with xn-- here",
            Self::Header { .. } => "a name has letters, digits and '-', and a value has no line break",
            Self::HeaderTaken { .. } => "leave this header out",
        }
    }
}

impl fmt::Display for WebSocketSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => f.write_str("the path for WebSocket cannot be sent as it is"),
            Self::Host => f.write_str("the host cannot be sent as it is"),
            Self::Header { name } => write!(f, "the header {name:?} cannot be sent as it is"),
            Self::HeaderTaken { name } => write!(f, "the header {name:?} is not for the caller"),
        }
    }
}

/// How it showed that the other side does not speak WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebSocketNotSpoken {
    /// It answered with something that is not HTTP.
    Answered,
    /// It closed the connection without an answer. So do plain MQTT servers, for which the request is garbage, and
    /// servers that want TLS.
    Closed,
}

impl fmt::Display for WebSocketNotSpoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered => "the server's answer is not HTTP; this port does not speak WebSocket",
            Self::Closed => {
                "the server closed the connection when it was asked for WebSocket; this port may not speak it"
            }
        })
    }
}

/// Which rule of RFC 6455 a server broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebSocketViolation {
    /// The answer says that it goes over to another protocol, and not that this is WebSocket (section 4.1).
    Upgrade,
    /// The answer does not belong to our request: something on the way may have kept an old one (section 4.1).
    AcceptKey,
    /// The answer turns on an extension that nobody asked for (section 4.1).
    Extension,
    /// The head of the answer is longer than 16 KiB or has more than 100 headers.
    HeadTooLong,
    /// A frame is masked, which only those of clients are (section 5.1).
    Masked,
    /// A reserved bit is set (section 5.2).
    ReservedBit,
    /// A frame is of a kind that does not exist (section 5.2).
    Opcode(u8),
    /// The length of a frame is beyond 63 bits (section 5.2).
    Length,
    /// A message goes on that has not begun, or one begins inside another (section 5.4).
    Fragment,
    /// A control frame is longer than 125 bytes, or in parts (section 5.5).
    ControlFrame,
    /// A close frame has half a code (section 5.5.1).
    CloseFrame,
}

impl fmt::Display for WebSocketViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upgrade => "it goes over to something that is not WebSocket",
            Self::AcceptKey => "its answer does not belong to this request",
            Self::Extension => "it turns on an extension that nobody asked for",
            Self::HeadTooLong => "the head of its answer has no end",
            Self::Masked => "a frame is masked",
            Self::ReservedBit => "a reserved bit is set",
            Self::Opcode(opcode) => return write!(f, "there is no kind of frame 0x{opcode:X}"),
            Self::Length => "a frame is longer than can be",
            Self::Fragment => "the parts of a message are out of order",
            Self::ControlFrame => "a control frame is too long or in parts",
            Self::CloseFrame => "a close frame has half a code",
        })
    }
}

/// The close code by which a server says that it does not want this client (RFC 6455 section 7.4.1).
const POLICY: u16 = 1008;
