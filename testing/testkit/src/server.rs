//! A strict MQTT server in memory, for tests and for trying out.

mod answers;
mod connection;
mod control;
mod driver;
mod handshake;
mod inbound;
mod judge;
mod options;
mod outbound;
mod records;
mod retained;
mod sans_io;
mod session;
mod subscriptions;
mod wire;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use dunlin_codec::{PacketId, Qos, ReasonCode, TopicError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub use self::connection::{ConnectionId, ServerClose, ServerOutput};
pub use self::judge::Breach;
pub use self::options::ServerOptions;
pub use self::records::{ClientState, ConnectRecord, HeldAck, Message, Received};
pub use self::sans_io::SansIoServer;

use self::driver::Shared;

/// A strict MQTT server inside the test program: 3.1.1 and 5.0 on one port of 127.0.0.1, as each client asks.
///
/// **For tests and for trying out, never for production**: it keeps everything in memory, records what clients say
/// (passwords too), and drops those who make a mistake.
///
/// It does all of QoS 0, 1 and 2, sessions, retained messages, wills, shared subscriptions, topic aliases and flow
/// control; it has no enhanced authentication and no persistence. What it may do in several ways it can be told with
/// [`ServerOptions`]. It watches what clients send: every statement of the standard that one breaks is told by
/// [`breaches`](Self::breaches), and where the standard wants it the connection ends with the right reason.
///
/// It runs on the tokio runtime that it was started on, and ends when it is dropped: then its connections are cut.
/// Methods do not wait unless they are async, and may be called from anywhere, outside of the runtime too. Time is
/// tokio's: with [`connect_in_memory`](Self::connect_in_memory) and paused time a test takes no time.
///
/// ```
/// use dunlin_testkit::{Qos, Server};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::start().await?;
///
/// // The program under test would connect to server.url(). Here: CONNECT and PUBLISH by hand.
/// let mut client = tokio::net::TcpStream::connect(server.address()).await?;
/// client.write_all(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a").await?;
/// client.write_all(b"\x30\x08\x00\x01thello").await?;
///
/// server.wait_for_messages(1).await;
/// assert_eq!(server.received()[0].message.text(), "hello");
/// server.assert_no_breaches();
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping the server ends it"]
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    is_tls: bool,
}

impl Server {
    /// Starts a server with the default options.
    ///
    /// # Errors
    /// See [`ServerOptions::start`].
    pub async fn start() -> io::Result<Self> {
        Self::options().start().await
    }

    /// The options to start one with, all at their defaults.
    #[must_use]
    pub fn options() -> ServerOptions {
        ServerOptions::default()
    }

