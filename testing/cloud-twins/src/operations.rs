use std::{io, sync::Arc, time::Duration};

use dunlin_codec::{Connect, Packet, PropertyId, ReasonCode, Version};
use dunlin_testkit::Server;

use crate::{
    door::Certificate,
    gate::{Rules, Verdict},
    token::{Issuer, renew},
    twin::{Entry, Service, Speech, Twin},
    wire,
};

/// The broker of Azure IoT Operations, as clients in its cluster see it, on any port.
///
/// - It speaks MQTT 5.0. A client authenticates itself with the [token](IotOperationsTwin::token) of a service account, by
///   the method `K8S-SAT`, or with a certificate of the [`authority`](Twin::authority), or with both.
/// - A token and a user name or password exclude each other: such a CONNECT is refused (0x82).
/// - A token is renewed by AUTH 0x19. When one ends that was not, the connection ends.
pub type IotOperationsTwin = Twin<IotOperations>;

/// The service behind an [`IotOperationsTwin`].
#[derive(Debug)]
pub struct IotOperations {
    issuer: Issuer,
}

impl Twin<IotOperations> {
    /// The broker with this host name. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// There is no socket or no certificate to be had.
    pub async fn start(host: &str) -> io::Result<Self> {
        Self::of(host, IotOperations { issuer: Issuer::new()? }, Server::options().only(Version::V5)).await
    }

    /// The token of a service account, good for so long, of whole seconds.
    pub fn token(&self, lifetime: Duration) -> String {
        self.service.issuer.token(METHOD, lifetime)
    }
}

impl Service for IotOperations {
    fn way(&self, _: u16, _: Option<&str>) -> Option<(Certificate, Speech)> {
        Some((Certificate::Welcome, Speech::Mqtt))
    }

    fn begin(self: Arc<Self>, entry: Entry, _: Arc<Server>) -> Result<Box<dyn Rules>, u16> {
        Ok(Box::new(Connection { service: self, entry, has_token: false }))
    }
}

struct Connection {
    service: Arc<IotOperations>,
    entry: Entry,
    has_token: bool,
}

impl Rules for Connection {
    fn judge(&mut self, packet: &Packet<'_>, say: &mut Vec<u8>) -> Verdict {
        match packet {
            Packet::Connect(connect) if connect.version.is_v5() => {
                let refusal = |reason| Verdict::Refuse(wire::refusal(connect.version, reason));
                self.judge_connect(connect).unwrap_or_else(refusal)
            }
            Packet::Connect(connect) => {
                Verdict::Refuse(wire::refusal(connect.version, ReasonCode::UNSUPPORTED_PROTOCOL_VERSION))
            }
            Packet::Auth(auth) if self.has_token => renew(&self.service.issuer, METHOD, auth, say),
            _ => Verdict::Pass,
        }
    }

    fn answer(&mut self, packet: &Packet<'_>) -> Option<Vec<u8>> {
        match packet {
            Packet::Connack(connack) if self.has_token => Some(wire::with_authentication(connack, METHOD)),
            _ => None,
        }
    }
}

impl Connection {
    fn judge_connect(&mut self, connect: &Connect<'_>) -> Result<Verdict, ReasonCode> {
        let rest = match connect.properties.text(PropertyId::AuthenticationMethod) {
            Some(METHOD) if connect.user_name.is_some() || connect.password.is_some() => {
                return Err(ReasonCode::PROTOCOL_ERROR);
            }
            Some(METHOD) => {
                let token = connect.properties.binary(PropertyId::AuthenticationData).unwrap_or_default();
                self.has_token = true;
                Some(self.service.issuer.rest(METHOD, token).ok_or(ReasonCode::NOT_AUTHORIZED)?)
            }
            Some(_) => return Err(ReasonCode::BAD_AUTHENTICATION_METHOD),
            None if self.entry.has_certificate => None,
            None => return Err(ReasonCode::NOT_AUTHORIZED),
        };
        Ok(Verdict::Instead(wire::without_authentication(connect), rest))
    }
}

const METHOD: &str = "K8S-SAT";
