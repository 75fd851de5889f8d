//! Servers that send their clients elsewhere.

use dunlin_codec::{Packet, Qos, ReasonCode, Version};
use dunlin_embedded::Cause;

use crate::scene::{FACES, Seen, options, play};
use crate::world::World;

/// A reference to a server, as a property.
fn elsewhere() -> Vec<u8> {
    let name = b"there:1883";
    [&[0x1C, 0, name.len() as u8][..], name].concat()
}

fn packet(first: u8, before: &[u8], properties: &[u8]) -> Vec<u8> {
    let len = (before.len() + 1 + properties.len()) as u8;
    [&[first, len][..], before, &[properties.len() as u8], properties].concat()
}

#[test]
fn a_client_is_told_where_the_server_sends_it() {
    for face in FACES {
        let mut connects = 0;
        let world = World::answering(move |said| match said {
            Packet::Connect(_) => {
                connects += 1;
                match connects {
                    1 => packet(0x20, &[0, 0x9C], &elsewhere()),
                    // One that says no more than that it is elsewhere.
                    2 => packet(0x20, &[0, 0x9C], &[]),
                    _ => packet(0x20, &[0, 0], &[]),
                }
            }
            Packet::Publish(_) => packet(0xE0, &[0x9D], &elsewhere()),
            other => panic!("{other:?}"),
        });
        play(face, &world, Version::V5, &options(), async |probe| {
            probe.expect(Seen::Redirected("there:1883".into(), false)).await;
            let Seen::Disconnected(Cause::Refused(ReasonCode::USE_ANOTHER_SERVER), Some(_)) = probe.next().await else {
                panic!("the connection goes on")
            };
            let before = world.millis();
            // The link knows now, and the application wants no delay.
            probe.connect();
            assert!(matches!(probe.next().await, Seen::Disconnected(Cause::Refused(_), Some(_))));
            assert_eq!(world.millis(), before);
            probe.expect(Seen::Connected(false)).await;
            probe.publish("on", Qos::AtMostOnce);
            probe.expect(Seen::Redirected("there:1883".into(), true)).await;
            assert!(matches!(probe.next().await, Seen::Disconnected(Cause::Server(ReasonCode::SERVER_MOVED), Some(_))));
        });
    }
}
