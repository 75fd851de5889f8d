//! One connection of a device or module.

use std::{sync::Arc, time::Duration};

use dunlin_cloud::azure::Identity;
use dunlin_codec::{Connect, Packet, Publish, Qos, ReasonCode, Version};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{IotHub, Listens, expiry_of_token};
use crate::{
    gate::{Rules, Verdict},
    token, wire,
};

pub(super) struct Connection {
    service: Arc<IotHub>,
    has_certificate: bool,
    /// `DEVICE` or `DEVICE/MODULE`.
    id: String,
    subscriptions: usize,
    listens: Listens,
    mail: UnboundedSender<Vec<u8>>,
    letters: Option<UnboundedReceiver<Vec<u8>>>,
}

impl Rules for Connection {
    fn judge(&mut self, packet: &Packet<'_>, _: &mut Vec<u8>) -> Verdict {
        match packet {
            Packet::Connect(connect) if connect.version != Version::V3_1_1 => Verdict::Close,
            Packet::Connect(connect) => match self.check(connect) {
                Some(rest) => {
                    connect.client_id.clone_into(&mut self.id);
                    let (mail, is_new) = (self.mail.clone(), connect.clean_start);
                    self.listens = self.service.device(&self.id, |device| {
                        device.mail = Some(mail);
                        device.listens = if is_new { Listens::default() } else { device.listens };
                        device.listens
                    });
                    Verdict::PassFor(rest)
                }
                None => Verdict::Refuse(wire::refusal(Version::V3_1_1, ReasonCode::NOT_AUTHORIZED)),
            },
            Packet::Publish(publish) => {
                let is_too_much = publish.qos == Qos::ExactlyOnce || publish.payload.len() > 256 * 1_024;
                if is_too_much || self.take(publish).is_none() { Verdict::Close } else { Verdict::Pass }
            }
            Packet::Subscribe(subscribe) => {
                let mut all_known = true;
                for one in subscribe.filters.iter() {
                    self.subscriptions += 1;
                    all_known &= self.listen(one.filter.as_str());
                }
                if self.subscriptions > 5 || !all_known { Verdict::Close } else { Verdict::Pass }
            }
            Packet::Unsubscribe(unsubscribe) => {
                self.subscriptions = self.subscriptions.saturating_sub(unsubscribe.filters.iter().count());
                Verdict::Pass
            }
            _ => Verdict::Pass,
        }
    }

    fn mail(&mut self) -> Option<UnboundedReceiver<Vec<u8>>> {
        self.letters.take()
    }

    /// One and a half times the longest keep alive.
    fn silence(&self) -> Option<Duration> {
        Some(Duration::from_secs(1_767))
    }
}

impl Connection {
    pub(super) fn new(service: Arc<IotHub>, has_certificate: bool) -> Self {
        let (mail, letters) = unbounded_channel();
        let (id, listens) = (String::new(), Listens::default());
        Self { service, has_certificate, id, subscriptions: 0, listens, mail, letters: Some(letters) }
    }

    /// How long a client may stay; `None`: it has neither token nor certificate that is its own.
    fn check(&self, connect: &Connect<'_>) -> Option<Duration> {
        let hub = &self.service.hub;
        let identity = match connect.client_id.split_once('/') {
            Some((device, module)) => Identity::module(hub, device, module),
            None => Identity::device(hub, connect.client_id),
        };
        let identity = identity.ok()?;
        let query = connect.user_name?.strip_prefix(&format!("{hub}/{}/?", connect.client_id))?;
        query.contains("api-version=").then_some(())?;
        if self.service.device(connect.client_id, |device| device.has_certificate) {
            let shows_only_that = self.has_certificate && connect.password.is_none_or(<[u8]>::is_empty);
            return shows_only_that.then_some(Duration::from_secs(1 << 30));
        }
        let password = str::from_utf8(connect.password?).ok()?;
        let expires_at = expiry_of_token(password)?;
        let (mut room, mut key) = ([0; 1_024], self.service.key.clone());
        let expected = identity.token().write(&mut room, &mut key, expires_at).ok()?;
        token::rest(expires_at).filter(|_| password == expected)
    }

    /// Takes what a device publishes; `None`: not there.
    fn take(&self, publish: &Publish<'_>) -> Option<()> {
        let topic = publish.topic.as_str();
        if let Some(request) = topic.strip_prefix("$iothub/twin/GET/?$rid=") {
            let twin = self.service.device(&self.id, |device| device.twin.to_string());
            self.answer(200, request, "", twin.as_bytes());
        } else if let Some(request) = topic.strip_prefix("$iothub/twin/PATCH/properties/reported/?$rid=") {
            self.report(request, publish.payload);
        } else if let Some(rest) = topic.strip_prefix("$iothub/methods/res/") {
            let (status, request) = rest.split_once("/?$rid=")?;
            let (status, payload) = (status.parse().ok()?, publish.payload.to_vec());
            let call = self.service.device(&self.id, |device| device.calls.remove(request));
            // Whoever called may be gone.
            let _ = call.map(|call| call.send((status, payload)));
        } else {
            let rest = topic.strip_prefix(&self.path())?;
            rest.starts_with("/messages/events").then_some(())?;
        }
        Some(())
    }

    fn report(&self, request: &str, payload: &[u8]) {
        match serde_json::from_slice(payload) {
            Ok(patch @ Value::Object(_)) => {
                let version = self.service.device(&self.id, |device| device.change("reported", patch));
                self.answer(204, request, &format!("&$version={version}"), b"");
            }
            _ => self.answer(400, request, "", b""),
        }
    }

    fn answer(&self, status: u16, request: &str, more: &str, payload: &[u8]) {
        if self.listens.answers {
            let topic = format!("$iothub/twin/res/{status}/?$rid={request}{more}");
            self.service.device(&self.id, |device| device.send(&topic, payload));
        }
    }

    /// Notes a filter; false: there is no such topic.
    fn listen(&mut self, filter: &str) -> bool {
        match filter {
            "$iothub/twin/res/#" => self.listens.answers = true,
            "$iothub/twin/PATCH/properties/desired/#" => self.listens.desired = true,
            "$iothub/methods/POST/#" => self.listens.methods = true,
            _ => {
                let is_known = |rest: &str| {
                    matches!(rest, "/messages/devicebound/#" | "/inputs/#" | "/#") || rest.starts_with("/modules/")
                };
                return filter.strip_prefix(&self.path()).is_some_and(is_known);
            }
        }
        let listens = self.listens;
        self.service.device(&self.id, |device| device.listens = listens);
        true
    }

    fn path(&self) -> String {
        match self.id.split_once('/') {
            Some((device, module)) => format!("devices/{device}/modules/{module}"),
            None => format!("devices/{}", self.id),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.service.device(&self.id, |device| {
            // Another connection may have taken its place.
            if device.mail.as_ref().is_some_and(|mail| mail.same_channel(&self.mail)) {
                device.mail = None;
                device.calls.clear();
            }
        });
    }
}
