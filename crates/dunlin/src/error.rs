use core::fmt;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::Path,
    time::Duration,
};

use dunlin_codec::{DecodeError, ReasonCode, TopicError, TopicFilterError};
use dunlin_session::{AuthenticateError, Rejection, Uncertainty};

use crate::{
    OptionsError, ProviderError, RuleBroken, Said, proxy::ProxyError, tls::TlsError, websocket::WebSocketError,
};

/// Why there is no connection: it could not be made, or it ended. Sorted by who is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The caller: the options.
    Options(OptionsError),
    /// The application: it could not make what is made anew for each try, such as a token.
    Provider(ProviderError),
    /// The server refused the connection, or ended it and said why.
    Server(ServerRefusal),
    /// The server broke the protocol.
    Fault(DecodeError),
    /// The server broke the protocol in the same way on three connections running, or more: the next try waits for
    /// about the longest interval.
    ServerFault(DecodeError),
    /// A web server answers there: HTTP came where MQTT should.
    AnsweredByHttp,
    /// The server closed the connection without a CONNACK.
    ClosedWithoutConnack,
    /// The server closed the connection without a word.
    ClosedByServer,
    /// The server took the connection and sent no CONNACK in time.
    ConnackMissing,
    /// The link is dead: the server did not answer within the ping timeout.
    ServerSilent(Duration),
    /// The network.
    Network(NetworkError),
    /// The proxy: there is no way to it, or none through it.
    Proxy(ProxyError),
    /// TLS: the certificates of either side, or what they cannot agree on.
    Tls(TlsError),
    /// WebSocket: the server does not speak it there, or not as it must for MQTT.
    WebSocket(WebSocketError),
    /// The application's own [`Authenticator`](crate::Authenticator) ended the authentication.
    NotConvinced,
    /// What it answered cannot be sent.
    Authentication(AuthenticateError),
    /// The server did not acknowledge a message for the ack timeout, and the options ask for another connection then.
    AckStalled,
    /// The application did not keep up with its messages, and the server was told no Receive Maximum (3.1.1 has none)
    /// that would slow it down: QoS 1 and 2 messages were thrown away unanswered. Where the session outlives its connection they come again on the next,
    /// which begins when the application has caught up; otherwise they are lost.
    SlowConsumer,
    /// The client ended it, to make another one with fresh credentials: see [`Client::renew`](crate::Client::renew).
    Renewal,
    /// The client was closed.
    Closed,
}

impl ConnectionError {
    /// One line on what to do about it, where there is something to do.
    pub fn hint(&self) -> Option<&str> {
        Some(match self {
            Self::Options(OptionsError::Tls(error)) | Self::Tls(error) => return Some(error.hint()),
            Self::Options(OptionsError::WebSocket(error)) | Self::WebSocket(error) => return Some(error.hint()),
            Self::Options(OptionsError::Proxy(error)) | Self::Proxy(error) => return error.hint(),
            Self::Options(_) | Self::Renewal | Self::Closed => return None,
            Self::Provider(_) => {
                "the application's own doing: where it gets tokens, URLs or wills from may be out of reach"
            }
            Self::Server(refusal) => return refusal.hint(),
            Self::Fault(_) | Self::ServerFault(_) => "the server is at fault: report this to whoever makes or runs it",
            Self::NotConvinced | Self::Authentication(_) => {
                "check the authentication method and its secrets; the server may not be the one you mean"
            }
            Self::AckStalled => "the server, or its storage, may be overloaded or broken",
            Self::AnsweredByHttp => {
                "check the port: 1883 is usual for MQTT, 8883 with TLS; for MQTT through a web server write ws:// or wss://"
            }
            Self::ClosedWithoutConnack => {
                "the server may not speak this version of MQTT, may want TLS on this port, or may refuse this client"
            }
            Self::ClosedByServer => "the server's log says why; it may have been restarted",
            Self::ConnackMissing => "something answers on this port, but not as an MQTT server: check host and port",
            Self::ServerSilent(_) => "check the network between here and the server",
            Self::Network(error) => return error.hint(),
            Self::SlowConsumer => {
                "take messages faster, raise the limit of unread bytes, or set a Receive Maximum (MQTT 5.0)"
            }
        })
    }

