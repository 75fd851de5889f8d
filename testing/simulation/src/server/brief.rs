use dunlin_codec::{Ack, Packet, PropertyId, ReasonCode};

use crate::message::number_of;

/// A packet in a line.
pub(super) fn brief(packet: &Packet<'_>) -> String {
    let ack = |name: &str, ack: &Ack<'_>| match ack.reason {
        ReasonCode::SUCCESS => format!("{name} id {}", ack.packet_id),
        reason => format!("{name} id {}, {:#04x} {reason}", ack.packet_id, reason.get()),
    };
    match packet {
        Packet::Connect(connect) => format!(
            "CONNECT, clean start {}, keep alive {}, {:?}",
            connect.clean_start, connect.keep_alive, connect.properties
        ),
        Packet::Connack(connack) => format!(
            "CONNACK {:#04x}, session present {}, {:?}",
            connack.return_code, connack.session_present, connack.properties
        ),
        Packet::Publish(publish) => {
            let id = publish.packet_id.map_or(String::new(), |id| format!(" id {id}"));
            let dup = if publish.dup { ", again" } else { "" };
            let retain = if publish.retain { ", retain" } else { "" };
            let alias = publish.properties.number(PropertyId::TopicAlias);
            let alias = alias.map_or(String::new(), |alias| format!(", alias {alias}"));
            let expiry = publish.properties.number(PropertyId::MessageExpiryInterval);
            let expiry = expiry.map_or(String::new(), |seconds| format!(", expires after {seconds} s"));
            let (qos, bytes, number) = (publish.qos as u8, publish.payload.len(), number_of(publish.payload));
            format!("PUBLISH{id}: message {number}, QoS {qos}{dup}{retain}{alias}{expiry}, {bytes} bytes")
        }
        Packet::Puback(it) => ack("PUBACK", it),
        Packet::Pubrec(it) => ack("PUBREC", it),
        Packet::Pubrel(it) => ack("PUBREL", it),
        Packet::Pubcomp(it) => ack("PUBCOMP", it),
        Packet::Subscribe(subscribe) => {
            let filters: Vec<_> = subscribe.filters.iter().map(|filter| filter.filter.as_str()).collect();
            format!("SUBSCRIBE id {}: {}", subscribe.packet_id, filters.join(" "))
        }
        Packet::Unsubscribe(unsubscribe) => {
            let filters: Vec<_> = unsubscribe.filters.iter().map(|filter| filter.as_str()).collect();
            format!("UNSUBSCRIBE id {}: {}", unsubscribe.packet_id, filters.join(" "))
        }
        Packet::Suback(it) => format!("SUBACK id {}: {:02x?}", it.packet_id, it.codes),
        Packet::Unsuback(it) => format!("UNSUBACK id {}: {:02x?}", it.packet_id, it.codes),
        Packet::Disconnect(it) => format!("DISCONNECT {:#04x} {}", it.reason.get(), it.reason),
        Packet::Pingreq => "PINGREQ".into(),
        Packet::Pingresp => "PINGRESP".into(),
        Packet::Auth(_) => "AUTH".into(),
    }
}
