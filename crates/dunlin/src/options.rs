mod anew;
mod error;
mod proxy;
mod server;
mod tcp;
pub(crate) mod url;
mod waiting;
mod warning;
mod will;

pub(crate) use anew::OtherServer;
pub use error::OptionsError;
pub(crate) use proxy::ProxyChoice;
pub(crate) use server::Server;
pub use tcp::TcpOptions;
pub use url::UrlError;
pub use waiting::WhenFull;
pub use warning::OptionsWarning;
pub use will::Will;

use core::{fmt, future::Future};
use std::{io, path::PathBuf, time::Duration};

use dunlin_codec::{
    PacketType, Properties, Property, PropertyError, PropertyOwner, TextError, TopicError, TopicName, Version,
    check_text,
};

use dunlin_session::{ResumeWithoutState, Store};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    Durability, StoreSetupError,
    authentication::{Authenticator, Method, append},
    connector::CustomConnector,
    durable::StoreSlot,
    inspect::{Inspected, Inspector},
    providers::Providers,
    random,
    tls::TlsOptions,
    websocket::WebSocketOptions,
};

/// Where to connect and how. A plain struct with chained setters; a URL is enough to make one.
///
/// | what | default |
/// |---|---|
/// | version | MQTT 5.0 |
/// | TCP | from any address, packets leave at once ([`TcpOptions`]) |
/// | proxy (feature `proxy`) | the environment's ([`ConnectOptions::proxy`]) |
/// | port | 1883 for `mqtt://`, 8883 for `mqtts://`, 80 for `ws://`, 443 for `wss://` |
/// | client identifier | generated: 23 characters of 0-9a-zA-Z |
/// | user name, password, will | none; may be made anew for each try |
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
    pub(crate) server: Server,
    pub(crate) others: Vec<OtherServer>,
    pub(crate) providers: Providers,
    pub(crate) tcp: TcpOptions,
    pub(crate) proxy: ProxyChoice,
    pub(crate) tls: TlsOptions,
    pub(crate) connector: Option<CustomConnector>,
    pub(crate) version: Version,
    pub(crate) client_id: String,
    /// It is ours, so another one will do.
    client_id_generated: bool,
    pub(crate) user_name: Option<String>,
    pub(crate) password: Option<Vec<u8>>,
    pub(crate) will: Option<Will>,
    pub(crate) authentication: Option<Method>,
    pub(crate) inspector: Option<Inspector>,
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
            server: Server::new(host.into()),
            others: Vec::new(),
            providers: Providers::default(),
            tcp: TcpOptions::new(),
            proxy: ProxyChoice::OfEnvironment,
            tls: TlsOptions::default(),
            connector: None,
            version: Version::V5,
            client_id: random::client_id(),
            client_id_generated: true,
            user_name: None,
            password: None,
            will: None,
            authentication: None,
            inspector: None,
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
        }
    }

    /// As [`ConnectOptions::new`], but no packet carries a property that nobody asked for: no limit is told to the
    /// server, and subscriptions have no identifier.
    pub fn bare(host: impl Into<String>) -> Self {
        let told_nothing =
            Self { maximum_packet_size: u32::MAX, topic_alias_maximum: 0, topic_aliases: 0, ..Self::new(host) };
        Self { subscription_identifiers: false, ..told_nothing }
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

    /// The port. Without it the one that is usual for what is spoken: 1883, with TLS 8883, over WebSocket 80, over
    /// WebSocket with TLS 443.
    pub fn port(mut self, port: u16) -> Self {
        self.server.set_port(port);
        self
    }

    /// Speak TLS, with these options.
    pub fn tls(mut self, options: TlsOptions) -> Self {
        self.tls = options;
        self.server.secure = true;
        self
    }

    /// These options for TLS where it is spoken: where a URL says so that these options are made from, that stands beside
    /// them ([`or_url`](Self::or_url)) or that comes later ([`url_from`](Self::url_from)).
    pub fn tls_options(mut self, options: TlsOptions) -> Self {
        self.tls = options;
        self
    }

    /// Speak WebSocket, with these options; over TLS, if that is asked for too.
    pub fn websocket(mut self, options: WebSocketOptions) -> Self {
        self.server.websocket = Some(options);
        self
    }

    /// Connect to this socket of the file system (a unix domain socket), instead of host and port, which are then neither
    /// looked up nor connected to. TLS and WebSocket are spoken over it if that is asked for; the host is still the name
    /// that TLS checks, and the `Host` of WebSocket.
    ///
    /// Only where the operating system has them, which here means unix; elsewhere it is refused when the client is made,
    /// as [`OptionsError::UnixSocket`]. Linux allows paths of at most 107 bytes.
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.server.unix = Some(path.into());
        self
    }

    /// Speak MQTT over QUIC, with these options for the TLS 1.3 that is inside it (feature `quic`). Where they name no
    /// application protocol it is `mqtt`.
    ///
    /// One stream carries it all. QUIC goes over UDP: the environment's proxy is not used, and whatever else would have
    /// to carry it is refused when the client is made, as [`OptionsError::QuicAlone`].
    pub fn quic(mut self, options: TlsOptions) -> Self {
        self.server.quic = true;
        self.tls(options)
    }

    /// How TCP connections are made: from which address, and with which options of the system.
    pub fn tcp(mut self, options: TcpOptions) -> Self {
        self.tcp = options;
        self
    }

    /// Open connections in a way of your own: a tunnel, a serial line, a pipe to a server in the same process.
    ///
    /// `connect` is called for every try, the first and each reconnect. It gives the stream itself, over which TLS and
    /// WebSocket are spoken if these options ask for them, or says why there is none; that is told as
    /// [`ConnectionError::Network`](crate::ConnectionError::Network), and tried again like any other. It may take as
    /// long as the connect timeout, and is dropped when that is over or the client is closed; it should not block.
    ///
    /// Host and port are then neither looked up nor connected to. They are still the name that TLS checks, the `Host` of
    /// WebSocket, and what errors call the server. Nothing else on the way needs a socket or real time: over such a
    /// stream a client runs on tokio's paused clock.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), dunlin::ConnectionError> {
    /// use dunlin::{Client, ConnectOptions};
    /// use tokio::net::TcpStream;
    ///
    /// let options = ConnectOptions::new("broker.example").connector(|| TcpStream::connect("10.0.0.7:1883"));
    /// let client = Client::connect(options).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connector<C, F, S>(mut self, connect: C) -> Self
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        self.connector = Some(CustomConnector::new(connect));
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
        self.will = Some(will);
        self
    }

    /// Keep what must not be forgotten in this store: the session and the messages of QoS 1 and 2, so that not even a
    /// power loss loses one. `dunlin-store` has one in a folder. A message leaves when it is stored; QoS 0 messages
    /// are not stored, and cost nothing more.
    ///
    /// | what | survives the end of the process |
    /// |---|---|
    /// | a message of ours, QoS 1 or 2, from [`stored`](crate::Receipt::stored) on | yes; with QoS 2 it arrives once |
    /// | a received message, QoS 1 | until it is acknowledged; it may come again |
    /// | a received message, QoS 2, [acknowledged by the application](crate::Subscribe::manual_acknowledgement) | until that is stored; it comes again [marked](crate::Message::redelivered), with the same [`delivery_id`](crate::Message::delivery_id) |
    /// | a received message, QoS 2, acknowledged by itself | it never comes twice; what waits in a subscription or is in hand is lost |
    /// | subscriptions | on the server, with the session; subscribe again to receive |
    ///
    /// The server must [keep the session](ConnectOptions::session_expiry) too. The client identifier is kept in the
    /// store, and stays what it was at first; the version of MQTT too. Message Expiry goes on by the time of day while no
    /// process runs, so the machine's clock must be right when messages are accepted.
    ///
    /// A store is for one client: it goes to the first that is made of these options. It is read when the client is made,
    /// without waiting for anything else meanwhile, and written on the runtime's threads for blocking work.
    pub fn store(mut self, store: impl Store + 'static) -> Self {
        self.store = Some(StoreSlot::new(store));
        self
    }

    /// When what is accepted is written to the store; at once if not said.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    pub(crate) fn take_store(&self) -> Result<Option<Box<dyn Store>>, StoreSetupError> {
        self.store.as_ref().map(|store| store.take().ok_or(StoreSetupError::Taken)).transpose()
    }

    /// The client identifier of the store; an error if the caller wants another one.
    pub(crate) fn adopt_client_id(&mut self, client_id: &str) -> Result<(), StoreSetupError> {
        if !self.client_id_generated && !self.client_id.is_empty() && self.client_id != client_id {
            return Err(StoreSetupError::ClientId(client_id.into()));
        }
        client_id.clone_into(&mut self.client_id);
        Ok(())
    }

    /// Begin without the session that the server may have kept under this client identifier. Reconnects of this
    /// client go on with its session in any case.
    ///
    /// `false` is for programs that know what the server has; without a [store](ConnectOptions::store) a client does not
    /// carry a session over from an earlier process, and ends a connection on which the server says that it has one
    /// [MQTT-3.2.2-4]. With a store it goes on with the session that is in there in any case.
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

    /// Bytes of a packet from the server; a larger one ends the connection. Not 0.
    pub fn maximum_packet_size(mut self, bytes: u32) -> Self {
        self.maximum_packet_size = bytes;
        self
    }

    /// Topics that we name by an alias at once, as far as the server takes aliases (5.0): those that were published to
    /// last; 0: none. Messages do not show it, they only take fewer bytes on the wire.
    pub fn topic_aliases(mut self, aliases: u16) -> Self {
        self.topic_aliases = aliases;
        self
    }

    /// Topics that the server may name by an alias, instead of sending them each time (5.0); 0: none.
    pub fn topic_alias_maximum(mut self, aliases: u16) -> Self {
        self.topic_alias_maximum = aliases;
        self
    }

    /// Whether each SUBSCRIBE carries a subscription identifier, if the server has them (5.0). By it a message is given
    /// to the very subscriptions that the server means. Without, the topic decides: then, of a server that sends a message
    /// once for each filter that it matches, every subscription to one of these filters gets every copy.
    pub fn subscription_identifiers(mut self, given: bool) -> Self {
        self.subscription_identifiers = given;
        self
    }

    /// How long one try may take: address, TCP, TLS, WebSocket and CONNACK together.
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

    /// What to do if the server has a session and this client knows of none, such as one of an earlier process. By default
    /// the connection ends: QoS 2 messages could be lost. It concerns a client without
    /// [clean start](ConnectOptions::clean_start) only.
    pub fn resume_without_state(mut self, what: ResumeWithoutState) -> Self {
        self.resume_without_state = what;
        self
    }

    /// Go to another server where this one says so (5.0: 0x9C for once, 0x9D from now on), with the same user, password
    /// and TLS options: only where every server that this one may name is trusted with them. At most five times in a
    /// row; not over a [`connector`](ConnectOptions::connector).
    pub fn follow_redirects(mut self, follow: bool) -> Self {
        self.follow_redirects = follow;
        self
    }

    /// Enhanced authentication (5.0) by this method; `converse` makes a new conversation for each connection and each
    /// [`reauthenticate`](crate::Client::reauthenticate).
    pub fn authentication<A: Authenticator + 'static>(
        mut self,
        method: impl Into<String>,
        converse: impl Fn() -> A + Send + Sync + 'static,
    ) -> Self {
        self.authentication = Some(Method::new(method.into(), converse));
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
        self.inspector = Some(Inspector::new(look));
        self
    }

    /// Adds a user property to CONNECT (5.0). What it means is between the application and the server.
    pub fn user_property(mut self, name: &str, value: &str) -> Self {
        if let Err(error) = append(&mut self.properties, Property::UserProperty(name, value)) {
            self.property_error.get_or_insert(error);
        }
        self
    }

    /// Ask for Response Information (5.0), which [`Connected`](crate::Connected) then carries.
    pub fn request_response_information(mut self, wanted: bool) -> Self {
        self.request_response_information = wanted;
        self
    }

    /// Where the responses to [requests](crate::Client::request) come (5.0): a topic of this client alone. If not said it
    /// is made of Response Information, where the server gave some, or begins with `dunlin/responses/`, and ends in random
    /// characters.
    ///
    /// # Errors
    /// It is no topic.
    pub fn response_topic(mut self, topic: &str) -> Result<Self, TopicError> {
        TopicName::new(topic)?;
        self.response_topic = Some(topic.into());
        Ok(self)
    }

    /// Whether the server may send reason strings and user properties with acknowledgements (5.0).
    pub fn request_problem_information(mut self, wanted: bool) -> Self {
        self.request_problem_information = wanted;
        self
    }

    /// The server for people to read, as a URL without user name, password and query: `mqtts://broker.example:8883`,
    /// `mqtt+unix:///run/mosquitto.sock`.
    pub fn server_url(&self) -> String {
        self.server.url()
    }

    /// Whether anything is said that 3.1.1 cannot.
    fn needs_v5(&self) -> bool {
        !self.properties.is_empty()
            || self.authentication.is_some()
            || self.request_response_information
            || !self.request_problem_information
            || self.will.as_ref().is_some_and(Will::has_properties)
    }

    fn check_properties(&self) -> Result<(), PropertyError> {
        if let Some(error) = self.property_error {
            return Err(error);
        }
        if let Some(method) = &self.authentication {
            method.append(&mut Vec::new(), None)?;
        }
        let owner = PropertyOwner::Packet(PacketType::Connect);
        Properties::check(owner, &self.properties).map_err(PropertyError::NotAllowed)?;
        self.will.as_ref().map_or(Ok(()), |will| will.check().map(drop))
    }

    /// From what the waits between tries are drawn: for tests that must go the same way again. Default: chance.
    pub fn random_seed(mut self, seed: u64) -> Self {
        self.random_seed = Some(seed);
        self
    }

    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        let text = |field, text: &str| check_text(text).map_err(|error| OptionsError::Text { field, error });
        text("client identifier", &self.client_id)?;
        text("user name", self.user_name.as_deref().unwrap_or_default())?;
        let servers = || core::iter::once(&self.server).chain(self.others.iter().map(|other| &other.server));
        servers().try_for_each(Server::check)?;
        if self.providers.url.is_some() && !self.others.is_empty() {
            return Err(OptionsError::ServersTwice);
        }
        let is_redirected = self.connector.is_some() || matches!(self.proxy, ProxyChoice::This(_));
        if is_redirected && servers().any(|server| server.quic) {
            return Err(OptionsError::QuicAlone);
        }
        if let ProxyChoice::This(proxy) = &self.proxy {
            proxy.check().map_err(OptionsError::Proxy)?;
        }
        if self.password.as_ref().is_some_and(|password| password.len() > 0xFFFF) {
            return Err(OptionsError::Text { field: "password", error: TextError::TooLong });
        }
        if self.will.as_ref().is_some_and(|will| will.is_too_long()) {
            return Err(OptionsError::Text { field: "will", error: TextError::TooLong });
        }
        if self.receive_maximum == 0 || self.maximum_packet_size == 0 || self.send_maximum == Some(0) {
            return Err(OptionsError::Zero);
        }
        if self.keep_alive.as_secs() > u16::MAX.into() {
            return Err(OptionsError::KeepAliveTooLong);
        }
        self.check_properties().map_err(OptionsError::Property)?;
        if self.version != Version::V5 {
            if self.needs_v5() {
                return Err(OptionsError::NeedsV5);
            }
            if self.password.is_some() && self.user_name.is_none() {
                return Err(OptionsError::PasswordAlone);
            }
            let needs_client_id = !self.session_expiry.is_zero() || self.version == Version::V3_1;
            if self.client_id.is_empty() && needs_client_id {
                return Err(OptionsError::ClientIdEmpty);
            }
        }
        Ok(())
    }
}

/// Shows neither user name nor password, which may both be part of a URL, and of WebSocket neither the query nor what
/// the headers say.
impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("server", &format_args!("{}", self.server.url()))
            .field("websocket", &self.server.websocket)
            .field("version", &self.version)
            .field("client_id", &self.client_id)
            .field("user_name", &self.user_name.as_ref().map(|_| "..."))
            .field("password", &self.password.as_ref().map(|_| "..."))
            .field("will", &self.will)
            .field("authentication", &self.authentication.as_ref().map(Method::name))
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
