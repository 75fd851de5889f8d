mod anew;
mod check;
mod error;
mod protocol;
mod proxy;
mod renewal;
mod server;
mod session;
mod tcp;
mod transport;
pub(crate) mod url;
mod waiting;
mod warning;
mod will;

pub(crate) use anew::OtherServer;
pub use error::OptionsError;
pub(crate) use proxy::ProxyChoice;
pub(crate) use renewal::Signal;
pub(crate) use server::Server;
pub use tcp::TcpOptions;
pub use url::UrlError;
pub use waiting::WhenFull;
pub use warning::OptionsWarning;
pub use will::Will;

use core::fmt;
use std::{sync::Arc, time::Duration};

use dunlin_codec::{PropertyError, Version};
use dunlin_session::ResumeWithoutState;

use crate::{
    Durability,
    authentication::Method,
    connector::CustomConnector,
    durable::StoreSlot,
    inspect::{Inspected, Inspector},
    providers::Providers,
    random,
    rules::Rules,
    tls::TlsOptions,
};

/// Where to connect and how. A plain struct with chained setters; a URL is enough to make one.
///
/// Clients whose options are clones of one another have what is the same in them, but for user name, password and will, once
/// in memory: so a fleet is best given `options.clone().client_id(...)`.
///
/// | what | default |
/// |---|---|
/// | version | MQTT 5.0 |
/// | TCP | from any address, packets leave at once ([`TcpOptions`]) |
/// | proxy (feature `proxy`) | the environment's ([`ConnectOptions::proxy`]) |
/// | port | 1883 for `mqtt://`, 8883 for `mqtts://`, 80 for `ws://`, 443 for `wss://` |
/// | client identifier | generated: 23 characters of 0-9a-zA-Z |
/// | user name, password, will | none; may be made anew for each try |
/// | making credentials anew while a connection lasts | when they know for how long they are good |
/// | renew drain (for what is under way then) | 10 s |
/// | further servers | none |
/// | store | none: what is not settled ends with the process |
/// | clean start | true |
/// | session expiry | 0: the session ends with the connection |
/// | keep alive | 60 s |
/// | Receive Maximum (messages from the server, unacknowledged) | 65,535, which is the standard's: not told |
/// | Maximum Packet Size (from the server) | 16 MiB |
/// | Topic Alias Maximum (for the server) | 16 |
/// | topic aliases (of our own) | 64; the server may allow fewer |
/// | subscription identifiers | given, where the server has them |
/// | send maximum (messages to the server, unacknowledged) | 1,024, in 3.1.1 20; the server may lower it |
/// | queue (bytes accepted and not yet transmitted) | 128 KiB |
/// | queue (messages accepted and not yet transmitted) | as many as its bytes allow |
/// | when the queue is full | publishers wait |
/// | memory for messages that wait for their acknowledgement | 16 MiB copied, as much by reference |
/// | unread bytes of all subscriptions | 16 MiB |
/// | claim within (messages of a resumed session that nobody has subscribed to yet) | 10 s |
/// | stall after (a message that holds others back) | 30 s |
/// | connect timeout (address, TCP, TLS, WebSocket, CONNACK) | 20 s |
/// | ping timeout | 10 s |
/// | ack timeout | 60 s, told and no more |
/// | redirects by the server | told and not followed |
/// | reconnect | after up to 1 s, doubling to 2 min, full jitter; begins anew after 30 s of connection |
///
/// CONNECT then carries Maximum Packet Size and Topic Alias Maximum, and Session Expiry Interval where it is not 0; [`ConnectOptions::bare`] has
/// no property at all.
#[derive(Clone)]
#[must_use = "options do nothing until they are given to `Client::connect` or `Client::start`"]
pub struct ConnectOptions {
    pub(crate) client_id: String,
    /// It is ours, so another one will do.
    client_id_generated: bool,
    pub(crate) user_name: Option<String>,
    pub(crate) password: Option<Vec<u8>>,
    pub(crate) will: Option<Box<Will>>,
    /// Clones have one copy of them, until one is changed.
    settings: Arc<Settings>,
}

