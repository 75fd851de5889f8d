use core::fmt::Display;

use crate::{
    NameError, Topic,
    name::check_name,
    rules::{Place, is_like},
};

/// A device of a registry.
///
/// MQTT 3.1.1 over TLS, on 8883 or 443. The server closes the connection some seconds after the token ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Device<'a> {
    project: &'a str,
    location: &'a str,
    registry: &'a str,
    device: &'a str,
}

/// What a gateway says about the devices behind it. Only gateways may: the connection of another device is closed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GatewayRequest {
    /// The device talks through this gateway now; the payload is JSON, with its own token where it needs one.
    Attach,
    /// It does no more.
    Detach,
}

impl<'a> Device<'a> {
    /// The user name: it is ignored, and must not be empty.
    pub const USER_NAME: &'static str = "unused";

    /// Its names, from the outside to the inside.
    ///
    /// # Errors
    /// One of them is empty, too long, or has characters that none may have.
    pub fn new(project: &'a str, location: &'a str, registry: &'a str, device: &'a str) -> Result<Self, NameError> {
        check_name(project, 255, "-.:")?;
        check_name(location, 255, "-")?;
        check_name(registry, 255, OF_NAMES)?;
        check_name(device, 255, OF_NAMES)?;
        Ok(Self { project, location, registry, device })
    }

    /// The client identifier: the whole path.
    pub fn client_id(self) -> impl Display + use<'a> {
        let Self { project, location, registry, device } = self;
        let registries = [project, "/locations/", location, "/registries/", registry, "/devices/", device];
        let [a, b, c, d, e, f, g] = registries;
        Topic::of_texts(["projects/", a, b, c, d, e, f, g])
    }

    /// The project: for whom its token is made.
    pub const fn project(self) -> &'a str {
        self.project
    }

    /// Where it publishes telemetry; `folder` may name a part of it, by which it goes to a topic of its own.
    pub fn events(self, folder: Option<&'a str>) -> Topic<'a> {
        let (slash, folder) = folder.map_or(("", ""), |folder| ("/", folder));
        Topic::of_texts([DEVICES, self.device, "/events", slash, folder])
    }

    /// Where it publishes its state.
    pub fn state(self) -> Topic<'a> {
        Topic::of_texts([DEVICES, self.device, "/state"])
    }

    /// The filter of its configuration. Ask for it with QoS 1: the service goes on until it is acknowledged.
    pub fn configuration(self) -> Topic<'a> {
        Topic::of_texts([DEVICES, self.device, "/config"])
    }

    /// The filter of commands.
    pub fn commands(self) -> Topic<'a> {
        Topic::of_texts([DEVICES, self.device, "/commands/#"])
    }

    /// The filter of errors that are told to a gateway.
    pub fn errors(self) -> Topic<'a> {
        Topic::of_texts([DEVICES, self.device, "/errors"])
    }

    /// Where a gateway publishes that this device is behind it, or is no more.
    pub fn gateway(self, what: GatewayRequest) -> Topic<'a> {
        let what = match what {
            GatewayRequest::Attach => "/attach",
            GatewayRequest::Detach => "/detach",
        };
        Topic::of_texts([DEVICES, self.device, what])
    }
}

/// What may be done where.
pub(crate) fn place(topic: &str) -> Place<'_> {
    let is_any = |filters: &[&str]| filters.iter().any(|filter| is_like(topic, filter));
    if is_any(&["/devices/+/events/#", "/devices/+/state", "/devices/+/attach", "/devices/+/detach"]) {
        Place::PublishOnly(topic)
    } else if is_any(&["/devices/+/config", "/devices/+/commands/#", "/devices/+/errors"]) {
        Place::SubscribeOnly(topic)
    } else {
        Place::Unknown
    }
}

const DEVICES: &str = "/devices/";
const OF_NAMES: &str = "-._~%";
