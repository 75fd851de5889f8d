use std::{io, sync::Arc, time::Duration};

use dunlin_codec::{Connect, Packet, Properties, PropertyId, Qos, ReasonCode, Version};
use dunlin_testkit::Server;

use crate::{
    door::Certificate,
    gate::{Rules, Verdict},
    token::{Issuer, renew},
    twin::{Entry, Service, Speech, Twin},
    wire,
};

/// The MQTT broker of an Azure Event Grid namespace: 3.1.1 and 5.0 on 8883, and over WebSocket on 443.
///
/// - It lets in who shows a certificate of the [`authority`](Twin::authority) and says an authentication name as user name,
///   or who authenticates himself with a [token](EventGridTwin::token) by `OAUTH2-JWT` or `CUSTOM-JWT` (5.0). Who has
///   neither is refused as not authorised.
/// - A token is renewed by AUTH 0x19. When one ends that was not, the connection ends (0x87 in 5.0).
/// - QoS 1 at most, 512 KiB, nothing retained, no shared subscriptions, no subscription identifiers, no client identifier
///   given by the service, 10 topic aliases: what is too much ends the connection, as its CONNACK announced.
/// - A keep alive above 1,160 s, a session longer than 8 h, a will later than 300 s: refused.
/// - User properties in CONNECT, SUBSCRIBE, DISCONNECT, PUBACK or AUTH, and a PUBACK that refuses a message, end the
///   connection (0x83).
/// - When more than 100 messages wait for a client that is not there, its session ends.
pub type EventGridTwin = Twin<EventGrid>;

/// The service behind an [`EventGridTwin`].
#[derive(Debug)]
pub struct EventGrid {
    issuer: Issuer,
}

impl Twin<EventGrid> {
    /// The namespace with this MQTT host name. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// There is no socket or no certificate to be had.
    pub async fn start(host: &str) -> io::Result<Self> {
        let options = Server::options()
            .maximum_qos(Qos::AtLeastOnce)
            .maximum_packet_size(512 << 10)
            .retain_available(false)
            .shared_subscription_available(false)
            .subscription_identifier_available(false)
            .assign_client_ids(false)
            .topic_alias_maximum(10)
            .maximum_queued(100);
        Self::of(host, EventGrid { issuer: Issuer::new()? }, options).await
    }

    /// A token that is good for so long, of whole seconds: for the method `OAUTH2-JWT` or `CUSTOM-JWT`.
    pub fn token(&self, method: &str, lifetime: Duration) -> String {
        self.service.issuer.token(method, lifetime)
    }
}

impl Service for EventGrid {
    fn way(&self, port: u16, _: Option<&str>) -> Option<(Certificate, Speech)> {
        match port {
            8883 => Some((Certificate::Welcome, Speech::Mqtt)),
            443 => Some((Certificate::Welcome, Speech::WebSocket)),
            _ => None,
        }
    }

    fn begin(self: Arc<Self>, entry: Entry, server: Arc<Server>) -> Result<Box<dyn Rules>, u16> {
        Ok(Box::new(Connection { service: self, entry, server, version: Version::V5, method: String::new() }))
    }
}

struct Connection {
    service: Arc<EventGrid>,
    entry: Entry,
    server: Arc<Server>,
    version: Version,
    /// By which the client authenticated itself with a token.
    method: String,
}

impl Rules for Connection {
    fn judge(&mut self, packet: &Packet<'_>, say: &mut Vec<u8>) -> Verdict {
        if let Packet::Connect(connect) = packet {
            self.version = connect.version;
            return self
                .judge_connect(connect)
                .unwrap_or_else(|reason| Verdict::Refuse(wire::refusal(connect.version, reason)));
        }
        let (properties, refuses) = match packet {
            Packet::Subscribe(subscribe) => (subscribe.properties, false),
            Packet::Disconnect(disconnect) => (disconnect.properties, false),
            Packet::Auth(auth) => (auth.properties, false),
            Packet::Puback(ack) => (ack.properties, ack.reason.is_error()),
            _ => (Properties::NONE, false),
        };
        if refuses || has_user_properties(properties) {
            return Verdict::Refuse(wire::goodbye(self.version, ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR));
        }
        match packet {
            Packet::Auth(auth) => renew(&self.service.issuer, &self.method, auth, say),
            _ => Verdict::Pass,
        }
    }

    fn answer(&mut self, packet: &Packet<'_>) -> Option<Vec<u8>> {
        match packet {
            Packet::Connack(connack) if !self.method.is_empty() => {
                Some(wire::with_authentication(connack, &self.method))
            }
            _ => None,
        }
    }
}

impl Connection {
    fn judge_connect(&mut self, connect: &Connect<'_>) -> Result<Verdict, ReasonCode> {
        let will_delay = connect.will.and_then(|will| will.properties.number(PropertyId::WillDelayInterval));
        let expiry = connect.properties.number(PropertyId::SessionExpiryInterval);
        let is_too_much = connect.keep_alive > 1_160 || will_delay > Some(300) || expiry > Some(8 * 3_600);
        if has_user_properties(connect.properties) || is_too_much {
            return Err(ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR);
        }
        let rest = match connect.properties.text(PropertyId::AuthenticationMethod) {
            Some(method @ ("OAUTH2-JWT" | "CUSTOM-JWT")) => {
                let token = connect.properties.binary(PropertyId::AuthenticationData).unwrap_or_default();
                method.clone_into(&mut self.method);
                Some(self.service.issuer.rest(method, token).ok_or(ReasonCode::NOT_AUTHORIZED)?)
            }
            Some(_) => return Err(ReasonCode::BAD_AUTHENTICATION_METHOD),
            None if self.entry.has_certificate && connect.user_name.is_some_and(|name| !name.is_empty()) => None,
            None => return Err(ReasonCode::NOT_AUTHORIZED),
        };
        let clean_start = connect.clean_start || self.has_overflown(connect.client_id);
        Ok(Verdict::Instead(wire::without_authentication(&Connect { clean_start, ..*connect }), rest))
    }

    /// More came for the session than the service keeps.
    fn has_overflown(&self, client_id: &str) -> bool {
        self.server.clients().iter().any(|client| client.client_id == client_id && client.dropped > 0)
    }
}

fn has_user_properties(properties: Properties<'_>) -> bool {
    properties.user_properties().next().is_some()
}