/// What the clients of a fleet are likely to have alike, so that each need not have it for itself.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) server: Server,
    pub(crate) others: Vec<OtherServer>,
    pub(crate) providers: Providers,
    pub(crate) renew_after: Option<Duration>,
    pub(crate) renew_when: Option<Signal>,
    pub(crate) renew_drain: Duration,
    pub(crate) tcp: TcpOptions,
    pub(crate) proxy: ProxyChoice,
    pub(crate) tls: TlsOptions,
    pub(crate) connector: Option<CustomConnector>,
    pub(crate) version: Version,
    pub(crate) authentication: Option<Method>,
    pub(crate) inspector: Option<Inspector>,
    pub(crate) rules: Option<Arc<dyn Rules>>,
    /// User properties of CONNECT, as they go over the wire.
    pub(crate) properties: Vec<u8>,
    property_error: Option<PropertyError>,
    pub(crate) request_response_information: bool,
    pub(crate) response_topic: Option<Box<str>>,
    pub(crate) request_problem_information: bool,
    pub(crate) store: Option<StoreSlot>,
    pub(crate) durability: Durability,
    pub(crate) clean_start: bool,
    pub(crate) resume_without_state: ResumeWithoutState,
    pub(crate) session_expiry: Duration,
    pub(crate) keep_alive: Duration,
    pub(crate) receive_maximum: u16,
    pub(crate) maximum_packet_size: u32,
    pub(crate) topic_alias_maximum: u16,
    pub(crate) topic_aliases: u16,
    pub(crate) subscription_identifiers: bool,
    /// `None`: as many as a server is sure to take.
    pub(crate) send_maximum: Option<u16>,
    pub(crate) queue_bytes: usize,
    pub(crate) queue_messages: usize,
    pub(crate) when_full: WhenFull,
    pub(crate) memory_bytes: usize,
    pub(crate) unread_bytes: usize,
    pub(crate) claim_within: Duration,
    pub(crate) stall_after: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) ping_timeout: Duration,
    pub(crate) ack_timeout: Duration,
    pub(crate) reconnect_when_stalled: bool,
    pub(crate) follow_redirects: bool,
    pub(crate) reconnect_minimum: Duration,
    pub(crate) reconnect_maximum: Duration,
    pub(crate) stable_after: Duration,
    pub(crate) random_seed: Option<u64>,
}

