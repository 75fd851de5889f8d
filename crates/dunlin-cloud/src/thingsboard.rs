//! The topics of ThingsBoard's devices. Payloads are JSON; QoS 0 and 1.

use crate::{Topic, topic::Part};

/// Publish values here: `{"temp":21.5}`, or with the time `{"ts":1700000000000,"values":{...}}` in milliseconds.
pub const TELEMETRY: &str = "v1/devices/me/telemetry";
/// Publish attributes of the device here; subscribe to be told those that change on the server.
pub const ATTRIBUTES: &str = "v1/devices/me/attributes";
/// The filter of answers to [`request_attributes`].
pub const ATTRIBUTE_ANSWERS: &str = "v1/devices/me/attributes/response/+";
/// The filter of calls from the server.
pub const CALLS: &str = "v1/devices/me/rpc/request/+";

/// Publish here to be told attributes: `{"clientKeys":"a,b","sharedKeys":"c"}`.
pub fn request_attributes(request: u32) -> Topic<'static> {
    Topic::new([Part::Text("v1/devices/me/attributes/request/"), Part::Number(request)])
}

/// The number of the request that a message with attributes answers; `None`: it is another message.
pub fn attribute_answer(topic: &str) -> Option<u32> {
    topic.strip_prefix("v1/devices/me/attributes/response/")?.parse().ok()
}

/// The number of a call, whose payload is `{"method":...,"params":...}`; `None`: it is another message.
pub fn call(topic: &str) -> Option<u32> {
    topic.strip_prefix("v1/devices/me/rpc/request/")?.parse().ok()
}

/// Publish the answer to a call here.
pub fn answer(call: u32) -> Topic<'static> {
    Topic::new([Part::Text("v1/devices/me/rpc/response/"), Part::Number(call)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn requests_and_calls_are_numbered() {
        assert_eq!(request_attributes(7).to_string(), "v1/devices/me/attributes/request/7");
        assert_eq!(attribute_answer("v1/devices/me/attributes/response/7"), Some(7));
        assert_eq!(attribute_answer(ATTRIBUTES), None);
        assert_eq!(call("v1/devices/me/rpc/request/12"), Some(12));
        assert_eq!(call("v1/devices/me/rpc/request/x"), None);
        assert_eq!(answer(12).to_string(), "v1/devices/me/rpc/response/12");
    }
}
