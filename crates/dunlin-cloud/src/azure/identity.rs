use core::fmt::{self, Display};

use super::{Properties, PropertiesReader, SasToken};
use crate::{
    NameError, Topic,
    name::check_name,
    percent::Percent,
    rules::{Place, is_like},
    topic::Part,
};

/// How a device comes to a hub, or to the Device Provisioning Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HubAccess {
    /// MQTT over TLS, on 8883.
    Mqtt,
    /// MQTT over WebSocket, on 443, where firewalls let it through.
    WebSocket,
}

impl HubAccess {
    /// The port.
    pub const fn port(self) -> u16 {
        match self {
            Self::Mqtt => 8883,
            Self::WebSocket => 443,
        }
    }

    /// What the WebSocket request asks for, which depends on whether the client shows a certificate; `None`: no
    /// WebSocket.
    pub const fn websocket_path(self, certificate: bool) -> Option<&'static str> {
        match (self, certificate) {
            (Self::Mqtt, _) => None,
            (Self::WebSocket, true) => Some("/$iothub/websocket"),
            (Self::WebSocket, false) => Some("/$iothub/websocket?iothub-no-client-cert=true"),
        }
    }
}

/// A device, or a module of one, of an IoT Hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity<'a> {
    hub: &'a str,
    device: &'a str,
    module: Option<&'a str>,
}

/// Why there is no such identity. The caller's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// The hub's host name.
    Hub(NameError),
    /// The device's identifier.
    Device(NameError),
    /// The module's identifier.
    Module(NameError),
}

impl Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, error) = match self {
            Self::Hub(error) => ("hub's host", error),
            Self::Device(error) => ("device's identifier", error),
            Self::Module(error) => ("module's identifier", error),
        };
        write!(f, "the {what} is none: {error}")
    }
}

impl core::error::Error for IdentityError {}

impl<'a> Identity<'a> {
    /// A device. `hub` is the name of the host alone, such as `myhub.azure-devices.net`.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn device(hub: &'a str, device: &'a str) -> Result<Self, IdentityError> {
        check_name(hub, 253, "-.").map_err(IdentityError::Hub)?;
        check_name(device, 128, OF_IDENTIFIERS).map_err(IdentityError::Device)?;
        Ok(Self { hub, device, module: None })
    }

    /// A module of a device.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn module(hub: &'a str, device: &'a str, module: &'a str) -> Result<Self, IdentityError> {
        check_name(module, 128, OF_IDENTIFIERS).map_err(IdentityError::Module)?;
        Ok(Self { module: Some(module), ..Self::device(hub, device)? })
    }

    /// The host to connect to, unless there is a gateway.
    pub const fn hub(self) -> &'a str {
        self.hub
    }

    /// The client identifier.
    pub fn client_id(self) -> impl Display + use<'a> {
        let (slash, module) = self.module.map_or(("", ""), |module| ("/", module));
        Topic::of_texts([self.device, slash, module])
    }

    /// The user name. Neither host nor identifiers are escaped in it; the rest is.
    ///
    /// `model_id` is that of IoT Plug and Play (`dtmi:...`), `product` names the device's software.
    pub fn user_name(self, model_id: Option<&'a str>, product: Option<&'a str>) -> impl Display + use<'a> {
        UserName { identity: self, model_id, product }
    }

    /// The token that proves it, which is the password.
    pub fn token(self) -> SasToken<'a> {
        let [device, module_is, module] = self.path();
        SasToken::new(Topic::of_texts([self.hub, "/", DEVICES, device, module_is, module]), None)
    }

    /// Where it publishes telemetry, with the properties of the message; its will, too.
    pub fn telemetry(self, properties: Properties<'a>) -> Topic<'a> {
        let [device, module_is, module] = self.path();
        let text = Part::Text;
        Topic::new([
            text(DEVICES),
            text(device),
            text(module_is),
            text(module),
            text("/messages/events/"),
            Part::Properties(properties),
        ])
    }

    /// The filter of messages from the cloud to it; of a module: of what is routed to its inputs.
    pub fn messages(self) -> Topic<'a> {
        let [device, module_is, module] = self.path();
        let what = if self.module.is_some() { "/inputs/#" } else { "/messages/devicebound/#" };
        Topic::of_texts([DEVICES, device, module_is, module, what])
    }

    /// The properties of a message from the cloud; `None`: the topic is another one.
    pub fn read_message(self, topic: &'a str) -> Option<PropertiesReader<'a>> {
        let rest = topic.strip_prefix(DEVICES)?.strip_prefix(self.device)?;
        let bag = match self.module {
            None => rest.strip_prefix("/messages/devicebound")?,
            Some(module) => {
                let rest = rest.strip_prefix("/modules/")?.strip_prefix(module)?.strip_prefix("/inputs/")?;
                rest.get(rest.find('/').unwrap_or(rest.len())..)?
            }
        };
        match bag.strip_prefix('/') {
            Some(bag) => Some(PropertiesReader::new(bag)),
            None => bag.is_empty().then(|| PropertiesReader::new("")),
        }
    }

    fn path(self) -> [&'a str; 3] {
        self.module.map_or([self.device, "", ""], |module| [self.device, "/modules/", module])
    }
}

struct UserName<'a> {
    identity: Identity<'a>,
    model_id: Option<&'a str>,
    product: Option<&'a str>,
}

impl Display for UserName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/?api-version={API_VERSION}", self.identity.hub, self.identity.client_id())?;
        for (name, value) in [("DeviceClientType", self.product), ("model-id", self.model_id)] {
            if let Some(value) = value {
                write!(f, "&{name}={}", Percent(value))?;
            }
        }
        Ok(())
    }
}

/// What may be done where: other topics than these do not exist.
pub(crate) fn place_in_hub(topic: &str) -> Place<'_> {
    let is_any = |filters: &[&str]| filters.iter().any(|filter| is_like(topic, filter));
    if is_any(&TO_THE_HUB) {
        Place::PublishOnly(topic)
    } else if is_any(&FROM_THE_HUB) {
        Place::SubscribeOnly(topic)
    } else {
        Place::Unknown
    }
}

const TO_THE_HUB: [&str; 5] = [
    "devices/+/messages/events/#",
    "devices/+/modules/+/messages/events/#",
    "$iothub/twin/GET/+",
    "$iothub/twin/PATCH/properties/reported/+",
    "$iothub/methods/res/+/+",
];
const FROM_THE_HUB: [&str; 6] = [
    "devices/+/messages/devicebound/#",
    "devices/+/modules/+/#",
    "devices/+/modules/+/inputs/#",
    "$iothub/twin/res/#",
    "$iothub/twin/PATCH/properties/desired/#",
    "$iothub/methods/POST/#",
];
const DEVICES: &str = "devices/";
const API_VERSION: &str = "2021-04-12";
const OF_IDENTIFIERS: &str = "-._:=@!$'*%?,()";
