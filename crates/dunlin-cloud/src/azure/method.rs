use super::{PropertiesReader, PropertyText};
use crate::{Topic, topic::Part};

/// A method that the cloud calls on a device: the payload is its argument, and the caller waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method<'a> {
    /// Its name, escaped as it came.
    pub name: PropertyText<'a>,
    /// The number of the call, which the answer carries, as it came.
    pub request: &'a str,
}

impl<'a> Method<'a> {
    /// The filter of calls.
    pub const CALLS: &'static str = "$iothub/methods/POST/#";

    /// Reads a topic; `None`: it is another one.
    pub fn of_topic(topic: &'a str) -> Option<Self> {
        let (name, query) = topic.strip_prefix("$iothub/methods/POST/")?.split_once('/')?;
        let request = PropertiesReader::new(query).value("$rid")??.escaped();
        Some(Self { name: PropertyText::new(name), request })
    }

    /// Publish the result here: JSON, or an empty payload. `status` is the application's own.
    pub fn answer(self, status: i32) -> Topic<'a> {
        let (minus, status) = (if status < 0 { "-" } else { "" }, status.unsigned_abs());
        Topic::new([
            Part::Text("$iothub/methods/res/"),
            Part::Text(minus),
            Part::Number(status),
            Part::Text("/?$rid="),
            Part::Text(self.request),
        ])
    }
}
