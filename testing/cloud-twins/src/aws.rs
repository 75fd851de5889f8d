mod authorizer;
mod fleet;
mod jobs;
mod limits;
mod reserved;
mod shadows;
mod sigv4;

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dunlin_codec::{Connect, Packet, PacketId, PropertyId, Publish, Qos, ReasonCode, TopicFilter, TopicName, Version};
use dunlin_testkit::Server;
use tokio::time::Instant;

use crate::{
    door::Certificate,
    gate::{Release, Rules, Verdict},
    twin::{Entry, Service, Speech, Twin},
    wire,
};
use authorizer::Authorizer;
pub use authorizer::Shown;
use fleet::Fleet;
use jobs::Jobs;
use limits::{Inbound, Outbound, is_too_much};
use shadows::Shadows;
pub use sigv4::AccessKey;

/// AWS IoT Core.
///
/// | port | protocol of TLS | who is let in |
/// |---|---|---|
/// | 8883 | none | a certificate of the [`authority`](Twin::authority) |
/// | 443 | `x-amzn-mqtt-ca` | the same |
/// | 443 | `mqtt` | whom [the authorizer](AwsTwin::authorize) takes, by user name and password |
/// | 443 | none, `http/1.1` | over WebSocket (`/mqtt`): a URL that is signed with [an access key](AwsTwin::add_access_key), whose signature is verified; or whom the authorizer takes |
///
/// - Who is not let in is refused: 403 of HTTP, return code 7 in 3.1.1, 0x87 in 5.0. So is a CONNECT within a second of
///   another with the same client identifier, if [that is wanted](AwsTwin::count_connects) (0x97; return code 3), and a keep
///   alive above 1,200 s.
/// - A packet before CONNACK, a topic, a payload or a SUBSCRIBE above the limits, a retained message on a reserved topic:
///   these end the connection.
/// - QoS 2 is never answered, neither PUBLISH nor SUBSCRIBE. Nor is a message above 100 that are unacknowledged, or above
///   100 or 512 KB in a second: that is [counted](AwsTwin::throttled). In 5.0 a Receive Maximum of 100 is announced.
/// - At most 100 messages are under way to a client, and what waited for it comes 10 a second.
/// - Shadows, jobs, fleet provisioning and Device Defender answer on their topics.
///
/// What it does besides, such as acknowledging out of order, its [`server`](Twin::server) is told.
pub type AwsTwin = Twin<Aws>;

/// The service behind an [`AwsTwin`].
#[derive(Debug)]
pub struct Aws {
    host: String,
    keys: Mutex<Vec<AccessKey>>,
    authorizer: Mutex<Option<Authorizer>>,
    connects: Mutex<Option<BTreeMap<String, Instant>>>,
    throttled: AtomicU64,
    shadows: Mutex<Shadows>,
    jobs: Mutex<Jobs>,
    fleet: Mutex<Fleet>,
}

impl Twin<Aws> {
    /// The endpoint of this name. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// There is no socket or no certificate to be had.
    pub async fn start(host: &str) -> io::Result<Self> {
        let service = Aws {
            host: host.to_owned(),
            keys: Mutex::default(),
            authorizer: Mutex::default(),
            connects: Mutex::default(),
            throttled: AtomicU64::new(0),
            shadows: Mutex::default(),
            jobs: Mutex::default(),
            fleet: Mutex::default(),
        };
        let options = Server::options().subscription_identifier_available(false).receive_maximum(100);
        let twin = Self::of(host, service, options).await?;
        lock(&twin.service.fleet).set_authority(twin.authority());
        Ok(twin)
    }

    /// Lets in who signs with this key.
    pub fn add_access_key(&self, key: AccessKey) {
        lock(&self.service.keys).push(key);
    }

