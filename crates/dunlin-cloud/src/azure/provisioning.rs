use core::fmt::{self, Display};

use super::{PropertiesReader, SasToken};
use crate::{
    NameError, NoRoom, Topic,
    json::{self, Object, Value},
    name::check_name,
    rules::{Place, is_like},
    topic::Part,
    write,
};

/// A device that asks the Device Provisioning Service for its hub.
///
/// ```text
///   subscribe ANSWERS;  publish register() ->  202, wait retry_after, publish status() -> 202 ... 200: assigned
/// ```
/// It speaks MQTT 3.1.1, keeps no session and takes no will. With a client certificate the registration identifier is the
/// common name of the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Registration<'a> {
    scope: &'a str,
    registration_id: &'a str,
}

impl<'a> Registration<'a> {
    /// Where to connect, with TLS on 8883 or with WebSocket on 443.
    pub const HOST: &'static str = "global.azure-devices-provisioning.net";
    /// The filter of answers. Subscribe to it before the first request.
    pub const ANSWERS: &'static str = "$dps/registrations/res/#";

    /// `scope` is the service's ID scope, such as `0ne00000000`.
    ///
    /// # Errors
    /// One of the two is no such name: letters, digits, and in a registration identifier `-`, `.`, `_`, `:`.
    pub fn new(scope: &'a str, registration_id: &'a str) -> Result<Self, NameError> {
        check_name(scope, 128, "")?;
        check_name(registration_id, 128, "-._:")?;
        Ok(Self { scope, registration_id })
    }

    /// The client identifier.
    pub const fn client_id(self) -> &'a str {
        self.registration_id
    }

    /// The user name.
    pub fn user_name(self) -> impl Display + use<'a> {
        let Self { scope, registration_id } = self;
        Topic::of_texts([scope, "/registrations/", registration_id, "/api-version=", API_VERSION])
    }

    /// The token that proves it, which is the password: made with its own key, or with that of its group,
    /// [derived](crate::SymmetricKey::derive).
    pub fn token(self) -> SasToken<'a> {
        let Self { scope, registration_id } = self;
        SasToken::new(Topic::of_texts([scope, "/registrations/", registration_id]), Some("registration"))
    }

    /// Publish [`write_payload`](Self::write_payload) here.
    pub fn register(self, request: u32) -> Topic<'static> {
        Topic::new([Part::Text("$dps/registrations/PUT/iotdps-register/?$rid="), Part::Number(request)])
    }

    /// Publish an empty payload here to ask how far a registration is.
    pub fn status(self, request: u32, operation: &'a str) -> Topic<'a> {
        Topic::new([
            Part::Text("$dps/registrations/GET/iotdps-get-operationstatus/?$rid="),
            Part::Number(request),
            Part::Text("&operationId="),
            Part::Escaped(operation),
        ])
    }

    /// Writes the payload of a registration; `custom` is JSON for the allocation function of the service's owner.
    ///
    /// # Errors
    /// It needs more room.
    pub fn write_payload<'o>(self, out: &'o mut [u8], custom: Option<&str>) -> Result<&'o str, NoRoom> {
        let id = Some(Value::Text(self.registration_id));
        write(out, Object([("registrationId", id), ("payload", custom.map(Value::Json))]))
    }
}

/// What the service says to a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistrationAnswer<'a> {
    /// It is under way.
    Wait {
        /// Which request is answered.
        request: u32,
        /// What to ask for with [`Registration::status`].
        operation: &'a str,
        /// Seconds to wait before.
        retry_after: u32,
    },
    /// It is done.
    Assigned {
        /// Which request is answered.
        request: u32,
        /// The host of the hub.
        hub: &'a str,
        /// The name there.
        device: &'a str,
    },
    /// It is refused, or failed.
    Failed {
        /// Which request is answered.
        request: u32,
        /// In the numbers of HTTP; 200: the registration ended otherwise, and `text` says how.
        status: u16,
        /// Seconds to wait before another try (429, 5xx).
        retry_after: Option<u32>,
        /// The service's own words; empty if there are none.
        text: &'a str,
    },
}

impl<'a> RegistrationAnswer<'a> {
    /// Reads a message; `None`: it is another one.
    pub fn read(topic: &str, payload: &'a str) -> Option<Self> {
        let (status, query) = topic.strip_prefix("$dps/registrations/res/")?.split_once('/')?;
        let number = |name| PropertiesReader::new(query).value(name)??.escaped().parse::<u32>().ok();
        let text = |object, name| json::member(object, name).and_then(json::text);
        let (status, request) = (status.parse().ok()?, number("$rid")?);
        let retry_after = number("retry-after");
        let state = json::member(payload, "registrationState").unwrap_or(payload);
        Some(match (status, text(payload, "operationId"), text(payload, "status")) {
            (202, Some(operation), _) | (200, Some(operation), Some("assigning")) => {
                Self::Wait { request, operation, retry_after: retry_after.unwrap_or(USUAL_WAIT) }
            }
            (200, _, Some("assigned")) => {
                Self::Assigned { request, hub: text(state, "assignedHub")?, device: text(state, "deviceId")? }
            }
            (_, _, ended) => {
                let said = text(state, "errorMessage").or_else(|| text(payload, "message")).or(ended);
                Self::Failed { request, status, retry_after, text: said.unwrap_or_default() }
            }
        })
    }
}

impl Display for RegistrationAnswer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wait { retry_after, .. } => write!(f, "the registration is under way: ask again in {retry_after} s"),
            Self::Assigned { hub, device, .. } => write!(f, "registered as {device} at {hub}"),
            Self::Failed { status, text, .. } => write!(f, "the registration failed ({status}): {text}"),
        }
    }
}

/// What may be done where.
pub(crate) fn place_in_provisioning(topic: &str) -> Place<'_> {
    let is_request = ["$dps/registrations/PUT/+/+", "$dps/registrations/GET/+/+"].iter().any(|f| is_like(topic, f));
    if is_request {
        Place::PublishOnly(topic)
    } else if topic == Registration::ANSWERS {
        Place::SubscribeOnly(topic)
    } else {
        Place::Unknown
    }
}

const API_VERSION: &str = "2019-03-31";
/// Seconds, where the service does not say how many.
const USUAL_WAIT: u32 = 3;