    /// Whether trying again soon would end the same way.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            Self::Server(refusal) => !matches!(
                refusal.reason,
                ReasonCode::SERVER_UNAVAILABLE
                    | ReasonCode::SERVER_BUSY
                    | ReasonCode::SERVER_SHUTTING_DOWN
                    | ReasonCode::KEEP_ALIVE_TIMEOUT
                    | ReasonCode::MAXIMUM_CONNECT_TIME
                    | ReasonCode::ADMINISTRATIVE_ACTION
                    | ReasonCode::UNSPECIFIED_ERROR
                    | ReasonCode::SUCCESS
            ),
            Self::WebSocket(error) => error.is_lasting(),
            Self::Proxy(error) => error.is_lasting(),
            Self::Options(_) | Self::Tls(_) | Self::AnsweredByHttp | Self::ServerFault(_) => true,
            _ => false,
        }
    }

    /// What an error of the stream means, whichever of its layers it comes from.
    pub(crate) fn of_stream(error: &io::Error) -> Self {
        if let Some(error) = WebSocketError::from_io(error) {
            return Self::WebSocket(error);
        }
        match TlsError::from_io(error) {
            Some(error) => Self::Tls(error),
            None => Self::Network(NetworkError::of_stream(error)),
        }
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(error) => error.fmt(f),
            Self::Provider(error) => error.fmt(f),
            Self::Server(refusal) => refusal.fmt(f),
            Self::Fault(error) => write!(f, "the server broke the protocol: {error}"),
            Self::ServerFault(error) => write!(f, "the server breaks the protocol on every connection: {error}"),
            Self::AnsweredByHttp => f.write_str("a web server answered, and no MQTT server"),
            Self::ClosedWithoutConnack => f.write_str("the server closed the connection without answering CONNECT"),
            Self::ClosedByServer => f.write_str("the server closed the connection without saying why"),
            Self::ConnackMissing => f.write_str("the server did not answer CONNECT in time"),
            Self::ServerSilent(after) => {
                write!(f, "the connection is dead: not a byte from the server for {after:?} though it was asked")
            }
            Self::Network(error) => error.fmt(f),
            Self::Proxy(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::WebSocket(error) => error.fmt(f),
            Self::NotConvinced => crate::NotConvinced.fmt(f),
            Self::Authentication(error) => write!(f, "the authentication cannot go on: {error}"),
            Self::AckStalled => f.write_str("the server does not acknowledge a message, though it answers others"),
            Self::SlowConsumer => f.write_str("messages came faster than the application took them"),
            Self::Renewal => f.write_str("the client makes another connection, with fresh credentials"),
            Self::Closed => f.write_str("the client was closed"),
        }
    }
}

impl core::error::Error for ConnectionError {}

impl From<OptionsError> for ConnectionError {
    fn from(error: OptionsError) -> Self {
        Self::Options(error)
    }
}

/// The server's word on why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRefusal {
    /// The reason; a return code of 3.1.1 is told as the code of 5.0 that means the same.
    pub reason: ReasonCode,
    /// The byte on the wire: servers send 3.1.1 return codes above 5, which have no name.
    pub code: u8,
    /// What the server said for people to read (5.0).
    pub text: Option<Box<str>>,
    /// Another server to use (5.0), as it came: `host` or `host:port`, perhaps several with spaces between.
    pub server_reference: Option<Box<str>>,
    /// It was the answer to CONNECT; otherwise it ended a connection that had been accepted.
    pub to_connect: bool,
}

