mod device;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use dunlin_cloud::SymmetricKey;
use dunlin_codec::{Qos, Version};
use dunlin_testkit::Server;
use serde_json::{Value, json};
use tokio::sync::{mpsc::UnboundedSender, oneshot};

use crate::{
    door::Certificate,
    gate::Rules,
    json::merge,
    twin::{Entry, Service, Speech, Twin},
    wire,
};
use device::Connection;

/// An Azure IoT Hub, as devices and modules see it, on 8883, and over WebSocket (`/$iothub/websocket`) on 443.
///
/// - It speaks MQTT 3.1.1 alone, and refuses (return code 5) whoever has neither a token for himself nor, as a device with
///   [a certificate](AzureTwin::add_certificate), one of the [`authority`](Twin::authority).
/// - It closes the connection when the token ends, at a PUBLISH of QoS 2 or of more than 256 KiB, at the sixth subscription,
///   at a topic that it does not know, and after 1,767 s of silence, whatever the keep alive.
/// - Nothing is retained. A subscription is granted QoS 1 at most.
/// - It keeps a twin for each device, answers what is asked and reported, tells what is
///   [desired](AzureTwin::desire), and [calls](AzureTwin::call) methods, each of its own device alone, where that has
///   subscribed.
pub type AzureTwin = Twin<IotHub>;

/// The service behind an [`AzureTwin`].
#[derive(Debug)]
pub struct IotHub {
    hub: String,
    key: SymmetricKey,
    devices: Mutex<BTreeMap<String, Device>>,
}

/// What the hub knows of a device, or of a module (`DEVICE/MODULE`).
#[derive(Debug)]
struct Device {
    has_certificate: bool,
    /// `desired` and `reported`, each with its `$version`.
    twin: Value,
    /// To where it is connected.
    mail: Option<UnboundedSender<Vec<u8>>>,
    listens: Listens,
    calls: BTreeMap<String, oneshot::Sender<(i32, Vec<u8>)>>,
    calls_made: u32,
}

/// What it has subscribed to.
#[derive(Debug, Clone, Copy, Default)]
struct Listens {
    answers: bool,
    desired: bool,
    methods: bool,
}

impl Default for Device {
    fn default() -> Self {
        Self {
            has_certificate: false,
            twin: json!({ "desired": { "$version": 1 }, "reported": { "$version": 1 } }),
            mail: None,
            listens: Listens::default(),
            calls: BTreeMap::new(),
            calls_made: 0,
        }
    }
}

impl Twin<IotHub> {
    /// The hub of this name, whose devices and modules have this key. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// There is no socket or no certificate to be had.
    pub async fn start(host: &str, key: SymmetricKey) -> io::Result<Self> {
        let options = Server::options().only(Version::V3_1_1).maximum_qos(Qos::AtLeastOnce).retain_available(false);
        Self::of(host, IotHub { hub: host.to_owned(), key, devices: Mutex::default() }, options).await
    }

    /// That device has a certificate, and no key.
    pub fn add_certificate(&self, device: &str) {
        self.service.device(device, |device| device.has_certificate = true);
    }

    /// The twin of a device (of a module: `DEVICE/MODULE`) as JSON, with `desired` and `reported`.
    pub fn device_twin(&self, device: &str) -> String {
        self.service.device(device, |device| device.twin.to_string())
    }

    /// Desires something of a device: a JSON object, in which `null` deletes. The device is told, if it is there and has
    /// subscribed. What is no object changes nothing.
    pub fn desire(&self, device: &str, patch: &str) {
        let Ok(Value::Object(patch)) = serde_json::from_str(patch) else { return };
        self.service.device(device, |device| {
            let version = device.change("desired", Value::Object(patch.clone()));
            let mut told = Value::Object(patch);
            told["$version"] = version.into();
            if device.listens.desired {
                let topic = format!("$iothub/twin/PATCH/properties/desired/?$version={version}");
                device.send(&topic, told.to_string().as_bytes());
            }
        });
    }

    /// Calls a method of a device and waits for its answer: status and payload. `None`: it is not there, has not subscribed
    /// to calls, or went away.
    pub async fn call(&self, device: &str, method: &str, payload: &str) -> Option<(i32, Vec<u8>)> {
        let (answer, answered) = oneshot::channel();
        self.service.device(device, |device| {
            device.calls_made += 1;
            let request = format!("{:x}", device.calls_made);
            let topic = format!("$iothub/methods/POST/{method}/?$rid={request}");
            if device.listens.methods && device.send(&topic, payload.as_bytes()) {
                device.calls.insert(request, answer);
            }
        });
        answered.await.ok()
    }
}

impl IotHub {
    fn device<T>(&self, id: &str, act: impl FnOnce(&mut Device) -> T) -> T {
        let mut devices: MutexGuard<'_, _> = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        act(devices.entry(id.to_owned()).or_default())
    }
}

impl Device {
    /// Changes one side of the twin and gives its new version.
    fn change(&mut self, side: &str, patch: Value) -> u64 {
        let version = self.twin[side]["$version"].as_u64().unwrap_or(0) + 1;
        merge(&mut self.twin[side], patch);
        self.twin[side]["$version"] = version.into();
        version
    }

    /// False: it is not there.
    fn send(&self, topic: &str, payload: &[u8]) -> bool {
        self.mail.as_ref().is_some_and(|mail| mail.send(wire::message(Version::V3_1_1, topic, payload)).is_ok())
    }
}

impl Service for IotHub {
    fn way(&self, port: u16, protocol: Option<&str>) -> Option<(Certificate, Speech)> {
        way_of_hub(port, protocol)
    }

    fn begin(self: Arc<Self>, entry: Entry, _: Arc<Server>) -> Result<Box<dyn Rules>, u16> {
        let is_elsewhere = entry.upgrade.as_ref().is_some_and(|upgrade| upgrade.path() != "/$iothub/websocket");
        if is_elsewhere { Err(404) } else { Ok(Box::new(Connection::new(self, entry.has_certificate))) }
    }
}

pub(crate) fn way_of_hub(port: u16, protocol: Option<&str>) -> Option<(Certificate, Speech)> {
    match (port, protocol) {
        (8883, None | Some("mqtt")) => Some((Certificate::Welcome, Speech::Mqtt)),
        (443, None | Some("http/1.1")) => Some((Certificate::Welcome, Speech::WebSocket)),
        _ => None,
    }
}

/// When a shared access signature ends.
pub(crate) fn expiry_of_token(password: &str) -> Option<u64> {
    password.split('&').find_map(|part| part.strip_prefix("se="))?.parse().ok()
}
