//! What clients do wrong, each under its statement.

use dunlin_codec::{Connect, Disconnect, Packet, PacketType, Qos, ReasonCode};
use dunlin_testkit::ServerOptions;

use crate::story::{Client, Story, V3, V5};
use PacketType::{Puback, Pubcomp, Pubrec, Pubrel};

#[test]
fn connect_comes_first_and_once() {
    let mut story = Story::new();
    let id = story.server.handle_connection(story.now);
    story.send_bytes(Client { id, version: V5 }, &[0xC0, 0x00]);
    assert!(story.server.poll_output(id, story.now).close.is_some());
    assert_eq!(story.statements(), ["MQTT-3.1.0-1"]);

    let client = story.client(V5, "a");
    story.send(client, &Packet::Connect(Connect::new(V5, "a")));
    assert_eq!(story.read(client), ["DISCONNECT 0x82", "closed"]);
    let last = story.server.breaches().pop().unwrap();
    assert_eq!((last.statement, last.client_id.as_str(), last.bytes.len()), ("MQTT-3.1.0-2", "a", 0));
}

#[test]
fn bytes_that_are_no_packet_cost_the_connection() {
    for (bytes, reason, statement) in [
        (&b"\x36\x05\x00\x01t\x00\x01"[..], 0x81, "MQTT-3.3.1-4"),
        (b"\x82\x02\x00\x01", 0x81, "U5-2.2.2.2-b"),
        (b"\x82\x03\x00\x01\x00", 0x82, "MQTT-3.8.3-2"),
        (b"\x82\x09\x00\x01\x02\x0B\x00\x00\x01t\x00", 0x82, "U5-3.2.2.3.3-a"),
        (b"\x80\x07\x00\x01\x00\x00\x01t\x00", 0x81, "MQTT-2.1.3-1"),
        (b"\x38\x04\x00\x01t\x00", 0x82, "MQTT-3.3.1-2"),
        (b"\x30\x04\x00\x01+\x00", 0x90, "MQTT-3.3.2-2"),
        (b"\xC0\xFF\xFF\xFF\xFF\x01", 0x81, "MQTT-1.5.5-1"),
        (b"\xD0\x00", 0x82, "MQTT-4.8.0-1"),
        (b"\xF0\x08\x19\x06\x15\x00\x03abc", 0x82, "MQTT-4.12.0-7"),
    ] {
        let mut story = Story::new();
        let client = story.client(V5, "a");
        story.send_bytes(client, bytes);
        assert_eq!(story.statements(), [statement]);
        assert_eq!(story.read(client), [format!("DISCONNECT 0x{reason:02X}"), "closed".to_owned()], "{statement}");
    }
}

#[test]
fn packets_may_come_in_pieces_of_any_size() {
    let mut story = Story::new();
    let client = story.client(V5, "a");
    let mut bytes = Vec::new();
    for id in 1..=20 {
        bytes.extend([0x32, 0x07, 0x00, 0x01, b't', 0x00, id, 0x00, b'x']);
    }
    for piece in bytes.chunks(4) {
        story.send_bytes(client, piece);
    }
    assert_eq!(story.read(client).len(), 20);
    story.assert_no_breaches();
}

#[test]
fn a_packet_identifier_is_used_once_at_a_time() {
    for (version, statement) in [(V3, "MQTT-2.3.1-2"), (V5, "MQTT-2.2.1-3")] {
        let mut story = Story::with(ServerOptions::new().hold_acks(true));
        let client = story.client(version, "a");
        story.publish(client, "t", "1", 1, 1);
        story.publish(client, "t", "2", 1, 1);
        assert_eq!(story.statements(), [statement]);
        // SUBSCRIBE shares the identifiers; the story's has 1,000.
        story.publish(client, "t", "3", 2, 1_000);
        story.subscribe(client, "t", Qos::AtMostOnce);
        assert_eq!(story.statements().len(), 2);
        let other = story.client(version, "b");
        story.subscribe(other, "t", Qos::AtMostOnce);
        story.publish(other, "t", "3", 2, 1_000);
        assert_eq!(story.statements().len(), 3);

        // After the last acknowledgement it is free.
        let mut story = Story::new();
        let client = story.client(version, "a");
        for qos in [1, 1, 2] {
            story.publish(client, "t", "1", qos, 1);
        }
        story.assert_no_breaches();
        story.publish(client, "t", "2", 1, 1);
        assert_eq!(story.statements(), [statement], "PUBREC does not free it");
    }
}

