use std::{
    future::{Ready, ready},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use dunlin_testkit::{Authority, Server, ServerOptions};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, duplex},
    net::{TcpListener, ToSocketAddrs},
    task::JoinHandle,
};

use crate::{
    door::{Certificate, Door},
    gate::{Rules, guard},
    websocket::{self, Upgrade},
};

/// A server that behaves as a service does, where that is not as MQTT says.
///
/// It has the service's name, certificates of an [`authority`](Self::authority) of its own, and a
/// [`server`](Self::server) behind that keeps sessions and passes messages on. When it is dropped nobody can connect to its
/// sockets any more.
#[derive(Debug)]
pub struct Twin<S> {
    door: Arc<Door>,
    server: Arc<Server>,
    pub(crate) service: Arc<S>,
    listeners: Mutex<Vec<JoinHandle<()>>>,
}

/// What makes one service differ from the others.
pub trait Service: Send + Sync + 'static {
    /// How a client comes in at a port, by a protocol of TLS (ALPN); `None`: not at all.
    fn way(&self, port: u16, protocol: Option<&str>) -> Option<(Certificate, Speech)>;

    /// Begins a connection.
    ///
    /// # Errors
    /// The status of HTTP with which its request for WebSocket is refused.
    fn begin(self: Arc<Self>, entry: Entry, server: Arc<Server>) -> Result<Box<dyn Rules>, u16>;
}

/// What is spoken behind TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    Mqtt,
    WebSocket,
}

/// How a client came in.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// It showed a certificate of the twin's authority.
    pub has_certificate: bool,
    /// The protocol of TLS.
    pub protocol: Option<String>,
    /// Its request for WebSocket.
    pub upgrade: Option<Upgrade>,
}

impl<S: Service> Twin<S> {
    pub(crate) async fn of(host: &str, service: S, options: ServerOptions) -> io::Result<Self> {
        let (door, server) = (Arc::new(Door::new(host)?), Arc::new(options.start().await?));
        Ok(Self { door, server, service: Arc::new(service), listeners: Mutex::default() })
    }

    /// Its name: what TLS must ask for.
    pub fn host(&self) -> &str {
        self.door.host()
    }

    /// Who signed its certificate, and signs those of its clients.
    pub fn authority(&self) -> &Authority {
        self.door.authority()
    }

    /// What is behind: it tells what arrived, publishes from the cloud's side, and takes changes of its options.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Connections in memory to one of its ports, for `ConnectOptions::connector`: 8883 for MQTT over TLS, 443 for whatever
    /// the service speaks there. To be called within a tokio runtime, whose time it is.
    pub fn connector(&self, port: u16) -> impl Fn() -> Ready<io::Result<DuplexStream>> + Send + Sync + use<S> {
        let (door, service, server) = (self.door.clone(), self.service.clone(), self.server.clone());
        move || {
            let (ours, theirs) = duplex(1 << 16);
            tokio::spawn(serve(door.clone(), service.clone(), server.clone(), port, theirs));
            ready(Ok(ours))
        }
    }

    /// Listens at an address of this machine as if it were that port of the service, for clients that know sockets alone.
    /// Gives the address, for those who asked for any.
    ///
    /// # Errors
    /// As the operating system says.
    pub async fn listen(&self, port: u16, address: impl ToSocketAddrs) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        let at = listener.local_addr()?;
        let (door, service, server) = (self.door.clone(), self.service.clone(), self.server.clone());
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(door.clone(), service.clone(), server.clone(), port, stream));
            }
        });
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listening);
        Ok(at)
    }
}

impl<S> Drop for Twin<S> {
    fn drop(&mut self) {
        let listeners = self.listeners.get_mut().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().for_each(JoinHandle::abort);
    }
}

/// One connection, until it ends.
async fn serve<S: Service>(
    door: Arc<Door>,
    service: Arc<S>,
    server: Arc<Server>,
    port: u16,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> io::Result<()> {
    let (guest, speech) = door.open(stream, |protocol| service.way(port, protocol)).await?;
    let entry = Entry { has_certificate: guest.has_certificate, protocol: guest.protocol, upgrade: None };
    let behind = server.connect_in_memory();
    match speech {
        Speech::Mqtt => {
            let rules = service.begin(entry, server).map_err(|_| io::ErrorKind::ConnectionRefused)?;
            guard(guest.stream, behind, rules).await
        }
        Speech::WebSocket => {
            let begin = move |upgrade| service.begin(Entry { upgrade: Some(upgrade), ..entry }, server);
            let (bytes, rules) = websocket::accept(guest.stream, begin).await?;
            guard(bytes, behind, rules).await
        }
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
