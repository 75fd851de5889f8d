use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use dunlin_codec::{Qos, ReasonCode, TopicFilter, TopicFilterError, Version};
use tokio_rustls::rustls::ServerConfig;

use super::Server;

/// How a [`Server`] shall be: what it announces, demands, refuses and delays.
///
/// The defaults make a server that refuses nothing a correct client does. Limits hold for the connections made after
/// they were set; what 3.1.1 cannot say (everything that is announced) binds connections of 5.0 only, unless said
/// otherwise.
///
/// ```
/// use dunlin_testkit::{Qos, Server};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let server = Server::options().maximum_qos(Qos::AtLeastOnce).receive_maximum(10).start().await?;
/// # drop(server);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ServerOptions {
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) credentials: Option<Credentials>,
    pub(super) refusal: Option<Refusal>,
    pub(super) only: Option<Version>,
    pub(super) receive_maximum: u16,
    pub(super) maximum_qos: Qos,
    pub(super) retain_available: bool,
    pub(super) maximum_packet_size: u32,
    pub(super) topic_alias_maximum: u16,
    pub(super) wildcards: bool,
    pub(super) subscription_identifiers: bool,
    pub(super) shared_subscriptions: bool,
    pub(super) server_keep_alive: Option<u16>,
    pub(super) session_expiry_maximum: u32,
    pub(super) assign_client_ids: bool,
    pub(super) hold_acks: bool,
    pub(super) ack_delay: Duration,
    pub(super) redeliver: bool,
    pub(super) aliases_out: bool,
    pub(super) reason_strings: bool,
    pub(super) no_matching_subscribers: bool,
    pub(super) denied_publishes: Vec<(String, ReasonCode)>,
    pub(super) denied_subscribes: Vec<(String, ReasonCode)>,
    pub(super) maximum_queued: usize,
    pub(super) maximum_connections: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            tls: None,
            credentials: None,
            refusal: None,
            only: None,
            receive_maximum: u16::MAX,
            maximum_qos: Qos::ExactlyOnce,
            retain_available: true,
            maximum_packet_size: 1 << 20,
            topic_alias_maximum: 16,
            wildcards: true,
            subscription_identifiers: true,
            shared_subscriptions: true,
            server_keep_alive: None,
            session_expiry_maximum: u32::MAX,
            assign_client_ids: true,
            hold_acks: false,
            ack_delay: Duration::ZERO,
            redeliver: true,
            aliases_out: false,
            reason_strings: false,
            no_matching_subscribers: true,
            denied_publishes: Vec::new(),
            denied_subscribes: Vec::new(),
            maximum_queued: 10_000,
            maximum_connections: 1_000,
        }
    }
}

