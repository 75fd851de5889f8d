//! Owned bytes from the codec's borrowed views.

use dunlin_codec::{Packet, Properties, Property, Publish, TopicName, Version};

/// The packet as bytes; `None` if it cannot be said in this version or is too large for MQTT.
pub(super) fn encode(version: Version, packet: &Packet<'_>) -> Option<Vec<u8>> {
    let mut bytes = vec![0; packet.encoded_len(version).ok()?];
    let len = packet.encode(version, &mut bytes).ok()?;
    bytes.truncate(len);
    Some(bytes)
}

/// Properties as bytes, in this order. One that may not be sent is left out: what callers give is checked where they
/// give it, and all others come from packets that were checked.
pub(super) fn encode_properties<'a>(list: impl IntoIterator<Item = Property<'a>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for property in list {
        let start = bytes.len();
        bytes.resize(start + property.encoded_len(), 0);
        let written = bytes.get_mut(start..).map_or(0, |free| property.encode(free).unwrap_or(0));
        bytes.truncate(start + written);
    }
    bytes
}

/// Those without the ones that concern a single hop or that the server writes anew: topic alias, message expiry,
/// subscription identifiers. All others pass unaltered and in order [MQTT-3.3.2-17] [MQTT-3.3.2-18].
pub(super) fn end_to_end(properties: Properties<'_>) -> Vec<u8> {
    encode_properties(properties.iter().filter(|property| {
        !matches!(
            property,
            Property::TopicAlias(_)
                | Property::MessageExpiryInterval(_)
                | Property::SubscriptionIdentifier(_)
                | Property::WillDelayInterval(_)
        )
    }))
}

/// The topic of a PUBLISH that names its topic by an alias alone. Only a decoded packet can have it.
pub(super) fn no_topic() -> Option<TopicName<'static>> {
    Some(Publish::decode(Version::V5, 0x30, &[0, 0, 3, 0x23, 0, 1]).ok()?.topic)
}

/// At most `limit` bytes as hexadecimal pairs, for messages to people.
pub(super) fn hex(bytes: &[u8], limit: usize) -> String {
    let mut text = String::new();
    for (index, byte) in bytes.iter().take(limit).enumerate() {
        let gap = if index == 0 { "" } else { " " };
        text.push_str(&format!("{gap}{byte:02x}"));
    }
    if bytes.len() > limit {
        text.push_str(&format!(" ... ({} bytes)", bytes.len()));
    }
    text
}
