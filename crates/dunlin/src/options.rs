mod url;
mod will;

pub use url::UrlError;
pub use will::Will;

use core::fmt;
use std::{convert::Infallible, time::Duration};

use dunlin_codec::{TextError, Version, check_text};

use crate::{
    random,
    tls::{TlsError, TlsOptions},
};

/// Where to connect and how. A plain struct with chained setters; a URL is enough to make one.
///
/// | what | default |
/// |---|---|
/// | version | MQTT 5.0 |
/// | port | 1883 for `mqtt://`, 8883 for `mqtts://` |
/// | client identifier | generated: 23 characters of 0-9a-zA-Z |
/// | user name, password, will | none |
/// | clean start | true |
/// | session expiry | 0: the session ends with the connection |
/// | keep alive | 60 s |
/// | Receive Maximum (messages from the server, unacknowledged) | 65,535, which is the standard's: not told |
/// | Maximum Packet Size (from the server) | 16 MiB |
/// | send maximum (messages to the server, unacknowledged) | 1,024; the server may lower it |
/// | queue (bytes accepted and not yet transmitted) | 128 KiB |
/// | memory for messages that wait for their acknowledgement | 16 MiB copied, as much by reference |
/// | unread bytes of all subscriptions | 16 MiB |
/// | connect timeout (address, TCP, TLS, CONNACK) | 20 s |
/// | ping timeout | 10 s |
/// | reconnect | after up to 1 s, doubling to 2 min, full jitter; begins anew after 30 s of connection |
///
/// CONNECT then carries Maximum Packet Size, and Session Expiry Interval where it is not 0; [`ConnectOptions::bare`] has
/// no property at all.
#[derive(Clone)]
#[must_use = "options do nothing until they are given to `Client::connect` or `Client::start`"]
pub struct ConnectOptions {
    pub(crate) secure: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: TlsOptions,
    pub(crate) version: Version,
    pub(crate) client_id: String,
    pub(crate) user_name: Option<String>,
    pub(crate) password: Option<Vec<u8>>,
    pub(crate) will: Option<Will>,
    pub(crate) clean_start: bool,
    pub(crate) session_expiry: Duration,
    pub(crate) keep_alive: Duration,
    pub(crate) receive_maximum: u16,
    pub(crate) maximum_packet_size: u32,
    pub(crate) send_maximum: u16,
    pub(crate) queue_bytes: usize,
    pub(crate) memory_bytes: usize,
    pub(crate) unread_bytes: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) ping_timeout: Duration,
    pub(crate) reconnect_minimum: Duration,
    pub(crate) reconnect_maximum: Duration,
    pub(crate) stable_after: Duration,
}

