use dunlin_codec::{Connect, PacketType, Property, Qos, ReasonCode};
use dunlin_testkit::ServerOptions;

use crate::story::{Client, Story, V3, V5, owned, properties, publish};
use PacketType::{Puback, Pubcomp, Pubrec};

fn client_with<'a>(story: &mut Story, list: impl IntoIterator<Item = Property<'a>>) -> Client {
    let bytes = properties(list);
    let connect = Connect { properties: owned(PacketType::Connect, &bytes), ..Connect::new(V5, "a") };
    let client = story.connect(V5, &connect);
    story.read(client);
    client
}

#[test]
fn the_clients_receive_maximum_is_honoured() {
    let mut story = Story::new();
    let client = client_with(&mut story, [Property::ReceiveMaximum(2)]);
    story.subscribe(client, "t", Qos::ExactlyOnce);
    for (payload, qos) in [("1", 1), ("2", 2), ("3", 1), ("4", 1)] {
        story.server.publish("t", payload, Qos::from_u8(qos).unwrap(), false, story.now).unwrap();
    }
    story.server.publish("t", "free", Qos::AtMostOnce, false, story.now).unwrap();
    assert_eq!(story.read(client), ["PUBLISH q1 #1 t=1", "PUBLISH q2 #2 t=2", "PUBLISH q0 t=free"]);
    story.ack(client, Pubrec, 2);
    assert_eq!(story.read(client), ["PUBREL #2 0x00"], "PUBREC gives no place back");
    story.ack(client, Puback, 1);
    assert_eq!(story.read(client), ["PUBLISH q1 #3 t=3"]);
    story.ack(client, Pubcomp, 2);
    assert_eq!(story.read(client), ["PUBLISH q1 #4 t=4"]);
    story.assert_no_breaches();
}

#[test]
fn a_refusing_pubrec_ends_the_message() {
    let mut story = Story::new();
    let client = client_with(&mut story, [Property::ReceiveMaximum(1)]);
    story.subscribe(client, "t", Qos::ExactlyOnce);
    for payload in ["1", "2"] {
        story.server.publish("t", payload, Qos::ExactlyOnce, false, story.now).unwrap();
    }
    assert_eq!(story.read(client), ["PUBLISH q2 #1 t=1"]);
    story.send_bytes(client, &[0x50, 0x03, 0x00, 0x01, 0x87]);
    assert_eq!(story.read(client), ["PUBLISH q2 #2 t=2"]);
}

#[test]
fn a_message_above_the_clients_maximum_packet_size_is_dropped_for_it() {
    let mut story = Story::new();
    let client = client_with(&mut story, [Property::MaximumPacketSize(40)]);
    story.subscribe(client, "t", Qos::AtLeastOnce);
    let payload = |len| "x".repeat(len);
    // 1 + 1 + 2 + 1 + 2 + 1 bytes go before the payload.
    for len in [33, 32] {
        story.server.publish("t", payload(len), Qos::AtLeastOnce, false, story.now).unwrap();
    }
    assert_eq!(story.read(client), [format!("PUBLISH q1 #2 t={}", payload(32))]);
    assert_eq!(story.server.clients()[0].dropped, 1);
}

#[test]
fn a_reason_string_is_left_out_where_it_may_not_stand() {
    let mut story = Story::with(ServerOptions::new().reason_strings(true));
    let deny = |options: ServerOptions| options.deny_publish("t", ReasonCode::NOT_AUTHORIZED).unwrap();
    story.server.reconfigure(deny);
    let client = client_with(&mut story, [Property::RequestProblemInformation(false)]);
    story.publish(client, "t", "x", 1, 1);
    assert_eq!(story.read(client), ["PUBACK #1 0x87"]);
    let client = client_with(&mut story, [Property::MaximumPacketSize(21)]);
    story.publish(client, "t", "x", 1, 1);
    assert_eq!(story.read(client), ["PUBACK #1 0x87"]);
}

#[test]
fn aliases_go_outwards_if_wanted_within_the_clients_maximum() {
    let mut story = Story::with(ServerOptions::new().use_topic_aliases(true));
    let client = client_with(&mut story, [Property::TopicAliasMaximum(1)]);
    story.subscribe(client, "#", Qos::AtMostOnce);
    for topic in ["a", "a", "b"] {
        story.server.publish(topic, "x", Qos::AtMostOnce, false, story.now).unwrap();
    }
    assert_eq!(story.read(client), ["PUBLISH q0 a=x TopicAlias(1)", "PUBLISH q0 =x TopicAlias(1)", "PUBLISH q0 b=x"]);
}

