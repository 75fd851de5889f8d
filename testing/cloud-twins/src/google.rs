mod key;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dunlin_codec::{Connect, Packet, Publish, Qos, ReasonCode, SubscriptionFilter, Version};
use dunlin_testkit::Server;
use serde_json::{Value, json};

use crate::{
    door::Certificate,
    gate::{Rules, Verdict},
    token,
    twin::{Entry, Service, Speech, Twin, now},
    wire,
};
pub use key::{PublicKey, PublicKeyError};

/// A registry of Google Cloud IoT Core, as ClearBlade IoT Core carries it on, on 8883 and 443.
///
/// - It speaks MQTT 3.1.1 alone. The password is a JWT for the project, good for at most 24 hours and 10 minutes, and
///   checked with the [key](GoogleTwin::add_device) of the device; who has none is refused with return code 5. The user
///   name must not be empty.
/// - It closes the connection some seconds after the token ended, at a PUBLISH of QoS 2, and at a topic that it does not
///   know. A subscription is granted QoS 1 at most, and whoever subscribes to its configuration is told it at once.
/// - A [gateway](GoogleTwin::add_gateway) attaches devices and speaks for them then; what is wrong with that is told at its
///   topic of errors. The control messages of any other device close its connection.
pub type GoogleTwin = Twin<Google>;

/// The service behind a [`GoogleTwin`].
#[derive(Debug)]
pub struct Google {
    project: String,
    path: String,
    devices: Mutex<BTreeMap<String, Device>>,
}

#[derive(Debug, Clone)]
struct Device {
    key: PublicKey,
    is_gateway: bool,
}

impl Twin<Google> {
    /// The registry `projects/PROJECT/locations/LOCATION/registries/REGISTRY` at a host of this name. Must be called within
    /// a tokio runtime.
    ///
    /// # Errors
    /// There is no socket or no certificate to be had.
    pub async fn start(host: &str, project: &str, location: &str, registry: &str) -> io::Result<Self> {
        let path = format!("projects/{project}/locations/{location}/registries/{registry}/devices/");
        let service = Google { project: project.to_owned(), path, devices: Mutex::default() };
        let options = Server::options().only(Version::V3_1_1).maximum_qos(Qos::AtLeastOnce);
        Self::of(host, service, options).await
    }

    /// A device that signs with the private half of this key.
    pub fn add_device(&self, id: &str, key: PublicKey) {
        self.service.add(id, Device { key, is_gateway: false });
    }

    /// A device that others may be attached to.
    pub fn add_gateway(&self, id: &str, key: PublicKey) {
        self.service.add(id, Device { key, is_gateway: true });
    }

    /// Sends a device its configuration, as it is kept for it.
    pub fn configure(&self, id: &str, configuration: impl Into<Vec<u8>>) {
        // A topic with the name of a device has no wildcard.
        let _ = self.server().publish(&format!("/devices/{id}/config"), configuration, Qos::AtLeastOnce, true);
    }

    /// Sends a device a command, which is lost if it is not there.
    pub fn command(&self, id: &str, command: impl Into<Vec<u8>>) {
        let _ = self.server().publish(&format!("/devices/{id}/commands"), command, Qos::AtLeastOnce, false);
    }
}

impl Google {
    fn add(&self, id: &str, device: Device) {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), device);
    }

    fn device(&self, id: &str) -> Option<Device> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// How long the client may stay; `None`: it has no token that is its own.
    fn check(&self, connect: &Connect<'_>) -> Option<(String, Device, Duration)> {
        connect.user_name.filter(|name| !name.is_empty())?;
        let id = connect.client_id.strip_prefix(&self.path)?;
        let device = self.device(id)?;
        let (message, signature) = str::from_utf8(connect.password?).ok()?.rsplit_once('.')?;
        device.key.verify(message, signature)?;
        let claims = token::claims(message)?;
        let second = |name| claims.get(name).and_then(Value::as_u64);
        let (issued, expires) = (second("iat")?, second("exp")?);
        let is_for_us = claims.get("aud")?.as_str()? == self.project;
        let is_in_time = issued <= now() + SKEW && expires.checked_sub(issued)? <= DAY + SKEW;
        let rest = token::rest(expires).filter(|_| is_for_us && is_in_time)?;
        Some((id.to_owned(), device, rest + GRACE))
    }
}

