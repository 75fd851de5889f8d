//! A server, the way to it, and clients that come back to it fast.

use std::{
    error::Error,
    future::{Future, IntoFuture},
    net::SocketAddr,
    panic::Location,
    path::Path,
    time::Duration,
};

use dunlin::{Client, ConnectOptions, Event, Events, Message, Proxy, Qos, Subscription, TlsOptions, Version};
use dunlin_testkit::{Link, LinkOptions, Mosquitto, ProxyServer, QuicFront, ServerKind};

use crate::{
    capabilities::{self, Feature},
    host::Host,
    way::Way,
};

pub(crate) struct Place {
    pub(crate) host: Host,
    way: Way,
    proxy: Option<ProxyServer>,
    /// What speaks QUIC in front of the server, first without a link between.
    fronts: Vec<QuicFront>,
}

impl Place {
    pub(crate) fn start(kind: ServerKind, way: Way) -> Result<Self, Box<dyn Error>> {
        let mut place = Self { host: Host::start(kind, way)?, way, proxy: way.proxy()?, fronts: Vec::new() };
        if way == Way::Quic {
            place.speak_quic_before(place.host.address(way, Version::V5))?;
        }
        Ok(place)
    }

    /// A client of the server itself.
    pub(crate) fn options(&self, version: Version) -> ConnectOptions {
        match (&self.host, self.fronts.first()) {
            (Host::Mosquitto(mosquitto), _) if self.way == Way::Unix => self.options_at(mosquitto.socket(), version),
            (_, Some(front)) => self.options_at_port(front.port(), version),
            _ => self.options_at_port(self.host.address(self.way, version).port(), version),
        }
    }

    pub(crate) async fn connect(&self, version: Version) -> Client {
        within(Client::connect(self.options(version))).await.expect("the server lets us in")
    }

    /// A link to the server that can be cut, and a client of it.
    pub(crate) async fn behind_a_link(&mut self, version: Version) -> (Link, ConnectOptions) {
        let server = self.host.address(self.way, version);
        if self.way == Way::Unix {
            let (link, socket) = LinkOptions::new().listen_at_a_socket(server).expect("a socket can be made");
            return (link, self.options_at(&socket, version));
        }
        let (link, address) = LinkOptions::new().listen(server).await.expect("a free port");
        let port = match self.way {
            Way::Quic => self.speak_quic_before(address).expect("a free port"),
            _ => address.port(),
        };
        (link, self.options_at_port(port, version))
    }

    fn speak_quic_before(&mut self, server: SocketAddr) -> Result<u16, Box<dyn Error>> {
        let Some(mosquitto) = self.mosquitto() else { return Err("it is Mosquitto that has certificates".into()) };
        let identity = mosquitto.certificates().authority().server(&["127.0.0.1"])?;
        let front = QuicFront::start(server, &identity, None)?;
        let port = front.port();
        self.fronts.push(front);
        Ok(port)
    }

    fn options_at_port(&self, port: u16, version: Version) -> ConnectOptions {
        self.options_of(&format!("{}://127.0.0.1:{port}", self.way.scheme()), version)
    }

    fn options_at(&self, socket: &Path, version: Version) -> ConnectOptions {
        self.options_of(&format!("{}://{}", self.way.scheme(), socket.display()), version)
    }

    fn options_of(&self, url: &str, version: Version) -> ConnectOptions {
        let options = ConnectOptions::from_url(url).expect("it is a URL").version(version);
        let options = options.reconnect(Duration::from_millis(5), Duration::from_millis(200));
        let options = match self.mosquitto().filter(|_| self.way.speaks_tls()) {
            Some(mosquitto) => {
                options.tls_options(TlsOptions::new().ca_file(mosquitto.certificates().authority_file()))
            }
            None => options,
        };
        let options = match &self.proxy {
            Some(proxy) => options.proxy(Proxy::from_url(&proxy.url()).expect("it is a URL")),
            None => options,
        };
        // It gives one alias to all topics of a filter, and so names them wrongly.
        let no_aliases = self.host.kind() == ServerKind::Rumqttd;
        let options = if no_aliases { options.topic_alias_maximum(0) } else { options };
        match self.host.kind().credentials() {
            Some((user_name, password)) => options.user_name(user_name).password(password),
            None => options,
        }
    }

    fn mosquitto(&self) -> Option<&Mosquitto> {
        match &self.host {
            Host::Mosquitto(mosquitto) => Some(mosquitto),
            Host::Any(_) => None,
        }
    }

    /// Bytes of a large message that comes back: as many as all take without being told to. Over WebSocket Mosquitto 2.0 sends 4 KiB each
    /// tenth of a second.
    pub(crate) fn large(&self) -> u32 {
        if self.way.speaks_websocket() { 50_000 } else { 900_000 }
    }

    /// The best QoS that the server has.
    pub(crate) fn best_qos(&self, version: Version) -> Qos {
        match capabilities::missing(self.host.kind(), version, &[Feature::ExactlyOnce]) {
            Some(_) => Qos::AtLeastOnce,
            None => Qos::ExactlyOnce,
        }
    }
}

/// Nothing may hang: what takes longer than any of these stories fails.
#[track_caller]
pub(crate) fn within<F: IntoFuture>(work: F) -> impl Future<Output = F::Output> {
    let place = Location::caller();
    async move {
        match tokio::time::timeout(LIMIT, work.into_future()).await {
            Ok(output) => output,
            Err(_) => panic!("what began at {place} did not end within {LIMIT:?}"),
        }
    }
}

/// The next event that is looked for; those before it are passed over.
pub(crate) async fn event(events: &mut Events, mut wanted: impl FnMut(&Event) -> bool) -> Event {
    within(async {
        loop {
            let event = events.next().await.expect("the client is closed, and it had not happened");
            if wanted(&event) {
                return event;
            }
        }
    })
    .await
}

/// The next message.
pub(crate) async fn message(subscription: &mut Subscription) -> Message {
    match within(subscription.next()).await {
        Some(message) => message,
        None => panic!("no more messages: {:?}", subscription.error()),
    }
}

/// The next message as text.
pub(crate) async fn text(subscription: &mut Subscription) -> String {
    message(subscription).await.text().expect("the payload is text").to_owned()
}

const LIMIT: Duration = Duration::from_secs(20);