impl ServerRefusal {
    fn hint(&self) -> Option<&str> {
        Some(match self.reason {
            ReasonCode::BAD_USER_NAME_OR_PASSWORD => "check user name and password",
            ReasonCode::NOT_AUTHORIZED => "check user name, password or client certificate, and the server's rules",
            ReasonCode::UNSUPPORTED_PROTOCOL_VERSION => "use the other version of MQTT",
            ReasonCode::CLIENT_IDENTIFIER_NOT_VALID => "use another client identifier",
            ReasonCode::SESSION_TAKEN_OVER => "another client connects with this client identifier: give each its own",
            ReasonCode::BANNED => "ask the server's administrator",
            ReasonCode::SERVER_UNAVAILABLE | ReasonCode::SERVER_BUSY | ReasonCode::SERVER_SHUTTING_DOWN => {
                "try again later"
            }
            ReasonCode::USE_ANOTHER_SERVER | ReasonCode::SERVER_MOVED => {
                "connect to the server that it names, or allow redirects if you trust them with your credentials"
            }
            _ => return None,
        })
    }
}

impl fmt::Display for ServerRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.to_connect { "refused" } else { "ended" };
        write!(f, "the server {what} the connection: {}", self.reason.name())?;
        write!(f, " (0x{:02X})", self.code)?;
        if let Some(text) = &self.text {
            write!(f, ": {text:?}")?;
        }
        match &self.server_reference {
            Some(reference) => write!(f, "; it names {reference:?}"),
            None => Ok(()),
        }
    }
}

/// What the network did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetworkError {
    /// No address is known for this host.
    UnknownHost(Box<str>),
    /// Nothing listens there.
    PortClosed(SocketAddr),
    /// There is no way there.
    Unreachable(SocketAddr),
    /// No answer within the connect timeout.
    TimedOut(Box<str>),
    /// There is no connection to this address, for another reason than these.
    NotConnected {
        /// The server's address.
        address: SocketAddr,
        /// As the operating system calls it.
        kind: io::ErrorKind,
    },
    /// The host has several addresses, and none of them let us in: the error of each, in the order in which they were
    /// tried.
    EveryAddress(Box<[Self]>),
    /// The address to connect from cannot be used.
    Bind {
        /// Our own address, as the options say.
        local: IpAddr,
        /// As the operating system calls it.
        kind: io::ErrorKind,
    },
    /// The host has addresses, and none of the family of the one to connect from.
    OtherFamily {
        /// The server.
        host: Box<str>,
        /// Our own address, as the options say.
        local: IpAddr,
    },
    /// The socket in the file system cannot be connected to.
    Socket {
        /// Where it is, or should be.
        path: Box<Path>,
        /// As the operating system calls it.
        kind: io::ErrorKind,
    },
    /// The other side, or something between, cut the connection.
    Reset,
    /// Anything else, as the operating system calls it.
    Other(io::ErrorKind),
}

