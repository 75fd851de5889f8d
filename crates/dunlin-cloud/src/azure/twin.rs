use super::PropertiesReader;
use crate::{Topic, json, topic::Part};

/// The twin of a device: what the cloud desires of it, and what it reports.
///
/// Changes are told only while the device is connected: ask for the twin after each connect. A request has a number of
/// the caller's own, which its answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Twin;

/// The answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwinAnswer {
    /// In the numbers of HTTP: 200 with the twin as payload, 204 for what was reported, 400, 429 (too often), 5xx.
    pub status: u16,
    /// Which request it answers.
    pub request: u32,
    /// The version of the reported properties after it.
    pub version: Option<u64>,
}

/// The cloud desires something else; the payload says what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DesiredChanged {
    /// The version of the desired properties. Where it is not one above the last, something was missed.
    pub version: Option<u64>,
}

impl Twin {
    /// The filter of answers. Subscribe to it before the first request.
    pub const ANSWERS: &'static str = "$iothub/twin/res/#";
    /// The filter of changes of what is desired.
    pub const DESIRED: &'static str = "$iothub/twin/PATCH/properties/desired/#";

    /// Publish here, with an empty payload, to be told the twin.
    pub fn read(request: u32) -> Topic<'static> {
        Topic::new([Part::Text("$iothub/twin/GET/?$rid="), Part::Number(request)])
    }

    /// Publish a JSON object here to report how the device is; `null` deletes a property.
    pub fn report(request: u32) -> Topic<'static> {
        Topic::new([Part::Text("$iothub/twin/PATCH/properties/reported/?$rid="), Part::Number(request)])
    }

    /// The version of the desired properties in a twin or in a change of it.
    pub fn desired_version(payload: &str) -> Option<u64> {
        let desired = json::member(payload, "desired").unwrap_or(payload);
        json::member(desired, "$version")?.parse().ok()
    }
}

impl TwinAnswer {
    /// Reads a topic; `None`: it is another one.
    pub fn of_topic(topic: &str) -> Option<Self> {
        let (status, query) = topic.strip_prefix("$iothub/twin/res/")?.split_once('/')?;
        let number = |name| PropertiesReader::new(query).value(name)??.escaped().parse::<u64>().ok();
        Some(Self {
            status: status.parse().ok()?,
            request: number("$rid")?.try_into().ok()?,
            version: number("$version"),
        })
    }
}

impl DesiredChanged {
    /// Reads a topic; `None`: it is another one.
    pub fn of_topic(topic: &str) -> Option<Self> {
        let query = topic.strip_prefix("$iothub/twin/PATCH/properties/desired/")?;
        let version = PropertiesReader::new(query).value("$version").flatten();
        Some(Self { version: version.and_then(|version| version.escaped().parse().ok()) })
    }
}