    /// Lets in whom this authorizer takes. There is none before.
    pub fn authorize(&self, takes: impl Fn(&Shown<'_>) -> bool + Send + Sync + 'static) {
        *lock(&self.service.authorizer) = Some(Authorizer::new(takes));
    }

    /// From now on a client identifier may connect once a second.
    pub fn count_connects(&self) {
        *lock(&self.service.connects) = Some(BTreeMap::new());
    }

    /// Messages that were above the rates or above 100 unacknowledged, and that nobody got.
    pub fn throttled(&self) -> u64 {
        self.service.throttled.load(Ordering::Relaxed)
    }
}

impl Service for Aws {
    fn way(&self, port: u16, protocol: Option<&str>) -> Option<(Certificate, Speech)> {
        match (port, protocol) {
            (8883, None) | (443, Some("x-amzn-mqtt-ca")) => Some((Certificate::Demanded, Speech::Mqtt)),
            (443, Some("mqtt")) => Some((Certificate::NotAsked, Speech::Mqtt)),
            (443, None | Some("http/1.1")) => Some((Certificate::NotAsked, Speech::WebSocket)),
            _ => None,
        }
    }

    fn begin(self: Arc<Self>, entry: Entry, server: Arc<Server>) -> Result<Box<dyn Rules>, u16> {
        let mut time = DAYS;
        if let Some(upgrade) = &entry.upgrade {
            if upgrade.path() != "/mqtt" {
                return Err(404);
            }
            if upgrade.parameter("X-Amz-Signature").is_some() {
                let signed = lock(&self.keys).iter().find_map(|key| key.verify(&self.host, upgrade));
                time = signed.ok_or(403_u16)?;
            }
        }
        Ok(Box::new(Connection {
            service: self,
            server,
            entry,
            time,
            version: Version::V5,
            client_id: String::new(),
            is_connected: false,
            aliases: BTreeMap::new(),
            subscriptions: Vec::new(),
            inbound: Inbound::default(),
            outbound: Outbound::default(),
        }))
    }
}

struct Connection {
    service: Arc<Aws>,
    server: Arc<Server>,
    entry: Entry,
    /// How long it may last.
    time: Duration,
    version: Version,
    client_id: String,
    is_connected: bool,
    aliases: BTreeMap<u32, String>,
    subscriptions: Vec<String>,
    inbound: Inbound,
    outbound: Outbound,
}

impl Rules for Connection {
    /// By the service's documents, and not by the checks of `dunlin-cloud`: those are what is tested here.
    fn judge(&mut self, packet: &Packet<'_>, say: &mut Vec<u8>) -> Verdict {
        match packet {
            Packet::Connect(connect) => self.judge_connect(connect),
            _ if !self.is_connected => Verdict::Close,
            Packet::Publish(publish) => self.judge_publish(publish, say),
            Packet::Subscribe(subscribe) => {
                let filters = || subscribe.filters.iter();
                if filters().any(|filter| filter.options.qos == Qos::ExactlyOnce) {
                    return Verdict::Silence;
                }
                self.subscriptions.extend(filters().map(|filter| filter.filter.as_str().to_owned()));
                let is_too_many = filters().count() > 8 || self.subscriptions.len() > 50;
                if is_too_many || filters().any(|filter| is_too_much(filter.filter.as_str())) {
                    return Verdict::Close;
                }
                Verdict::Pass
            }
            Packet::Unsubscribe(unsubscribe) => {
                let gone = |known: &String| unsubscribe.filters.iter().any(|filter| filter.as_str() == known);
                self.subscriptions.retain(|known| !gone(known));
                Verdict::Pass
            }
            Packet::Puback(ack) => {
                self.outbound.handle_ack(ack.packet_id);
                Verdict::Pass
            }
            _ => Verdict::Pass,
        }
    }

    fn answer(&mut self, packet: &Packet<'_>) -> Option<Vec<u8>> {
        match packet {
            Packet::Connack(connack) => {
                self.is_connected = connack.reason == ReasonCode::SUCCESS;
                if connack.session_present {
                    self.outbound.stored = self.stored();
                }
            }
            Packet::Puback(ack) => self.inbound.handle_ack(ack.packet_id),
            _ => {}
        }
        None
    }

    fn release(&mut self, packet: &Packet<'_>) -> Release {
        let Packet::Publish(publish) = packet else { return Release::Now };
        self.outbound.release(publish.packet_id)
    }