impl NetworkError {
    pub(crate) fn of_connect(address: SocketAddr, kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::ConnectionRefused => Self::PortClosed(address),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Self::Unreachable(address),
            io::ErrorKind::TimedOut => Self::TimedOut(address.to_string().into()),
            kind => Self::NotConnected { address, kind },
        }
    }

    pub(crate) fn of_stream(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
                Self::Reset
            }
            kind => Self::Other(kind),
        }
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        Some(match self {
            Self::UnknownHost(_) => "check the host's spelling, and that this machine has a name server",
            Self::PortClosed(_) => {
                "check that the server runs, and the port: usual are 1883 for mqtt://, 8883 for mqtts://, 80 for ws://, 443 for wss://"
            }
            Self::Unreachable(_) => "check this machine's network",
            Self::TimedOut(_) => "check host and port; a firewall may swallow the connection",
            Self::Reset => "a port for TLS cuts plain connections like this, and some servers cut what they refuse",
            Self::EveryAddress(failures) => return failures.first().and_then(Self::hint),
            Self::Bind { .. } => "give an address that this machine has: `ip address` lists them",
            Self::OtherFamily { .. } => "connect from an address of the other family, or from any",
            Self::Socket { kind: io::ErrorKind::PermissionDenied, .. } => {
                "let the user that runs this program read and write the socket, and search the directories above it"
            }
            Self::Socket { .. } => "check the path, that the server runs, and that it listens there",
            Self::NotConnected { .. } | Self::Other(_) => return None,
        })
    }
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownHost(host) => write!(f, "no address is known for the host {host:?}"),
            Self::PortClosed(address) => write!(f, "nothing listens at {address}: the connection was refused"),
            Self::Unreachable(address) => write!(f, "there is no way to {address}"),
            Self::TimedOut(server) => write!(f, "no answer from {server} in time"),
            Self::NotConnected { address, kind } => write!(f, "no connection to {address}: {kind}"),
            Self::EveryAddress(failures) => failures.iter().enumerate().try_for_each(|(number, failure)| {
                f.write_str(if number == 0 { "" } else { "; " })?;
                failure.fmt(f)
            }),
            Self::Bind { local, kind: io::ErrorKind::AddrNotAvailable } => {
                write!(f, "cannot connect from {local}: this machine has no such address")
            }
            Self::Bind { local, kind } => write!(f, "cannot connect from {local}: {kind}"),
            Self::OtherFamily { host, local } => {
                let family = if local.is_ipv4() { "IPv4" } else { "IPv6" };
                write!(f, "the host {host:?} has no {family} address, and the connection is to be from {local}")
            }
            Self::Socket { path, kind } => match kind {
                io::ErrorKind::NotFound => write!(f, "there is no socket {}", path.display()),
                io::ErrorKind::ConnectionRefused => write!(f, "nothing listens at the socket {}", path.display()),
                io::ErrorKind::PermissionDenied => write!(f, "no permission to use the socket {}", path.display()),
                kind => write!(f, "the socket {} cannot be used: {kind}", path.display()),
            },
            Self::Reset => f.write_str("the connection was cut"),
            Self::Other(kind) => write!(f, "the network failed: {kind}"),
        }
    }
}

impl core::error::Error for NetworkError {}

/// Why a message was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// The topic is none to publish to; nothing was accepted.
    Topic(TopicError),
    /// The queue is full; nothing was accepted. `accepted().await` waits for room.
    Full,
    /// Larger than MQTT, the memory or this server allows; nothing was accepted.
    TooLarge,
    /// It says what MQTT 3.1.1 cannot; nothing was accepted.
    NeedsV5,
    /// A property of the message is not valid; nothing was accepted.
    Property(dunlin_codec::PropertyError),
    /// The server does not take this QoS; nothing was accepted.
    QosNotSupported,
    /// The server keeps no retained messages; nothing was accepted.
    RetainNotSupported,
    /// A rule of the server, see [`ConnectOptions::rules`](crate::ConnectOptions::rules); nothing was accepted.
    Rule(RuleBroken),
    /// Another call with this label is not settled; nothing was accepted.
    LabelInUse,
    /// The client is closed; nothing was accepted.
    Closed,
    /// It was accepted, and the server refused it.
    Refused {
        /// Why.
        reason: ReasonCode,
        /// What the server said about it.
        said: Said,
    },
    /// It was accepted, and the server does not have it, for a reason of our own.
    Rejected(Rejection),
    /// It was accepted and perhaps sent, and nobody can tell whether it arrived.
    Unknown(Uncertainty),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(error) => error.fmt(f),
            Self::Full => f.write_str("the queue is full"),
            Self::TooLarge => f.write_str("the message is larger than MQTT, the memory or this server allows"),
            Self::NeedsV5 => f.write_str("MQTT 3.1.1 has no message properties"),
            Self::Property(error) => error.fmt(f),
            Self::QosNotSupported => f.write_str("the server does not accept this QoS"),
            Self::RetainNotSupported => f.write_str("the server does not keep retained messages"),
            Self::Rule(error) => error.fmt(f),
            Self::LabelInUse => f.write_str("another call with this label is not settled"),
            Self::Closed => f.write_str("the client is closed"),
            Self::Refused { reason, said } => write!(f, "the server refused the message: {reason}{said}"),
            Self::Rejected(Rejection::ByServer(reason)) => write!(f, "the server refused the message: {reason}"),
            Self::Rejected(Rejection::BeyondLimits(reason)) => {
                write!(f, "the message is beyond what the server accepts: {reason}")
            }
            Self::Rejected(Rejection::Dropped) => {
                f.write_str("the message was dropped unsent, to make room for others")
            }
            Self::Rejected(Rejection::Withdrawn) => f.write_str("the message was taken back before it was sent"),
            Self::Rejected(Rejection::Expired) => f.write_str("the message expired before it could be sent"),
            Self::Rejected(_) => f.write_str("the client was closed before the message was sent"),
            Self::Unknown(why) => write!(f, "nobody can tell whether the message arrived: {}", uncertainty(*why)),
        }
    }
}

