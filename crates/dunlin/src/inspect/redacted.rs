use dunlin_codec::{Auth, Connack, Connect, Packet, PacketType, Properties, Property, PropertyId, PropertyOwner};

use super::{Direction, Inspected};
use crate::authentication::append;

impl<'a> Inspected<'a> {
    /// Shows `look` a packet without its secrets.
    pub(super) fn show(direction: Direction, packet: Packet<'_>, bytes: &[u8], look: &dyn Fn(&Inspected<'_>)) {
        let mut memory = Vec::new();
        let (packet, secret) = match packet {
            Packet::Connect(connect) => {
                let properties = without_secrets(PacketType::Connect, connect.properties, &mut memory);
                let user_name = connect.user_name.map(|_| "...");
                let password = connect.password.map(|_| &b"..."[..]);
                (Packet::Connect(Connect { user_name, password, properties, ..connect }), true)
            }
            Packet::Auth(auth) => {
                let properties = without_secrets(PacketType::Auth, auth.properties, &mut memory);
                (Packet::Auth(Auth { properties, ..auth }), true)
            }
            Packet::Connack(connack) if connack.properties.binary(PropertyId::AuthenticationData).is_some() => {
                let properties = without_secrets(PacketType::Connack, connack.properties, &mut memory);
                (Packet::Connack(Connack { properties, ..connack }), true)
            }
            other => (other, false),
        };
        look(&Inspected { direction, packet, len: bytes.len(), bytes: (!secret).then_some(bytes) });
    }
}

fn without_secrets<'m>(owner: PacketType, properties: Properties<'_>, memory: &'m mut Vec<u8>) -> Properties<'m> {
    for property in properties {
        let property = match property {
            Property::AuthenticationData(_) => continue,
            Property::UserProperty(name, _) => Property::UserProperty(name, "..."),
            other => other,
        };
        // What was read can be written.
        let _ = append(memory, property);
    }
    Properties::check(PropertyOwner::Packet(owner), memory).unwrap_or_default()
}
