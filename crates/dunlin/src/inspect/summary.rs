use core::fmt;

use dunlin_codec::{Ack, Connack, Connect, Packet, PacketId, Publish, Qos};

use super::{Direction, Inspected};

/// One line: which way, what, and what tells it from others of its kind.
impl fmt::Display for Inspected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.direction {
            Direction::Sent => "-> ",
            Direction::Received => "<- ",
        })?;
        match &self.packet {
            Packet::Connect(connect) => show_connect(f, connect),
            Packet::Connack(connack) => show_connack(f, connack),
            Packet::Publish(publish) => show_publish(f, publish),
            Packet::Puback(ack) => show_ack(f, "PUBACK", ack),
            Packet::Pubrec(ack) => show_ack(f, "PUBREC", ack),
            Packet::Pubrel(ack) => show_ack(f, "PUBREL", ack),
            Packet::Pubcomp(ack) => show_ack(f, "PUBCOMP", ack),
            Packet::Subscribe(subscribe) => {
                write!(f, "SUBSCRIBE {}:", subscribe.packet_id)?;
                let each = |filter: dunlin_codec::SubscriptionFilter<'_>| {
                    write!(f, " {:?} QoS {}", filter.filter.as_str(), filter.options.qos as u8)
                };
                subscribe.filters.iter().try_for_each(each)
            }
            Packet::Unsubscribe(unsubscribe) => {
                write!(f, "UNSUBSCRIBE {}:", unsubscribe.packet_id)?;
                unsubscribe.filters.iter().try_for_each(|filter| write!(f, " {:?}", filter.as_str()))
            }
            Packet::Suback(suback) => show_verdicts(f, "SUBACK", suback.packet_id, suback.codes),
            Packet::Unsuback(unsuback) => show_verdicts(f, "UNSUBACK", unsuback.packet_id, unsuback.codes),
            Packet::Pingreq => f.write_str("PINGREQ"),
            Packet::Pingresp => f.write_str("PINGRESP"),
            Packet::Disconnect(disconnect) => write!(f, "DISCONNECT 0x{:02X}", disconnect.reason.get()),
            Packet::Auth(auth) => write!(f, "AUTH 0x{:02X}", auth.reason.get()),
        }?;
        write!(f, ", {} bytes", self.len)
    }
}

fn show_connect(f: &mut fmt::Formatter<'_>, connect: &Connect<'_>) -> fmt::Result {
    write!(f, "CONNECT {:?}, {}, keep alive {} s", connect.client_id, connect.version, connect.keep_alive)?;
    f.write_str(if connect.clean_start { ", clean start" } else { "" })?;
    f.write_str(if connect.will.is_some() { ", will" } else { "" })
}

fn show_connack(f: &mut fmt::Formatter<'_>, connack: &Connack<'_>) -> fmt::Result {
    write!(f, "CONNACK 0x{:02X}", connack.return_code)?;
    f.write_str(if connack.session_present { ", session present" } else { "" })
}

fn show_publish(f: &mut fmt::Formatter<'_>, publish: &Publish<'_>) -> fmt::Result {
    f.write_str("PUBLISH")?;
    if let Some(id) = publish.packet_id {
        write!(f, " {id}")?;
    }
    write!(f, " {:?}", publish.topic.as_str())?;
    if publish.qos != Qos::AtMostOnce {
        write!(f, ", QoS {}", publish.qos as u8)?;
    }
    f.write_str(if publish.dup { ", again" } else { "" })?;
    f.write_str(if publish.retain { ", retain" } else { "" })?;
    write!(f, ", payload {}", publish.payload.len())
}

fn show_ack(f: &mut fmt::Formatter<'_>, name: &str, ack: &Ack<'_>) -> fmt::Result {
    write!(f, "{name} {}", ack.packet_id)?;
    if ack.reason.get() != 0 { write!(f, ", 0x{:02X}", ack.reason.get()) } else { Ok(()) }
}

fn show_verdicts(f: &mut fmt::Formatter<'_>, name: &str, id: PacketId, codes: &[u8]) -> fmt::Result {
    write!(f, "{name} {id}:")?;
    codes.iter().try_for_each(|code| write!(f, " 0x{code:02X}"))
}