impl ServerOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts the server on a free port of 127.0.0.1. It runs on the tokio runtime of the caller, whose I/O and time
    /// must be enabled, and ends when the [`Server`] is dropped.
    ///
    /// # Errors
    /// What the operating system says when no port can be had.
    pub async fn start(self) -> io::Result<Server> {
        Server::start_with(self).await
    }

    /// Speaks TLS on its port, with this configuration. Default: plain TCP. In-memory connections stay plain.
    ///
    /// ```
    /// # fn main() -> Result<(), dunlin_testkit::CertificateError> {
    /// use dunlin_testkit::{Authority, Server};
    ///
    /// let authority = Authority::new("for this test")?;
    /// let config = authority.server(&["localhost", "127.0.0.1"])?.server_config(None)?;
    /// let options = Server::options().tls(config);
    /// # drop(options);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Demands this user name and password; other clients are refused with 0x86 (3.1.1: return code 4). Default: all
    /// are welcome.
    #[must_use]
    pub fn credentials(mut self, user_name: &str, password: impl Into<Vec<u8>>) -> Self {
        self.credentials = Some(Credentials { user_name: user_name.to_owned(), password: password.into() });
        self
    }

    /// Refuses every CONNECT with this reason; in 3.1.1 with the return code that comes nearest. Default: none.
    #[must_use]
    pub fn refuse(mut self, reason: ReasonCode) -> Self {
        self.refusal = Some(Refusal::Reason(reason));
        self
    }

    /// Refuses every CONNECT with this byte as it is, whatever the version says about it, such as the return code 7
    /// that some 3.1.1 servers invented.
    #[must_use]
    pub fn refuse_with_return_code(mut self, code: u8) -> Self {
        self.refusal = Some(Refusal::ReturnCode(code));
        self
    }

    /// Ends [`refuse`](Self::refuse) and [`refuse_with_return_code`](Self::refuse_with_return_code).
    #[must_use]
    pub fn refuse_none(mut self) -> Self {
        self.refusal = None;
        self
    }

    /// Speaks this version only. A server of 3.1.1 answers CONNECTs of 5.0 in its own form, `20 02 00 01`; one of 5.0
    /// answers those of 3.1.1 with return code 1. Default: both.
    #[must_use]
    pub fn only(mut self, version: Version) -> Self {
        self.only = Some(version);
        self
    }

    /// How many QoS 1 and 2 messages of a client it takes at once; more cost the connection (0x93). 0 counts as 1.
    /// Default: 65,535, which is not announced.
    #[must_use]
    pub fn receive_maximum(mut self, messages: u16) -> Self {
        self.receive_maximum = messages.max(1);
        self
    }

    /// The highest QoS it takes and grants. A PUBLISH above it costs the connection: 0x9B, in 3.1.1 without a word and
    /// without a breach. Default: QoS 2.
    #[must_use]
    pub fn maximum_qos(mut self, qos: Qos) -> Self {
        self.maximum_qos = qos;
        self
    }

    /// Whether it keeps retained messages. If not, a PUBLISH with RETAIN costs the connection (0x9A; in 3.1.1 the
    /// message is passed on and not kept). Default: yes.
    #[must_use]
    pub fn retain_available(mut self, available: bool) -> Self {
        self.retain_available = available;
        self
    }

    /// The largest packet it takes, in bytes; a larger one costs the connection (0x95), in 3.1.1 too. 0 counts as 1.
    /// Default: 1 MiB. Always announced.
    #[must_use]
    pub fn maximum_packet_size(mut self, bytes: u32) -> Self {
        self.maximum_packet_size = bytes.max(1);
        self
    }

    /// The highest topic alias it takes from clients; a higher one costs the connection (0x94). Default: 16.
    #[must_use]
    pub fn topic_alias_maximum(mut self, aliases: u16) -> Self {
        self.topic_alias_maximum = aliases;
        self
    }

    /// Whether filters may have wildcards; if not, one that has costs the connection (0xA2; in 3.1.1 it is refused in
    /// SUBACK). Default: yes.
    #[must_use]
    pub fn wildcard_subscription_available(mut self, available: bool) -> Self {
        self.wildcards = available;
        self
    }

    /// Whether subscriptions may have identifiers; if not, one costs the connection (0xA1). Default: yes.
    #[must_use]
    pub fn subscription_identifier_available(mut self, available: bool) -> Self {
        self.subscription_identifiers = available;
        self
    }

    /// Whether subscriptions may be shared; if not, `$share` costs the connection (0x9E; in 3.1.1 it is refused in
    /// SUBACK). Default: yes.
    #[must_use]
    pub fn shared_subscription_available(mut self, available: bool) -> Self {
        self.shared_subscriptions = available;
        self
    }

    /// The keep alive in seconds that clients of 5.0 must use instead of their own; 0 is none. Default: their own.
    #[must_use]
    pub fn server_keep_alive(mut self, seconds: u16) -> Self {
        self.server_keep_alive = Some(seconds);
        self
    }

    /// The most seconds that a session outlives its connection; a client that asks for more is told. It bounds the
    /// sessions of 3.1.1 too. Default: `u32::MAX`, for ever.
    #[must_use]
    pub fn session_expiry_maximum(mut self, seconds: u32) -> Self {
        self.session_expiry_maximum = seconds;
        self
    }

    /// Whether a client without an identifier is given one; if not, it is refused with 0x85. Default: yes.
    #[must_use]
    pub fn assign_client_ids(mut self, assign: bool) -> Self {
        self.assign_client_ids = assign;
        self
    }

    /// Begins with acknowledgements held; see [`Server::hold_acks`]. Default: no.
    #[must_use]
    pub fn hold_acks(mut self, hold: bool) -> Self {
        self.hold_acks = hold;
        self
    }

    /// Lets each PUBACK, PUBREC, PUBCOMP, SUBACK and UNSUBACK wait so long. They stay in order. Default: 0.
    #[must_use]
    pub fn ack_delay(mut self, delay: Duration) -> Self {
        self.ack_delay = delay;
        self
    }

    /// Whether a resumed session begins with what the client has not acknowledged, as the standard demands
    /// [MQTT-4.4.0-1]. `false` is a server that forgets to. Default: yes.
    #[must_use]
    pub fn redeliver_on_resume(mut self, redeliver: bool) -> Self {
        self.redeliver = redeliver;
        self
    }

    /// Whether it uses topic aliases towards clients that take some: the first topics get one each. Default: no.
    #[must_use]
    pub fn use_topic_aliases(mut self, yes: bool) -> Self {
        self.aliases_out = yes;
        self
    }

    /// Whether it gives reason strings where it refuses something, within the bounds of the client's Request Problem
    /// Information [MQTT-3.1.2-29] and Maximum Packet Size. Default: no.
    #[must_use]
    pub fn reason_strings(mut self, yes: bool) -> Self {
        self.reason_strings = yes;
        self
    }

    /// Whether it says 0x10 in the PUBACK or PUBREC of a message that nobody subscribed to. Default: yes.
    #[must_use]
    pub fn tell_no_matching_subscribers(mut self, yes: bool) -> Self {
        self.no_matching_subscribers = yes;
        self
    }

    /// Refuses messages published under topics that match `filter`: with `reason` in PUBACK or PUBREC; at QoS 0 and in
    /// 3.1.1 they are dropped. May be called again; the first that matches counts.
    ///
    /// # Errors
    /// `filter` is not a topic filter.
    pub fn deny_publish(mut self, filter: &str, reason: ReasonCode) -> Result<Self, TopicFilterError> {
        self.denied_publishes.push((TopicFilter::new(filter)?.as_str().to_owned(), reason));
        Ok(self)
    }

    /// Refuses subscriptions to exactly `filter` with `reason` in SUBACK, in 3.1.1 with 0x80. May be called again.
    ///
    /// # Errors
    /// `filter` is not a topic filter.
    pub fn deny_subscribe(mut self, filter: &str, reason: ReasonCode) -> Result<Self, TopicFilterError> {
        self.denied_subscribes.push((TopicFilter::new(filter)?.as_str().to_owned(), reason));
        Ok(self)
    }

    /// How many QoS 1 and 2 messages may wait for one client, those in flight not counted. More are dropped and
    /// counted. Default: 10,000.
    #[must_use]
    pub fn maximum_queued(mut self, messages: usize) -> Self {
        self.maximum_queued = messages;
        self
    }

    /// How many connections there may be at once, which are closed above it without a word, and how many sessions may
    /// be kept, above which a CONNECT is refused with 0x97 (3.1.1: return code 3). Default: 1,000.
    #[must_use]
    pub fn maximum_connections(mut self, connections: usize) -> Self {
        self.maximum_connections = connections;
        self
    }
}

/// A user name and a password; `Debug` does not show the password.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) user_name: String,
    pub(super) password: Vec<u8>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user_name", &self.user_name).finish_non_exhaustive()
    }
}

/// What every CONNECT is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Reason(ReasonCode),
    ReturnCode(u8),
}