impl ConnectOptions {
    /// To `host` on port 1883 over plain TCP.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            client_id: random::client_id(),
            client_id_generated: true,
            user_name: None,
            password: None,
            will: None,
            settings: Arc::new(Settings {
                server: Server::new(host.into()),
                others: Vec::new(),
                providers: Providers::default(),
                renew_after: None,
                renew_when: None,
                renew_drain: Duration::from_secs(10),
                tcp: TcpOptions::new(),
                proxy: ProxyChoice::OfEnvironment,
                tls: TlsOptions::default(),
                connector: None,
                version: Version::V5,
                authentication: None,
                inspector: None,
                rules: None,
                properties: Vec::new(),
                property_error: None,
                request_response_information: false,
                response_topic: None,
                request_problem_information: true,
                store: None,
                durability: Durability::Immediate,
                clean_start: true,
                resume_without_state: ResumeWithoutState::Refuse,
                session_expiry: Duration::ZERO,
                keep_alive: Duration::from_secs(60),
                receive_maximum: u16::MAX,
                maximum_packet_size: 16 << 20,
                topic_alias_maximum: 16,
                topic_aliases: 64,
                subscription_identifiers: true,
                send_maximum: None,
                queue_bytes: 128 << 10,
                queue_messages: usize::MAX,
                when_full: WhenFull::Wait,
                memory_bytes: 16 << 20,
                unread_bytes: 16 << 20,
                claim_within: Duration::from_secs(10),
                stall_after: Duration::from_secs(30),
                connect_timeout: Duration::from_secs(20),
                ping_timeout: Duration::from_secs(10),
                ack_timeout: Duration::from_secs(60),
                reconnect_when_stalled: false,
                follow_redirects: false,
                reconnect_minimum: Duration::from_secs(1),
                reconnect_maximum: Duration::from_secs(120),
                stable_after: Duration::from_secs(30),
                random_seed: None,
            }),
        }
    }

    /// As [`ConnectOptions::new`], but no packet carries a property that nobody asked for: no limit is told to the
    /// server, and subscriptions have no identifier.
    pub fn bare(host: impl Into<String>) -> Self {
        Self::new(host)
            .maximum_packet_size(u32::MAX)
            .topic_alias_maximum(0)
            .topic_aliases(0)
            .subscription_identifiers(false)
    }

    /// From `SCHEME://user:password@host:port`; what is left out has its default. The host may be a name, an IPv4
    /// address or an IPv6 address in brackets; user name and password may have `%XX` escapes.
    ///
    /// | scheme | what is spoken | port |
    /// |---|---|---|
    /// | `mqtt://`, `tcp://` | MQTT over TCP | 1883 |
    /// | `mqtts://`, `ssl://` | MQTT over TLS (feature `tls`) | 8883 |
    /// | `ws://` | MQTT over WebSocket (feature `websocket`) | 80 |
    /// | `wss://` | MQTT over WebSocket over TLS (both features) | 443 |
    /// | `mqtt-quic://`, `quic://` | MQTT over QUIC (feature `quic`) | 14567 |
    /// | `mqtt+unix://`, `unix://` | MQTT over a [socket of the file system](Self::unix_socket) | |
    ///
    /// For WebSocket a path and a query may follow: `ws://host/mqtt?token=...`. Without either the path is `/mqtt`.
    /// A socket is named by its path alone, from the root: `mqtt+unix:///run/mosquitto.sock`.
    ///
    /// A build without a feature refuses the URLs that need it when the client is made, and names the feature.
    pub fn from_url(url: &str) -> Result<Self, UrlError> {
        url::parse(url)
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// To be changed, for these options alone.
    pub(crate) fn edit(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }

    /// The version of MQTT to speak.
    pub fn version(mut self, version: Version) -> Self {
        self.edit().version = version;
        self
    }

    /// The name of the session. Empty: the server chooses one.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = client_id.into();
        self.client_id_generated = false;
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
        self.will = Some(Box::new(will));
        self
    }

    /// After how long the link is tested, in whole seconds, at most 65,535; zero: never.
    pub fn keep_alive(mut self, keep_alive: Duration) -> Self {
        self.edit().keep_alive = keep_alive;
        self
    }

    /// How long one try may take: address, TCP, TLS, WebSocket and CONNACK together.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.edit().connect_timeout = timeout;
        self
    }

    /// How long the server may be silent after it was asked something, until the link counts as dead.
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.edit().ping_timeout = timeout;
        self
    }

    /// The waits between tries: a random time up to `minimum`, which doubles each time up to `maximum`.
    pub fn reconnect(mut self, minimum: Duration, maximum: Duration) -> Self {
        let settings = self.edit();
        (settings.reconnect_minimum, settings.reconnect_maximum) = (minimum, maximum);
        self
    }

    /// Go to another server where this one says so (5.0: 0x9C for once, 0x9D from now on), with the same user, password
    /// and TLS options: only where every server that this one may name is trusted with them. At most five times in a
    /// row; not over a [`connector`](ConnectOptions::connector).
    pub fn follow_redirects(mut self, follow: bool) -> Self {
        self.edit().follow_redirects = follow;
        self
    }

    /// Look at every packet that is handed to a connection or came from one, in its order, without secrets: for logs, and
    /// for finding out what a server does.
    ///
    /// `look` runs on the driver, outside every lock: it may use the client, and must not block. Without it nothing is
    /// collected or decoded for it. With the feature `tracing` the same packets are traces of the target
    /// `dunlin::packet`.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), dunlin::ConnectionError> {
    /// use dunlin::{Client, ConnectOptions};
    ///
    /// let options = ConnectOptions::new("broker.example").inspect(|packet| println!("{packet}"));
    /// let client = Client::connect(options).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn inspect(mut self, look: impl Fn(&Inspected<'_>) + Send + Sync + 'static) -> Self {
        self.edit().inspector = Some(Inspector::new(look));
        self
    }

    /// Refuse at the call what this server would punish, and MQTT has no words for. The options that `dunlin-cloud` makes have
    /// the rules of their services.
    pub fn rules(mut self, rules: impl Rules + 'static) -> Self {
        self.edit().rules = Some(Arc::new(rules));
        self
    }

    /// Without [rules](Self::rules), such as those of a service that changed them: what it punishes is sent.
    pub fn without_rules(mut self) -> Self {
        self.edit().rules = None;
        self
    }

    /// From what the waits between tries are drawn: for tests that must go the same way again. Default: chance.
    pub fn random_seed(mut self, seed: u64) -> Self {
        self.edit().random_seed = Some(seed);
        self
    }
}

/// Shows neither user name nor password, which may both be part of a URL, and of WebSocket neither the query nor what
/// the headers say.
impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("server", &format_args!("{}", self.settings.server.url()))
            .field("websocket", &self.settings.server.websocket)
            .field("version", &self.settings.version)
            .field("client_id", &self.client_id)
            .field("user_name", &self.user_name.as_ref().map(|_| "..."))
            .field("password", &self.password.as_ref().map(|_| "..."))
            .field("will", &self.will)
            .field("authentication", &self.settings.authentication.as_ref().map(Method::name))
            .field("clean_start", &self.settings.clean_start)
            .field("session_expiry", &self.settings.session_expiry)
            .field("keep_alive", &self.settings.keep_alive)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
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
