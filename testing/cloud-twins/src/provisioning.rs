use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use dunlin_cloud::{SymmetricKey, azure::Registration};
use dunlin_codec::{Connect, Packet, Qos, ReasonCode, Version};
use dunlin_testkit::Server;
use serde_json::{Value, json};

use crate::{
    azure::{expiry_of_token, way_of_hub},
    door::Certificate,
    gate::{Rules, Verdict},
    token,
    twin::{Entry, Service, Speech, Twin},
    websocket::Upgrade,
    wire,
};

/// Azure's Device Provisioning Service, on 8883, and over WebSocket on 443.
///
/// - It speaks MQTT 3.1.1 alone, and knows devices by a token that is signed with their own key or that of their group, or
///   by a certificate of the [`authority`](Twin::authority). Who is not known is refused with return code 5.
/// - A registration is answered with 202 and `retry-after`, and so is every question about it until
///   [as many](ProvisioningTwin::answer_after) were asked; then the hub is told. A question that comes earlier than it was
///   told to is answered with 429.
/// - No session outlives its connection, whatever the client asks for. A will and any other topic close the connection.
pub type ProvisioningTwin = Twin<Provisioning>;

/// The service behind a [`ProvisioningTwin`].
#[derive(Debug)]
pub struct Provisioning {
    scope: String,
    enrolments: Mutex<BTreeMap<String, Enrolment>>,
    group: Mutex<Option<(SymmetricKey, String)>>,
    polls: AtomicU32,
    retry_after: AtomicU32,
}

#[derive(Debug, Clone)]
struct Enrolment {
    /// `None`: it has a certificate.
    key: Option<SymmetricKey>,
    /// `None`: it is disabled.
    hub: Option<String>,
}

impl Twin<Provisioning> {
    /// The service for one scope. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// There is no socket or no certificate to be had.
    pub async fn start(scope: &str) -> io::Result<Self> {
        let service = Provisioning {
            scope: scope.to_owned(),
            enrolments: Mutex::default(),
            group: Mutex::default(),
            polls: AtomicU32::new(1),
            retry_after: AtomicU32::new(3),
        };
        let options = Server::options().only(Version::V3_1_1).maximum_qos(Qos::AtLeastOnce).retain_available(false);
        Self::of(Registration::HOST, service, options).await
    }

    /// A device with a key of its own, for this hub.
    pub fn enrol(&self, registration_id: &str, key: SymmetricKey, hub: &str) {
        self.service.add(registration_id, Enrolment { key: Some(key), hub: Some(hub.to_owned()) });
    }

    /// A device with a certificate, for this hub.
    pub fn enrol_certificate(&self, registration_id: &str, hub: &str) {
        self.service.add(registration_id, Enrolment { key: None, hub: Some(hub.to_owned()) });
    }

    /// That device is given no hub any more: `disabled`.
    pub fn disable(&self, registration_id: &str) {
        if let Some(enrolment) = lock(&self.service.enrolments).get_mut(registration_id) {
            enrolment.hub = None;
        }
    }

    /// Whoever has a key that is derived from that of the group, for this hub.
    pub fn enrol_group(&self, key: SymmetricKey, hub: &str) {
        *lock(&self.service.group) = Some((key, hub.to_owned()));
    }

    /// How often a device must ask before it is told its hub, and after how many seconds each.
    pub fn answer_after(&self, questions: u32, retry_after: u32) {
        self.service.polls.store(questions, Ordering::Relaxed);
        self.service.retry_after.store(retry_after, Ordering::Relaxed);
    }
}

impl Provisioning {
    fn add(&self, registration_id: &str, enrolment: Enrolment) {
        lock(&self.enrolments).insert(registration_id.to_owned(), enrolment);
    }

    /// The enrolment of a client, and how long it may stay; `None`: it is not known.
    fn check(&self, connect: &Connect<'_>, entry: &Entry) -> Option<(Enrolment, Duration)> {
        let registration = Registration::new(&self.scope, connect.client_id).ok()?;
        // The vendor's clients say more behind it.
        let is_named = connect.user_name?.starts_with(&registration.user_name().to_string());
        let known = lock(&self.enrolments).get(connect.client_id).cloned().filter(|_| is_named);
        let enrolment = known.or_else(|| {
            let group = lock(&self.group);
            let (key, hub) = group.as_ref().filter(|_| is_named)?;
            Some(Enrolment { key: Some(key.derive(connect.client_id)), hub: Some(hub.clone()) })
        })?;
        let rest = match &enrolment.key {
            Some(key) => {
                let password = str::from_utf8(connect.password?).ok()?;
                let expires_at = expiry_of_token(password)?;
                let (mut room, mut key) = ([0; 1_024], key.clone());
                let expected = registration.token().write(&mut room, &mut key, expires_at).ok()?;
                // The vendor's own client names no policy.
                let is_ours = expected.strip_suffix("&skn=registration") == Some(password) || password == expected;
                token::rest(expires_at).filter(|_| is_ours)?
            }
            None => entry.has_certificate.then_some(Duration::from_secs(3_600))?,
        };
        Some((enrolment, rest))
    }
}

impl Service for Provisioning {
    fn way(&self, port: u16, protocol: Option<&str>) -> Option<(Certificate, Speech)> {
        way_of_hub(port, protocol)
    }