#[test]
fn dup_belongs_to_what_was_sent_before() {
    let mut story = Story::new();
    let client = story.client(V5, "a");
    story.publish_again(client, "t", "x", 1, 1);
    assert_eq!(story.statements(), ["MQTT-3.3.1-3"]);
    // In a resumed session the first copy may have been lost on its way.
    let mut story = Story::new();
    let (client, _) = story.resuming(V5, "a");
    story.lose(client);
    let (client, _) = story.resuming(V5, "a");
    story.publish_again(client, "t", "x", 1, 1);
    story.assert_no_breaches();
}

/// The server freed the identifier, the client used it for another message, and the connection ended in the middle of
/// that: it comes with DUP, and the server never saw it before.
#[test]
fn a_message_that_the_end_of_a_connection_swallowed_comes_with_dup_under_an_identifier_that_was_used() {
    for version in [V3, V5] {
        let mut story = Story::new();
        let (client, _) = story.resuming(version, "a");
        for id in [1, 2] {
            story.publish(client, "t", "x", 2, id);
            story.ack(client, Pubrel, id);
        }
        story.publish(client, "t", "y", 2, 3);
        story.lose(client);
        let (client, _) = story.resuming(version, "a");
        story.publish_again(client, "t", "y", 2, 3);
        story.publish_again(client, "t", "z", 2, 1);
        assert_eq!(story.server.received_total(), 4);
        story.assert_no_breaches();
        // What it saw the end of is another matter.
        story.publish_again(client, "t", "x", 2, 2);
        assert_eq!(story.statements().len(), 1);
    }
}

#[test]
fn nothing_is_sent_again_on_a_live_connection() {
    let mut story = Story::with(ServerOptions::new().hold_acks(true));
    let client = story.client(V5, "a");
    story.publish(client, "t", "x", 1, 1);
    story.publish_again(client, "t", "x", 1, 1);
    assert_eq!(story.statements(), ["MQTT-4.4.0-1"]);
}

#[test]
fn what_is_sent_again_is_the_same_and_in_order() {
    let begin = |qos| {
        let mut story = Story::with(ServerOptions::new().hold_acks(true));
        let (client, _) = story.resuming(V5, "a");
        for id in [1, 2, 3] {
            story.publish(client, "t", "x", qos, id);
        }
        story.lose(client);
        let (client, _) = story.resuming(V5, "a");
        (story, client)
    };
    let (mut story, client) = begin(1);
    for id in [1, 2, 3] {
        story.publish_again(client, "t", "x", 1, id);
    }
    story.assert_no_breaches();

    let (mut story, client) = begin(2);
    story.publish_again(client, "t", "x", 2, 2);
    story.publish_again(client, "t", "x", 2, 1);
    assert_eq!(story.statements(), ["MQTT-4.6.0-1"]);

    let (mut story, client) = begin(1);
    story.publish_again(client, "t", "other", 1, 1);
    assert_eq!(story.statements(), ["MQTT-3.3.1-1"]);
    story.publish(client, "t", "x", 1, 2);
    assert_eq!(story.statements(), ["MQTT-3.3.1-1", "MQTT-3.3.1-1"], "again, without DUP");
    story.publish(client, "t", "new", 1, 3);
    assert_eq!(story.statements()[2], "MQTT-2.2.1-3", "the identifier is still in use");
}

#[test]
fn a_publish_is_not_sent_again_after_its_pubrel() {
    let mut story = Story::new();
    let (client, _) = story.resuming(V5, "a");
    story.publish(client, "t", "x", 2, 1);
    story.ack(client, Pubrel, 1);
    story.lose(client);
    let (client, _) = story.resuming(V5, "a");
    story.publish_again(client, "t", "x", 2, 1);
    assert_eq!(story.statements(), ["MQTT-4.3.3-6"]);
}