#[test]
fn what_was_announced_is_enforced() {
    let options = || ServerOptions::new().topic_alias_maximum(2);
    let with_property = |property| {
        let bytes = properties([property]);
        let mut packet = publish("t", "x", 0, 0);
        packet.properties = owned(PacketType::Publish, &bytes);
        let mut wire = vec![0; 64];
        let len = packet.encode(V5, &mut wire).unwrap();
        wire.truncate(len);
        wire
    };
    for (options, bytes, told, statement) in [
        (options().maximum_qos(Qos::AtMostOnce), b"\x32\x06\x00\x01t\x00\x01\x00".to_vec(), 0x9B, "MQTT-3.2.2-11"),
        (options().retain_available(false), b"\x31\x04\x00\x01t\x00".to_vec(), 0x9A, "MQTT-3.2.2-14"),
        (options().maximum_packet_size(100), b"\x30\x7F\x00\x01t\x00".to_vec(), 0x95, "MQTT-3.2.2-15"),
        (options(), with_property(Property::TopicAlias(3)), 0x94, "MQTT-3.2.2-17"),
        (options(), b"\x30\x06\x00\x00\x03\x23\x00\x02".to_vec(), 0x82, "U5-3.3.4-b"),
        (options(), with_property(Property::SubscriptionIdentifier(1)), 0x82, "MQTT-3.3.4-6"),
        (
            options().wildcard_subscription_available(false),
            b"\x82\x07\x00\x01\x00\x00\x01#\x00".to_vec(),
            0xA2,
            "U5-3.2.2.3.11-a",
        ),
        (
            options().subscription_identifier_available(false),
            b"\x82\x09\x00\x01\x02\x0B\x01\x00\x01t\x00".to_vec(),
            0xA1,
            "U5-3.2.2.3.12-a",
        ),
        (
            options().shared_subscription_available(false),
            b"\x82\x10\x00\x01\x00\x00\x0A$share/g/t\x00".to_vec(),
            0x9E,
            "U5-3.2.2.3.13-a",
        ),
    ] {
        let mut story = Story::with(options);
        let client = story.client(V5, "a");
        story.send_bytes(client, &bytes);
        assert_eq!(story.read(client), [format!("DISCONNECT 0x{told:02X}"), "closed".to_owned()], "{statement}");
        assert_eq!(story.statements(), [statement]);
    }
}

#[test]
fn a_client_of_3_1_1_is_not_blamed_for_limits_it_cannot_know() {
    let mut story =
        Story::with(ServerOptions::new().maximum_qos(Qos::AtMostOnce).wildcard_subscription_available(false));
    let client = story.client(V3, "a");
    assert_eq!(story.subscribe(client, "#", Qos::AtMostOnce), ["SUBACK #1000 [80]"]);
    assert_eq!(story.subscribe(client, "t", Qos::ExactlyOnce), ["SUBACK #1000 [00]"]);
    story.publish(client, "t", "x", 1, 1);
    assert_eq!(story.read(client), ["closed"]);
    story.assert_no_breaches();
}

#[test]
fn the_servers_receive_maximum_is_enforced() {
    let mut story = Story::with(ServerOptions::new().receive_maximum(2).hold_acks(true));
    let client = story.client(V5, "a");
    story.publish(client, "t", "1", 1, 1);
    story.publish(client, "t", "2", 2, 2);
    story.assert_no_breaches();
    story.server.release_acks();
    assert_eq!(story.read(client), ["PUBACK #1 0x10", "PUBREC #2 0x10"]);
    // PUBACK gave a place back, PUBREC did not.
    story.publish(client, "t", "3", 1, 3);
    story.assert_no_breaches();
    story.publish(client, "t", "4", 1, 4);
    assert_eq!(story.read(client), ["DISCONNECT 0x93", "closed"]);
    assert_eq!(story.statements(), ["MQTT-3.3.4-7"]);
}

#[test]
fn a_client_that_does_not_read_fills_no_memory() {
    let mut story = Story::new();
    let client = story.client(V5, "a");
    story.subscribe(client, "t", Qos::AtLeastOnce);
    for qos in [Qos::AtMostOnce, Qos::AtLeastOnce] {
        for _ in 0..100 {
            story.server.publish("t", vec![0; 100_000], qos, false, story.now).unwrap();
        }
    }
    assert!(story.server.is_backed_up(client.id));
    assert!(story.server.poll_output(client.id, story.now).bytes.len() < 2 << 20);
    // QoS 0 was dropped and counted; QoS 1 waits and comes as the client reads.
    assert!(story.server.clients()[0].dropped > 80);
    let mut total = 0;
    while story.server.poll_ready().is_some() {
        total += story.server.poll_output(client.id, story.now).bytes.len();
    }
    assert_eq!((total + 500_000) / 10_000_000, 1);
}