    fn begin(self: Arc<Self>, entry: Entry, _: Arc<Server>) -> Result<Box<dyn Rules>, u16> {
        if entry.upgrade.as_ref().is_some_and(|upgrade| Upgrade::path(upgrade) != "/$iothub/websocket") {
            return Err(404);
        }
        Ok(Box::new(Connection::new(self, entry)))
    }
}

struct Connection {
    service: Arc<Provisioning>,
    entry: Entry,
    enrolment: Option<Enrolment>,
    id: String,
    /// It has subscribed to answers.
    listens: bool,
    /// The answer to the packet that is judged.
    answer: Vec<u8>,
    /// Questions since the registration.
    asked: u32,
    not_before: Option<tokio::time::Instant>,
}

impl Rules for Connection {
    fn judge(&mut self, packet: &Packet<'_>, say: &mut Vec<u8>) -> Verdict {
        match packet {
            Packet::Connect(connect) if connect.version != Version::V3_1_1 => Verdict::Close,
            Packet::Connect(connect) if connect.will.is_some() => Verdict::Close,
            Packet::Connect(connect) => match self.service.check(connect, &self.entry) {
                Some((enrolment, rest)) => {
                    (self.enrolment, self.id) = (Some(enrolment), connect.client_id.to_owned());
                    let forgetful = Packet::Connect(Connect { clean_start: true, ..*connect });
                    Verdict::Instead(wire::encode(Version::V3_1_1, &forgetful), Some(rest))
                }
                None => Verdict::Refuse(wire::refusal(Version::V3_1_1, ReasonCode::NOT_AUTHORIZED)),
            },
            Packet::Publish(publish) if publish.qos == Qos::ExactlyOnce => Verdict::Close,
            Packet::Publish(publish) => match self.answer_to(publish.topic.as_str(), publish.payload) {
                Some(()) => {
                    say.append(&mut self.answer);
                    Verdict::Pass
                }
                None => Verdict::Close,
            },
            Packet::Subscribe(subscribe) => {
                self.listens = subscribe.filters.iter().all(|one| one.filter.as_str() == Registration::ANSWERS);
                if self.listens { Verdict::Pass } else { Verdict::Close }
            }
            _ => Verdict::Pass,
        }
    }
}

impl Connection {
    fn new(service: Arc<Provisioning>, entry: Entry) -> Self {
        let (id, answer) = (String::new(), Vec::new());
        Self { service, entry, enrolment: None, id, listens: false, answer, asked: 0, not_before: None }
    }

    /// Answers a request; `None`: it is none.
    fn answer_to(&mut self, topic: &str, payload: &[u8]) -> Option<()> {
        let rest = topic.strip_prefix("$dps/registrations/")?;
        let request =
            |query: &str| query.strip_prefix("?$rid=").map(|rest| rest.split('&').next().unwrap_or(rest).to_owned());
        if let Some(query) = rest.strip_prefix("PUT/iotdps-register/") {
            self.asked = 0;
            self.register(&request(query)?, payload);
        } else {
            let query = rest.strip_prefix("GET/iotdps-get-operationstatus/")?;
            let (request, operation) = (request(query)?, query.split_once("&operationId=")?.1);
            if operation == self.operation() {
                self.tell_status(&request);
            } else {
                let error = json!({ "errorCode": 404_201, "message": "no such operation" });
                self.answer(404, &request, None, &error);
            }
        }
        Some(())
    }

    fn register(&mut self, request: &str, payload: &[u8]) {
        let named = serde_json::from_slice::<Value>(payload).ok();
        let named = named.as_ref().and_then(|json| json.get("registrationId")).and_then(Value::as_str);
        if named.is_some_and(|named| named != self.id) {
            let error = json!({ "errorCode": 400_004, "message": "the registration identifier is another" });
            return self.answer(400, request, None, &error);
        }
        self.wait(request);
    }

    fn tell_status(&mut self, request: &str) {
        let seconds = self.service.retry_after.load(Ordering::Relaxed);
        if self.not_before.is_some_and(|at| tokio::time::Instant::now() < at) {
            let error = json!({ "errorCode": 429_001, "message": "asked too early" });
            return self.answer(429, request, Some(seconds), &error);
        }
        self.asked += 1;
        if self.asked < self.service.polls.load(Ordering::Relaxed) {
            return self.wait(request);
        }
        let hub = self.enrolment.as_ref().and_then(|enrolment| enrolment.hub.clone());
        let status = if hub.is_some() { "assigned" } else { "disabled" };
        let state = json!({
            "registrationId": self.id, "assignedHub": hub, "deviceId": self.id, "status": status, "substatus": "initialAssignment",
        });
        let told = json!({ "operationId": self.operation(), "status": status, "registrationState": state });
        self.answer(200, request, None, &told);
    }

    fn wait(&mut self, request: &str) {
        let seconds = self.service.retry_after.load(Ordering::Relaxed);
        self.not_before = Some(tokio::time::Instant::now() + Duration::from_secs(seconds.into()));
        let told = json!({ "operationId": self.operation(), "status": "assigning" });
        self.answer(202, request, Some(seconds), &told);
    }

    fn operation(&self) -> String {
        format!("5.{}", self.id)
    }

    fn answer(&mut self, status: u16, request: &str, retry_after: Option<u32>, told: &Value) {
        let retry = retry_after.map(|seconds| format!("&retry-after={seconds}")).unwrap_or_default();
        let topic = format!("$dps/registrations/res/{status}/?$rid={request}{retry}");
        if self.listens {
            self.answer = wire::message(Version::V3_1_1, &topic, told.to_string().as_bytes());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
