use std::time::Duration;

use dunlin_codec::{PacketId, PacketType, Qos};
use dunlin_testkit::ServerOptions;

use crate::story::{Story, V3, V5, seconds};

#[test]
fn held_acknowledgements_go_when_they_are_let_go_in_any_order() {
    let mut story = Story::with(ServerOptions::new().hold_acks(true));
    let client = story.client(V5, "a");
    assert_eq!(story.subscribe(client, "x", Qos::AtMostOnce), [""; 0]);
    for (id, qos) in [(1, 1), (2, 2), (3, 1)] {
        story.publish(client, "t", "x", qos, id);
    }
    let held: Vec<_> = story.server.held_acks("a").iter().map(|it| (it.packet_type, it.packet_id.get())).collect();
    assert_eq!(
        held,
        [(PacketType::Suback, 1_000), (PacketType::Puback, 1), (PacketType::Pubrec, 2), (PacketType::Puback, 3)]
    );
    assert!(story.server.release_ack("a", PacketId::new(3).unwrap()));
    assert!(!story.server.release_ack("a", PacketId::new(3).unwrap()));
    assert_eq!(story.read(client), ["PUBACK #3 0x10"]);
    story.server.hold_acks(false);
    assert_eq!(story.read(client), ["SUBACK #1000 [00]", "PUBACK #1 0x10", "PUBREC #2 0x10"]);
    story.ack(client, PacketType::Pubrel, 2);
    assert_eq!(story.read(client), ["PUBCOMP #2 0x00"]);
    story.assert_no_breaches();
}

#[test]
fn what_was_held_when_the_connection_broke_is_never_sent() {
    let mut story = Story::with(ServerOptions::new().hold_acks(true));
    let (client, _) = story.resuming(V3, "a");
    story.publish(client, "t", "x", 2, 1);
    story.lose(client);
    story.server.hold_acks(false);
    let (client, told) = story.resuming(V3, "a");
    assert_eq!(told.len(), 1);
    story.publish_again(client, "t", "x", 2, 1);
    assert_eq!(story.read(client), ["PUBREC #1 0x00"]);
    assert_eq!(story.server.received_total(), 1);
    story.assert_no_breaches();
}

#[test]
fn delayed_acknowledgements_come_late_and_in_order() {
    let mut story = Story::with(ServerOptions::new().ack_delay(seconds(5)));
    let client = story.client(V5, "a");
    story.publish(client, "t", "x", 1, 1);
    story.pass(seconds(2));
    story.publish(client, "t", "x", 1, 2);
    story.pass(Duration::from_millis(2_999));
    assert_eq!(story.read(client), [""; 0]);
    story.pass(Duration::from_millis(1));
    assert_eq!(story.read(client), ["PUBACK #1 0x10"]);
    story.pass(seconds(2));
    assert_eq!(story.read(client), ["PUBACK #2 0x10"]);
    // PINGRESP is no acknowledgement and does not wait.
    story.send_bytes(client, &[0xC0, 0x00]);
    assert_eq!(story.read(client), ["PINGRESP"]);
}