#[test]
fn pubrel_needs_a_pubrec_and_keeps_its_order() {
    let mut story = Story::new();
    let client = story.client(V5, "a");
    story.ack(client, Pubrel, 9);
    assert_eq!(story.read(client), ["PUBCOMP #9 0x92"]);
    assert_eq!(story.statements(), ["MQTT-2.2.1-5"]);

    let mut story = Story::with(ServerOptions::new().hold_acks(true));
    let client = story.client(V5, "a");
    story.publish(client, "t", "x", 2, 1);
    story.ack(client, Pubrel, 1);
    assert_eq!(story.statements(), ["MQTT-4.3.3-4"]);

    let mut story = Story::new();
    let client = story.client(V5, "a");
    for id in [1, 2, 3] {
        story.publish(client, "t", "x", 2, id);
    }
    story.ack(client, Pubrel, 1);
    story.ack(client, Pubrel, 3);
    story.assert_no_breaches();
    story.ack(client, Pubrel, 2);
    assert_eq!(story.statements(), ["MQTT-4.6.0-4"]);
}

/// A client that got three messages of this QoS.
fn receiving(qos: Qos) -> (Story, Client) {
    let mut story = Story::new();
    let client = story.client(V5, "a");
    story.subscribe(client, "t", Qos::ExactlyOnce);
    for payload in ["1", "2", "3"] {
        story.server.publish("t", payload, qos, false, story.now).unwrap();
    }
    assert_eq!(story.read(client).len(), 3);
    (story, client)
}

#[test]
fn acknowledgements_keep_the_order_of_the_messages() {
    for (qos, packet_type, statement) in
        [(Qos::AtLeastOnce, Puback, "MQTT-4.6.0-2"), (Qos::ExactlyOnce, Pubrec, "MQTT-4.6.0-3")]
    {
        let (mut story, client) = receiving(qos);
        for id in [1, 2, 3] {
            story.ack(client, packet_type, id);
        }
        story.assert_no_breaches();
        let (mut story, client) = receiving(qos);
        story.ack(client, packet_type, 2);
        story.ack(client, packet_type, 1);
        assert_eq!(story.statements(), [statement]);
    }
}

#[test]
fn acknowledgements_are_for_what_was_sent_and_of_its_kind() {
    let (mut story, client) = receiving(Qos::AtLeastOnce);
    story.ack(client, Puback, 77);
    story.ack(client, Pubcomp, 77);
    story.ack(client, Pubrec, 77);
    assert_eq!(story.statements(), ["MQTT-2.2.1-5"; 3]);
    assert_eq!(story.read(client), ["PUBREL #77 0x92"]);

    for (qos, wrong) in [(Qos::AtLeastOnce, Pubrec), (Qos::ExactlyOnce, Puback), (Qos::ExactlyOnce, Pubcomp)] {
        let (mut story, client) = receiving(qos);
        story.ack(client, wrong, 1);
        assert_eq!(story.statements(), ["MQTT-3.3.4-1"]);
        assert_eq!(story.read(client), ["DISCONNECT 0x82", "closed"]);
    }
}

#[test]
fn nothing_follows_disconnect() {
    for (version, statement) in [(V3, "MQTT-3.14.4-2"), (V5, "MQTT-3.14.4-1")] {
        let mut story = Story::new();
        let client = story.client(version, "a");
        story.send(client, &Packet::Disconnect(Disconnect::new(ReasonCode::SUCCESS)));
        story.assert_no_breaches();
        story.send_bytes(client, &[0xC0, 0x00]);
        assert_eq!(story.statements(), [statement]);
        assert_eq!(story.read(client), ["closed"]);
    }
}

#[test]
fn a_client_does_not_give_the_reasons_of_servers() {
    let mut story = Story::new();
    let client = story.client(V5, "a");
    story.send(client, &Packet::Disconnect(Disconnect::new(ReasonCode::SESSION_TAKEN_OVER)));
    assert_eq!(story.statements(), ["MQTT-3.14.2-1"]);
}

#[test]
fn a_breach_tells_who_what_and_the_bytes() {
    let mut story = Story::new();
    let client = story.client(V5, "sensor");
    story.ack(client, Puback, 77);
    let text = story.server.breaches()[0].to_string();
    assert_eq!(
        text,
        "[MQTT-2.2.1-5] client \"sensor\" (MQTT 5.0, connection 1) acknowledged a packet identifier that waits for no \
         such packet: 40 02 00 4d"
    );
}