impl core::error::Error for PublishError {}

impl From<dunlin_session::PublishError> for PublishError {
    #[inline]
    fn from(error: dunlin_session::PublishError) -> Self {
        use dunlin_session::PublishError as Session;
        match error {
            Session::Full => Self::Full,
            Session::NeedsV5 => Self::NeedsV5,
            Session::QosNotSupported => Self::QosNotSupported,
            Session::RetainNotSupported => Self::RetainNotSupported,
            Session::Closed => Self::Closed,
            _ => Self::TooLarge,
        }
    }
}

fn uncertainty(why: Uncertainty) -> &'static str {
    match why {
        Uncertainty::PartlyWritten => "the connection broke while it was being written",
        Uncertainty::SessionLost => "the server lost the session before it answered",
        Uncertainty::BeyondLimits => "the server did not answer, and now refuses such messages",
        Uncertainty::Kept => "the client was closed; it is in the store, and the next client with it goes on",
        _ => "the client was closed before the server answered",
    }
}

/// Why a subscription was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The filter is none to subscribe to.
    Filter(TopicFilterError),
    /// The options say what MQTT 3.1.1 cannot.
    NeedsV5,
    /// No Local is not allowed on a shared subscription [MQTT-3.8.3-4].
    SharedNoLocal,
    /// The filter is subscribed already, with other options.
    Conflict,
    /// The request is larger than this server accepts.
    TooLarge,
    /// This server has no wildcard subscriptions, and this filter has a wildcard [U5-3.2.2.3.11-a].
    WildcardNotSupported(Box<str>),
    /// This server has no shared subscriptions, and this filter is one [U5-3.2.2.3.13-a].
    SharedNotSupported(Box<str>),
    /// A rule of the server, see [`ConnectOptions::rules`](crate::ConnectOptions::rules); nothing was asked.
    Rule(RuleBroken),
    /// Another call with this label is not settled.
    LabelInUse,
    /// The server refused a filter.
    Refused {
        /// Which.
        filter: Box<str>,
        /// Why.
        reason: ReasonCode,
        /// What the server said about all filters of the request.
        said: Said,
    },
    /// The client is closed.
    Closed,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter(error) => error.fmt(f),
            Self::Rule(error) => error.fmt(f),
            Self::NeedsV5 => f.write_str("MQTT 3.1.1 knows no subscription option but the QoS"),
            Self::SharedNoLocal => f.write_str("No Local is not allowed on a shared subscription"),
            Self::Conflict => f.write_str("the filter is subscribed already, with other options"),
            Self::TooLarge => f.write_str("the subscription is larger than this server accepts"),
            Self::WildcardNotSupported(filter) => {
                write!(f, "the server has no wildcard subscriptions: name each topic instead of {filter:?}")
            }
            Self::SharedNotSupported(filter) => {
                write!(f, "the server has no shared subscriptions: subscribe without $share instead of {filter:?}")
            }
            Self::LabelInUse => f.write_str("another call with this label is not settled"),
            Self::Refused { filter, reason, said } => {
                write!(f, "the server refused the subscription {filter:?}: {reason}{said}")
            }
            Self::Closed => f.write_str("the client is closed"),
        }
    }
}

impl core::error::Error for SubscribeError {}

impl From<TopicFilterError> for SubscribeError {
    fn from(error: TopicFilterError) -> Self {
        Self::Filter(error)
    }
}