    fn silence(&self) -> Option<Duration> {
        Some(Duration::from_secs(1_800))
    }
}

impl Connection {
    fn judge_connect(&mut self, connect: &Connect<'_>) -> Verdict {
        self.version = connect.version;
        connect.client_id.clone_into(&mut self.client_id);
        if connect.client_id.len() > 128 || connect.keep_alive > 1_200 {
            return Verdict::Close;
        }
        if self.is_too_soon(connect.client_id) {
            return Verdict::Refuse(wire::refusal(self.version, ReasonCode::QUOTA_EXCEEDED));
        }
        let is_known = self.entry.has_certificate || self.is_signed();
        if is_known || lock(&self.service.authorizer).as_ref().is_some_and(|one| one.takes(&self.entry, connect)) {
            return Verdict::PassFor(self.time);
        }
        match self.version.is_v5() {
            true => Verdict::Refuse(wire::refusal(self.version, ReasonCode::NOT_AUTHORIZED)),
            false => Verdict::Refuse(NOT_AUTHORISED.to_vec()),
        }
    }

    fn is_signed(&self) -> bool {
        self.entry.upgrade.as_ref().is_some_and(|upgrade| upgrade.parameter("X-Amz-Signature").is_some())
    }

    fn is_too_soon(&self, client_id: &str) -> bool {
        let now = Instant::now();
        let mut connects = lock(&self.service.connects);
        let before = connects.as_mut().and_then(|connects| connects.insert(client_id.to_owned(), now));
        before.is_some_and(|before| now < before + Duration::from_secs(1))
    }

    /// Messages that waited for this client.
    fn stored(&self) -> usize {
        let clients = self.server.clients();
        let client = clients.into_iter().find(|client| client.client_id == self.client_id);
        client.map_or(0, |client| client.queued + client.in_flight)
    }

    /// The topic of a message, which may be told by an alias.
    fn topic_of(&mut self, publish: &Publish<'_>) -> String {
        let topic = publish.topic.as_str().to_owned();
        let Some(alias) = publish.properties.number(PropertyId::TopicAlias) else { return topic };
        if topic.is_empty() {
            return self.aliases.get(&alias).cloned().unwrap_or_default();
        }
        self.aliases.insert(alias, topic.clone());
        topic
    }

    fn judge_publish(&mut self, publish: &Publish<'_>, say: &mut Vec<u8>) -> Verdict {
        let topic = &self.topic_of(publish);
        if publish.qos == Qos::ExactlyOnce {
            return Verdict::Silence;
        }
        let is_retained = publish.retain && topic.starts_with('$');
        if publish.payload.len() > 128 * 1_024 || is_too_much(topic) || is_retained {
            return Verdict::Close;
        }
        if !self.inbound.takes(publish, self.version) {
            self.service.throttled.fetch_add(1, Ordering::Relaxed);
            return Verdict::Silence;
        }
        for (topic, payload) in self.service.answers(topic, publish.payload) {
            // An answer about jobs reaches whoever asked, subscribed or not.
            if topic.contains("/jobs/") && !self.listens_to(&topic) {
                say.extend(wire::message(self.version, &topic, payload.as_bytes()));
            }
            let _ = self.server.publish(&topic, payload, Qos::AtLeastOnce, false);
        }
        Verdict::Pass
    }

    fn listens_to(&self, topic: &str) -> bool {
        let Ok(topic) = TopicName::new(topic) else { return false };
        let mut filters = self.subscriptions.iter().filter_map(|filter| TopicFilter::new(filter).ok());
        filters.any(|filter| filter.matches(topic))
    }
}

/// Packet identifiers under way, at most 100.
type UnderWay = Vec<PacketId>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection with a certificate lasts for one or two weeks.
const DAYS: Duration = Duration::from_secs(7 * 86_400);
/// A CONNACK with return code 7, where the standard has 5.
const NOT_AUTHORISED: &[u8] = &[0x20, 0x02, 0x00, 0x07];
