use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use dunlin_cloud::{SymmetricKey, azure::Identity};
use dunlin_codec::{Connect, Packet, Qos, Version};
use dunlin_testkit::{Authority, CertificateError, Server};
use tokio::io::{DuplexStream, duplex};

use crate::{
    door::Door,
    gate::{Verdict, guard},
};

/// An Azure IoT Hub, as devices with keys see it, on 8883.
///
/// - It speaks MQTT 3.1.1 alone, and refuses whoever has no token for himself (return code 5).
/// - It closes the connection when the token ends, at a PUBLISH of QoS 2, at the sixth subscription, and at a topic that it
///   does not know.
/// - It answers a request for the twin, and what is reported, where the device has subscribed to answers.
///
/// Messages, desired properties and calls of methods its [`server`](Self::server) publishes.
#[derive(Debug)]
pub struct AzureTwin {
    door: Arc<Door>,
    server: Arc<Server>,
    key: SymmetricKey,
}

impl AzureTwin {
    /// The hub of this name, whose devices have this key. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// There is no socket or no certificate to be had.
    pub async fn start(host: &str, key: SymmetricKey) -> io::Result<Self> {
        let door = Door::new(host).map_err(|error: CertificateError| io::Error::other(error.to_string()))?;
        let server = Server::options().only(Version::V3_1_1).maximum_qos(Qos::AtLeastOnce).start().await?;
        Ok(Self { door: Arc::new(door), server: Arc::new(server), key })
    }

    /// Who signed its certificate.
    pub fn authority(&self) -> &Authority {
        self.door.authority()
    }

    /// What is behind.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A connection, for `ConnectOptions::connector`.
    pub fn connect(&self) -> DuplexStream {
        let (ours, theirs) = duplex(1 << 16);
        let (door, server, key) = (self.door.clone(), self.server.clone(), self.key.clone());
        tokio::spawn(async move {
            let client = door.open(theirs, |protocol| protocol.is_none().then_some(false)).await?;
            let behind = server.connect_in_memory();
            let mut device = Device { hub: door.host().to_owned(), key, subscriptions: 0 };
            guard(client, behind, move |packet| device.judge(packet, &server)).await
        });
        ours
    }
}

/// One connection.
struct Device {
    hub: String,
    key: SymmetricKey,
    subscriptions: usize,
}

impl Device {
    fn judge(&mut self, packet: &Packet<'_>, server: &Server) -> Verdict {
        match packet {
            Packet::Connect(connect) if connect.version != Version::V3_1_1 => Verdict::Close,
            Packet::Connect(connect) => match self.expires_at(connect).and_then(|at| at.checked_sub(now())) {
                Some(seconds) if seconds > 0 => Verdict::PassFor(Duration::from_secs(seconds)),
                _ => Verdict::Refuse(NOT_AUTHORISED),
            },
            Packet::Publish(publish) => {
                let topic = publish.topic.as_str();
                let is_known = TOPICS_TO_HUB.iter().any(|start| topic.starts_with(start));
                if publish.qos == Qos::ExactlyOnce || publish.payload.len() > 256 * 1_024 || !is_known {
                    return Verdict::Close;
                }
                answer(topic, server);
                Verdict::Pass
            }
            Packet::Subscribe(subscribe) => {
                self.subscriptions += subscribe.filters.iter().count();
                let is_known = |filter: &str| TOPICS_OF_HUB.iter().any(|start| filter.starts_with(start));
                let all_known = subscribe.filters.iter().all(|filter| is_known(filter.filter.as_str()));
                if self.subscriptions > 5 || !all_known { Verdict::Close } else { Verdict::Pass }
            }
            _ => Verdict::Pass,
        }
    }

    /// When the token of a client ends; `None`: it has none that is its own.
    fn expires_at(&mut self, connect: &Connect<'_>) -> Option<u64> {
        let device = Identity::device(&self.hub, connect.client_id).ok()?;
        let of_name = connect.user_name?.strip_prefix(&format!("{}/{}/?", self.hub, connect.client_id))?;
        let password = str::from_utf8(connect.password?).ok()?;
        let expires_at = password.rsplit_once("&se=")?.1.parse().ok()?;
        let mut room = [0; 1_024];
        let expected = device.token().write(&mut room, &mut self.key, expires_at).ok()?;
        (of_name.contains("api-version=") && password == expected).then_some(expires_at)
    }
}

/// Answers a request about the twin.
fn answer(topic: &str, server: &Server) {
    let (status, payload, request) = if let Some(request) = topic.strip_prefix("$iothub/twin/GET/?$rid=") {
        (200, r#"{"desired":{"$version":1},"reported":{"$version":1}}"#, request)
    } else if let Some(request) = topic.strip_prefix("$iothub/twin/PATCH/properties/reported/?$rid=") {
        (204, "", request)
    } else {
        return;
    };
    let version = if status == 204 { "&$version=2" } else { "" };
    let topic = format!("$iothub/twin/res/{status}/?$rid={request}{version}");
    let _ = server.publish(&topic, payload, Qos::AtMostOnce, false);
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

const NOT_AUTHORISED: &[u8] = &[0x20, 0x02, 0x00, 0x05];
const TOPICS_TO_HUB: [&str; 3] = ["devices/", "$iothub/twin/", "$iothub/methods/res/"];
const TOPICS_OF_HUB: [&str; 4] =
    ["devices/", "$iothub/twin/res/", "$iothub/twin/PATCH/properties/desired/", "$iothub/methods/POST/"];
