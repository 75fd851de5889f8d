use dunlin::{Message, Properties, Property};

use crate::json::Object;
use crate::printer::Printer;
use crate::timestamp::Timestamp;

/// How a message is printed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// As it is, perhaps with its topic in front.
    Plain { topic: bool, newline: bool },
    /// As a JSON object.
    Json,
}

impl Form {
    pub(super) fn print(self, message: &Message, printer: &mut Printer) {
        match self {
            Self::Plain { topic, newline } => {
                if topic {
                    printer.foreign(message.topic().as_bytes());
                    printer.data(b" ");
                }
                printer.foreign(message.payload());
                if newline {
                    printer.data(b"\n");
                }
            }
            Self::Json => {
                printer.data(json(message, Timestamp::now()).as_bytes());
                printer.data(b"\n");
            }
        }
    }
}

fn json(message: &Message, now: Timestamp) -> String {
    let mut object = Object::new()
        .text("received_at", &now.to_string())
        .text("topic", message.topic())
        .plain("qos", message.qos() as u8)
        .plain("retain", message.retain())
        .plain("dup", message.dup())
        .bytes("payload", message.payload());
    if message.missed_before() > 0 {
        object = object.plain("missed_before", message.missed_before());
    }
    let properties = properties(message.properties());
    if properties.is_empty() { object } else { object.object("properties", properties) }.finish()
}

/// The properties that a publisher may give a message; the others are between server and client.
fn properties(properties: Properties<'_>) -> Object {
    let mut object = Object::new();
    for property in properties {
        object = match property {
            Property::PayloadFormatIndicator(is_text) => object.plain("payload_format_indicator", u8::from(is_text)),
            Property::MessageExpiryInterval(seconds) => object.plain("message_expiry_interval", seconds),
            Property::ContentType(content_type) => object.text("content_type", content_type),
            Property::ResponseTopic(topic) => object.text("response_topic", topic),
            Property::CorrelationData(data) => object.bytes("correlation_data", data),
            _ => object,
        };
    }
    match properties.user_properties().next() {
        Some(_) => object.pairs("user_properties", properties.user_properties()),
        None => object,
    }
}