impl Service for Google {
    fn way(&self, port: u16, protocol: Option<&str>) -> Option<(Certificate, Speech)> {
        let speaks = matches!(port, 443 | 8883) && matches!(protocol, None | Some("mqtt"));
        speaks.then_some((Certificate::NotAsked, Speech::Mqtt))
    }

    fn begin(self: Arc<Self>, _: Entry, server: Arc<Server>) -> Result<Box<dyn Rules>, u16> {
        Ok(Box::new(Connection { service: self, server, id: String::new(), device: None, attached: BTreeSet::new() }))
    }
}

struct Connection {
    service: Arc<Google>,
    server: Arc<Server>,
    id: String,
    device: Option<Device>,
    /// Devices that a gateway speaks for.
    attached: BTreeSet<String>,
}

impl Rules for Connection {
    fn judge(&mut self, packet: &Packet<'_>, _: &mut Vec<u8>) -> Verdict {
        match packet {
            Packet::Connect(connect) if connect.version != Version::V3_1_1 => Verdict::Close,
            Packet::Connect(connect) => match self.service.check(connect) {
                Some((id, device, time)) => {
                    (self.id, self.device) = (id, Some(device));
                    Verdict::PassFor(time)
                }
                None => Verdict::Refuse(wire::refusal(Version::V3_1_1, ReasonCode::NOT_AUTHORIZED)),
            },
            Packet::Publish(publish) if publish.qos == Qos::ExactlyOnce => Verdict::Close,
            Packet::Publish(publish) => self.judge_publish(publish),
            Packet::Subscribe(subscribe) => {
                let is_known = |filter: SubscriptionFilter<'_>| {
                    let place = place(filter.filter.as_str());
                    place.is_some_and(|(id, what)| {
                        matches!(what, "config" | "commands/#" | "errors") && self.speaks_for(id)
                    })
                };
                if subscribe.filters.iter().all(is_known) { Verdict::Pass } else { Verdict::Close }
            }
            _ => Verdict::Pass,
        }
    }
}

impl Connection {
    fn judge_publish(&mut self, publish: &Publish<'_>) -> Verdict {
        let Some((id, what)) = place(publish.topic.as_str()) else { return Verdict::Close };
        let is_gateway = self.device.as_ref().is_some_and(|device| device.is_gateway);
        match what {
            "attach" | "detach" if !is_gateway => Verdict::Close,
            "attach" if self.service.device(id).is_some() => {
                self.attached.insert(id.to_owned());
                Verdict::Pass
            }
            "attach" => {
                self.tell_error("GATEWAY_ATTACHMENT_ERROR", id);
                Verdict::Pass
            }
            "detach" => {
                if !self.attached.remove(id) {
                    self.tell_error("GATEWAY_DEVICE_NOT_FOUND", id);
                }
                Verdict::Pass
            }
            _ if what != "state" && what != "events" && !what.starts_with("events/") => Verdict::Close,
            _ if self.speaks_for(id) => Verdict::Pass,
            _ if is_gateway => {
                self.tell_error("GATEWAY_DEVICE_NOT_FOUND", id);
                Verdict::Pass
            }
            _ => Verdict::Close,
        }
    }

    fn speaks_for(&self, id: &str) -> bool {
        id == self.id || self.attached.contains(id)
    }

    fn tell_error(&self, error: &str, id: &str) {
        let text = json!({ "error_type": error, "device_id": id, "description": "see the documents of the service" });
        let _ = self.server.publish(&format!("/devices/{}/errors", self.id), text.to_string(), Qos::AtMostOnce, false);
    }
}

/// The device and what of it, by a topic or filter.
fn place(topic: &str) -> Option<(&str, &str)> {
    topic.strip_prefix("/devices/")?.split_once('/')
}

const DAY: u64 = 86_400;
/// Seconds that clocks may differ by.
const SKEW: u64 = 600;
/// How long after the end of a token its connection ends.
const GRACE: Duration = Duration::from_secs(3);