    pub(crate) async fn start_with(options: ServerOptions) -> io::Result<Self> {
        let tls = options.tls.clone();
        let is_tls = tls.is_some();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(SansIoServer::new(options)));
        tokio::spawn(driver::listen(Arc::clone(&shared), listener, tls.map(TlsAcceptor::from)));
        tokio::spawn(driver::keep_time(Arc::clone(&shared)));
        Ok(Self { shared, address, is_tls })
    }

    /// Where it listens: `mqtt://127.0.0.1:PORT`, or `mqtts://` with TLS.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.is_tls { "mqtts" } else { "mqtt" };
        format!("{scheme}://{}", self.address)
    }

    /// The address it listens at.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens at, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// A new connection that needs no socket, plain: the client's end of it. Each direction holds 64 KiB. Must be
    /// called within a tokio runtime.
    pub fn connect_in_memory(&self) -> impl AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin + use<> {
        let (client, server) = tokio::io::duplex(MEMORY);
        tokio::spawn(driver::carry(Arc::clone(&self.shared), server));
        client
    }

    /// Changes the options for the connections made from now on: a server that comes back with lower limits, or refuses
    /// for a while. TLS stays as it was.
    pub fn reconfigure(&self, change: impl FnOnce(ServerOptions) -> ServerOptions) {
        self.shared.drive(|server, _| server.reconfigure(change));
    }

    /// Publishes a message from the server's side.
    ///
    /// # Errors
    /// `topic` is not a topic name.
    pub fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>, qos: Qos, retain: bool) -> Result<(), TopicError> {
        self.shared.drive(|server, now| server.publish(topic, payload, qos, retain, now))
    }

    /// Publishes a message with properties from the server's side.
    pub fn publish_message(&self, message: Message) {
        self.shared.drive(|server, now| server.publish_message(message, now));
    }

    /// Ends a client's connection with a DISCONNECT that gives `reason` (3.1.1: without a word). Its will is published.
    /// `false` if it is not connected.
    pub fn disconnect_client(&self, client_id: &str, reason: ReasonCode) -> bool {
        self.shared.drive(|server, now| server.disconnect_client(client_id, reason, now))
    }

    /// Cuts a client's connection without a word; what was not yet written to it is lost. Its will is published. `false`
    /// if it is not connected.
    pub fn cut(&self, client_id: &str) -> bool {
        self.shared.drive(|server, now| server.cut(client_id, now))
    }

    /// Forgets all sessions, as a server without persistence does when it restarts: those of clients that are away at
    /// once, those of connected clients when their connection ends. Retained messages stay.
    pub fn forget_sessions(&self) {
        self.shared.drive(|server, _| server.forget_sessions());
    }

    /// Holds all PUBACK, PUBREC, PUBCOMP, SUBACK and UNSUBACK back, or lets those held and all later ones go. What is
    /// held when its connection ends is never sent.
    pub fn hold_acks(&self, hold: bool) {
        self.shared.drive(|server, _| server.hold_acks(hold));
    }

    /// The acknowledgements held back from a client, in the order in which they would leave.
    #[must_use]
    pub fn held_acks(&self, client_id: &str) -> Vec<HeldAck> {
        self.shared.look(|server| server.held_acks(client_id))
    }

    /// Lets one acknowledgement go, whatever waits before it. `false` if none with this identifier is held.
    pub fn release_ack(&self, client_id: &str, packet_id: PacketId) -> bool {
        self.shared.drive(|server, _| server.release_ack(client_id, packet_id))
    }

    /// Lets all acknowledgements go that are held now; later ones are held if they were before.
    pub fn release_acks(&self) {
        self.shared.drive(|server, _| server.release_acks());
    }

    /// The messages that clients published, in order: the last 100,000, of 256 MiB together. Wills and messages of the
    /// server's side are not among them.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.look(SansIoServer::received)
    }

    /// How many messages clients have published since the server began.
    #[must_use]
    pub fn received_total(&self) -> u64 {
        self.shared.look(SansIoServer::received_total)
    }

    /// Empties [`received`](Self::received). The total stays.
    pub fn forget_received(&self) {
        self.shared.drive(|server, _| server.forget_received());
    }

    /// What each CONNECT said, refused ones too, in order: the last 100,000.
    #[must_use]
    pub fn connects(&self) -> Vec<ConnectRecord> {
        self.shared.look(SansIoServer::connects)
    }

    /// All clients that are connected or have a session, sorted by their identifiers.
    #[must_use]
    pub fn clients(&self) -> Vec<ClientState> {
        self.shared.look(SansIoServer::clients)
    }

    /// Every statement of the standard that a client broke, in order: the first 1,000.
    #[must_use]
    pub fn breaches(&self) -> Vec<Breach> {
        self.shared.look(SansIoServer::breaches)
    }

    /// Fails the test if a client broke a statement of the standard, and says which.
    ///
    /// # Panics
    /// If there is a breach.
    #[track_caller]
    pub fn assert_no_breaches(&self) {
        let breaches = self.breaches();
        let lines: String = breaches.iter().map(|breach| format!("\n  {breach}")).collect();
        assert!(breaches.is_empty(), "a client broke the standard:{lines}");
    }

    /// Waits until `condition` holds: it is looked at now and whenever something happens on the server. Waits for ever
    /// if it never does; put it into a timeout of your own.
    pub async fn wait_for(&self, mut condition: impl FnMut(&Self) -> bool) {
        let mut revisions = self.shared.revisions();
        // The sender lives as long as `self`, so this ends by the condition alone.
        while !condition(self) && revisions.changed().await.is_ok() {}
    }

    /// Waits until clients have published so many messages since the server began.
    pub async fn wait_for_messages(&self, total: u64) {
        self.wait_for(|server| server.received_total() >= total).await;
    }

    /// Waits until this client is connected.
    pub async fn wait_for_client(&self, client_id: &str) {
        self.wait_for(|server| server.is_connected(client_id)).await;
    }

    /// Waits until this client is not connected.
    pub async fn wait_for_departure(&self, client_id: &str) {
        self.wait_for(|server| !server.is_connected(client_id)).await;
    }

    /// Waits until some client has subscribed to exactly this filter.
    pub async fn wait_for_subscription(&self, filter: &str) {
        self.wait_for(|server| server.shared.look(|server| server.filters().contains(filter))).await;
    }

    /// Whether this client is connected.
    #[must_use]
    pub fn is_connected(&self, client_id: &str) -> bool {
        self.shared.look(|server| server.is_connected(client_id))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Server");
        debug.field("url", &self.url());
        self.shared.look(|server| debug.field("state", server).finish())
    }
}

const MEMORY: usize = 64 << 10;