impl ConnectOptions {
    /// To `host` on port 1883 over plain TCP.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            secure: false,
            host: host.into(),
            port: PLAIN_PORT,
            tls: TlsOptions::default(),
            version: Version::V5,
            client_id: random::client_id(),
            user_name: None,
            password: None,
            will: None,
            clean_start: true,
            session_expiry: Duration::ZERO,
            keep_alive: Duration::from_secs(60),
            receive_maximum: u16::MAX,
            maximum_packet_size: 16 << 20,
            send_maximum: 1_024,
            queue_bytes: 128 << 10,
            memory_bytes: 16 << 20,
            unread_bytes: 16 << 20,
            connect_timeout: Duration::from_secs(20),
            ping_timeout: Duration::from_secs(10),
            reconnect_minimum: Duration::from_secs(1),
            reconnect_maximum: Duration::from_secs(120),
            stable_after: Duration::from_secs(30),
        }
    }

    /// As [`ConnectOptions::new`], but CONNECT carries no property: no limit is told to the server.
    pub fn bare(host: impl Into<String>) -> Self {
        Self { maximum_packet_size: u32::MAX, ..Self::new(host) }
    }

    /// From `mqtt://user:password@host:port` or `mqtts://...`; what is left out has its default. The host may be a
    /// name, an IPv4 address or an IPv6 address in brackets; user name and password may have `%XX` escapes.
    pub fn from_url(url: &str) -> Result<Self, UrlError> {
        url::parse(url)
    }

    /// The port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Speak TLS, with these options. The port becomes 8883 if it was 1883 and TLS was not spoken before.
    pub fn tls(mut self, options: TlsOptions) -> Self {
        if !self.secure && self.port == PLAIN_PORT {
            self.port = SECURE_PORT;
        }
        self.tls = options;
        self.secure = true;
        self
    }

    /// The version of MQTT to speak.
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// The name of the session. Empty: the server chooses one.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = client_id.into();
        self
    }

    /// The user name; may be empty.
    pub fn user_name(mut self, user_name: impl Into<String>) -> Self {
        self.user_name = Some(user_name.into());
        self
    }

    /// The password: any bytes. It is shown in no Debug and no error. Without a user name it needs 5.0
    /// [MQTT-3.1.2-22].
    pub fn password(mut self, password: impl Into<Vec<u8>>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// What the server publishes when the connection breaks.
    pub fn will(mut self, will: Will) -> Self {
        self.will = Some(will);
        self
    }

    /// Begin without the session that the server may have kept under this client identifier. Reconnects of this
    /// client go on with its session in any case.
    ///
    /// `false` is for programs that know what the server has; this client does not carry a session over from an
    /// earlier process, and ends a connection on which the server says that it has one [MQTT-3.2.2-4].
    pub fn clean_start(mut self, clean_start: bool) -> Self {
        self.clean_start = clean_start;
        self
    }

    /// How long the server keeps the session after a connection ended, in whole seconds. In 3.1.1 every value above
    /// 0 means "for ever".
    pub fn session_expiry(mut self, session_expiry: Duration) -> Self {
        self.session_expiry = session_expiry;
        self
    }

    /// After how long the link is tested, in whole seconds, at most 65,535; zero: never.
    pub fn keep_alive(mut self, keep_alive: Duration) -> Self {
        self.keep_alive = keep_alive;
        self
    }

    /// QoS 1 and 2 messages that the server may send before the first is acknowledged (5.0). Not 0. A server that sends
    /// more breaks the protocol, and the connection ends [MQTT-3.3.4-9]: Mosquitto 2.0 does so under load.
    ///
    /// It is the way to hold back a server while the application is behind and waits for an answer of it, without which
    /// the connection ends as [`SlowConsumer`](crate::ConnectionError::SlowConsumer) then.
    pub fn receive_maximum(mut self, messages: u16) -> Self {
        self.receive_maximum = messages;
        self
    }

    /// Bytes of a packet from the server; a larger one ends the connection. Not 0.
    pub fn maximum_packet_size(mut self, bytes: u32) -> Self {
        self.maximum_packet_size = bytes;
        self
    }

    /// QoS 1 and 2 messages that are sent before the first is acknowledged. Not 0.
    pub fn send_maximum(mut self, messages: u16) -> Self {
        self.send_maximum = messages;
        self
    }

    /// Bytes of messages that may wait to be transmitted. A message is accepted while less than this waits. Also
    /// bounds how long a publisher on one thread runs before others do.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// Bytes of messages that may wait for anything, the server's acknowledgement included; once for small ones, which
    /// are copied, and once for payloads of 4 KiB and more given by value, which are not.
    pub fn memory_bytes(mut self, bytes: usize) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// Bytes of received messages that may wait in all subscriptions together before reading stops.
    pub fn unread_bytes(mut self, bytes: usize) -> Self {
        self.unread_bytes = bytes;
        self
    }

    /// How long one try may take: address, TCP, TLS and CONNACK together.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the server may be silent after it was asked something, until the link counts as dead.
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.ping_timeout = timeout;
        self
    }

    /// The waits between tries: a random time up to `minimum`, which doubles each time up to `maximum`.
    pub fn reconnect(mut self, minimum: Duration, maximum: Duration) -> Self {
        (self.reconnect_minimum, self.reconnect_maximum) = (minimum, maximum);
        self
    }

    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        let text = |field, text: &str| check_text(text).map_err(|error| OptionsError::Text { field, error });
        text("client identifier", &self.client_id)?;
        text("user name", self.user_name.as_deref().unwrap_or_default())?;
        if self.host.is_empty() {
            return Err(OptionsError::HostEmpty);
        }
        if self.password.as_ref().is_some_and(|password| password.len() > 0xFFFF) {
            return Err(OptionsError::Text { field: "password", error: TextError::TooLong });
        }
        if self.will.as_ref().is_some_and(|will| will.is_too_long()) {
            return Err(OptionsError::Text { field: "will", error: TextError::TooLong });
        }
        if self.receive_maximum == 0 || self.maximum_packet_size == 0 || self.send_maximum == 0 {
            return Err(OptionsError::Zero);
        }
        if self.keep_alive.as_secs() > u16::MAX.into() {
            return Err(OptionsError::KeepAliveTooLong);
        }
        if self.version == Version::V3_1_1 {
            if self.password.is_some() && self.user_name.is_none() {
                return Err(OptionsError::PasswordAlone);
            }
            if self.client_id.is_empty() && !self.session_expiry.is_zero() {
                return Err(OptionsError::ClientIdEmpty);
            }
        }
        Ok(())
    }

    /// `host:port`, an IPv6 address in brackets.
    pub(crate) fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// Shows no password.
impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("server", &format_args!("{}://{}", if self.secure { "mqtts" } else { "mqtt" }, self.authority()))
            .field("version", &self.version)
            .field("client_id", &self.client_id)
            .field("user_name", &self.user_name)
            .field("password", &self.password.as_ref().map(|_| "..."))
            .field("will", &self.will)
            .field("clean_start", &self.clean_start)
            .field("session_expiry", &self.session_expiry)
            .field("keep_alive", &self.keep_alive)
            .finish_non_exhaustive()
    }
}

impl TryFrom<&str> for ConnectOptions {
    type Error = UrlError;

    fn try_from(url: &str) -> Result<Self, UrlError> {
        Self::from_url(url)
    }
}

impl TryFrom<&String> for ConnectOptions {
    type Error = UrlError;

    fn try_from(url: &String) -> Result<Self, UrlError> {
        Self::from_url(url)
    }
}

impl TryFrom<String> for ConnectOptions {
    type Error = UrlError;

    fn try_from(url: String) -> Result<Self, UrlError> {
        Self::from_url(&url)
    }
}

/// What is wrong with the options. The caller's doing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionsError {
    /// The URL cannot be read.
    Url(UrlError),
    /// There is no host to connect to.
    HostEmpty,
    /// A string cannot be sent.
    Text {
        /// Which one.
        field: &'static str,
        /// Why.
        error: TextError,
    },
    /// Receive Maximum, Maximum Packet Size and the send maximum must not be 0 [U5-3.1.2.11-a].
    Zero,
    /// The keep alive is longer than 65,535 s.
    KeepAliveTooLong,
    /// 3.1.1 has no password without a user name [MQTT-3.1.2-22].
    PasswordAlone,
    /// In 3.1.1 a session that outlives its connection needs a client identifier [MQTT-3.1.3-7].
    ClientIdEmpty,
    /// The files or settings of TLS.
    Tls(TlsError),
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::HostEmpty => f.write_str("no host to connect to"),
            Self::Text { field, error } => write!(f, "the {field} is {error}"),
            Self::Zero => f.write_str("receive maximum, maximum packet size and send maximum must not be 0"),
            Self::KeepAliveTooLong => f.write_str("the keep alive is longer than 65,535 seconds"),
            Self::PasswordAlone => f.write_str("MQTT 3.1.1 has no password without a user name"),
            Self::ClientIdEmpty => f.write_str("MQTT 3.1.1 needs a client identifier for a session that is kept"),
            Self::Tls(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for OptionsError {}

impl From<UrlError> for OptionsError {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}

impl From<Infallible> for OptionsError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

const PLAIN_PORT: u16 = 1883;
const SECURE_PORT: u16 = 8883;
